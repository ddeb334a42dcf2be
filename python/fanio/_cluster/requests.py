"""What the other servers of a cluster are asked, and who waits for their answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Answers", "Requests"]


@dataclass
class Answers:
    """The answers to one request."""

    #: One for each server that answered, as the core gives them.
    values: list[Any] = field(default_factory=list)
    #: How many servers did not answer in time.
    missing: int = 0


class Requests:
    """The requests that wait, by number. May be used on any loop."""

    def __init__(self, numbers: Iterator[int]) -> None:
        """Take the numbers, which nothing else of the node may use."""
        self._numbers = numbers
        self._pending: dict[int, tuple[asyncio.AbstractEventLoop, asyncio.Future[Answers]]] = {}

    def begin(self) -> tuple[int, asyncio.Future[Answers]]:
        """Return a new number, and what its answers will be set on."""
        loop = asyncio.get_running_loop()
        number, future = next(self._numbers), loop.create_future()
        self._pending[number] = loop, future
        return number, future

    def end(self, number: int, values: list[Any], missing: int, _names: list[str] | None = None) -> None:
        """Give the answers to who waits for them."""
        self._settle(number, Answers(values, missing), None)

    def fail(self, number: int, error: str) -> None:
        """Raise in who waits for the answers."""
        self._settle(number, Answers(), NotImplementedError(f"{error}: see docs/scaling-out.md"))

    def cancel(self) -> None:
        """End all: the server has stopped, and no more answers come."""
        for number in list(self._pending):
            self.end(number, [], 0)

    def _settle(self, number: int, answers: Answers, error: Exception | None) -> None:
        loop, future = self._pending.pop(number, (None, None))
        if loop is not None and future is not None and not loop.is_closed():
            loop.call_soon_threadsafe(_set, future, answers, error)


def _set(future: asyncio.Future[Answers], answers: Answers, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(answers)
    else:
        future.set_exception(error)
