"""What the other servers of a cluster are asked, and who waits for their answers."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Answers", "Requests"]


@dataclass
class Answers:
    """The answers to one request."""

    #: One for each server that answered, as the core gives them.
    values: list[Any] = field(default_factory=list)
    #: How many servers did not answer in time.
    missing: int = 0
    #: Their names, where they are known.
    missing_nodes: list[str] = field(default_factory=list)


@dataclass
class _Pending:
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Answers]


class Requests:
    """The requests that wait, by number. May be used on any loop."""

    def __init__(self) -> None:
        """Wait for nothing yet."""
        self._numbers = itertools.count(1)
        self._pending: dict[int, _Pending] = {}

    def begin(self) -> tuple[int, asyncio.Future[Answers]]:
        """Return a new number, and what its answers will be set on."""
        loop = asyncio.get_running_loop()
        number, future = next(self._numbers), loop.create_future()
        self._pending[number] = _Pending(loop, future)
        return number, future

    def end(self, number: int, answers: Answers) -> None:
        """Give the answers to who waits for them."""
        pending = self._pending.pop(number, None)
        if pending is not None and not pending.loop.is_closed():
            pending.loop.call_soon_threadsafe(_set_result, pending.future, answers)

    def fail(self, number: int, error: Exception) -> None:
        """Raise in who waits for the answers."""
        pending = self._pending.pop(number, None)
        if pending is not None and not pending.loop.is_closed():
            pending.loop.call_soon_threadsafe(_set_exception, pending.future, error)

    def cancel(self) -> None:
        """End all: the server has stopped, and no more answers come."""
        for number in list(self._pending):
            self.end(number, Answers())


def _set_result(future: asyncio.Future[Answers], answers: Answers) -> None:
    if not future.done():
        future.set_result(answers)


def _set_exception(future: asyncio.Future[Answers], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
