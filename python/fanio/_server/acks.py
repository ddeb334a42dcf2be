"""Acknowledgements that clients have not sent yet, and the objects that wait for them.

Each emit with an acknowledgement has a number that is unique in the server, and each recipient may answer once. An
entry is removed when the answer arrives, when the caller stops waiting, or when the client is gone. Any thread may add
entries. Answers arrive on the server's event loop.
"""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from fanio.exceptions import TimeoutError as NoAnswerError

__all__ = ["Acks", "CallWaiter", "CallbackWaiter", "Waiter"]


class Waiter(Protocol):
    """The interface of an object that waits for acknowledgements."""

    def deliver(self, args: list[Any]) -> None:
        """Handle an answer."""

    def lose(self) -> None:
        """Note that one of the recipients will never answer."""


class Acks:
    """The outstanding acknowledgements of all clients."""

    def __init__(self) -> None:
        """Start without entries."""
        # From 1, because some clients treat 0 as no id.
        self._numbers = itertools.count(1)
        self._waiting: dict[str, dict[int, Waiter]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return the number of outstanding acknowledgements."""
        return sum(map(len, self._waiting.values()))

    def expect(self, sids: Iterable[str], waiter: Waiter) -> int:
        """Add an entry for each client; return the number to send to them."""
        number = next(self._numbers)
        with self._lock:
            for sid in sids:
                self._waiting.setdefault(sid, {})[number] = waiter
        return number

    def take(self, sid: str, number: int) -> Waiter | None:
        """Remove an entry and return its waiter; None without an entry."""
        with self._lock:
            mine = self._waiting.get(sid)
            if mine is None:
                return None
            waiter = mine.pop(number, None)
            if not mine:
                del self._waiting[sid]
            return waiter

    def waiting(self) -> dict[str, dict[int, Any]]:
        """Return a copy of the entries by sid and number: the callback function, or else the waiter."""
        with self._lock:
            return {
                sid: {number: getattr(waiter, "function", waiter) for number, waiter in mine.items()}
                for sid, mine in self._waiting.items()
            }

    def drop(self, sid: str) -> None:
        """Remove all entries of a client that is gone."""
        with self._lock:
            mine = self._waiting.pop(sid, {})
        for waiter in mine.values():
            waiter.lose()


class CallbackWaiter:
    """Waits for a ``callback`` function, which is called for every recipient that answers."""

    __slots__ = ("_run", "function")

    def __init__(self, callback: Callable[..., Any], run: Callable[[Callable[..., Any], list[Any]], None]) -> None:
        """Call ``callback`` with ``run``, which runs it on the event loop and logs its exceptions."""
        self.function = callback
        self._run = run

    def deliver(self, args: list[Any]) -> None:
        """Call the function."""
        self._run(self.function, args)

    def lose(self) -> None:
        """Do nothing: a callback is only called with answers."""


class CallWaiter:
    """Waits for a ``call()``, which returns the first answer and fails when no recipient is left."""

    __slots__ = ("_left", "_loop", "future")

    def __init__(self, recipients: int) -> None:
        """Wait on the running event loop for the first answer of ``recipients`` clients."""
        self._loop = asyncio.get_running_loop()
        self._left = recipients
        self.future: asyncio.Future[list[Any]] = self._loop.create_future()

    def deliver(self, args: list[Any]) -> None:
        """Set the result of the future, on the caller's event loop."""
        self._run_on_loop(self._set, args)

    def lose(self) -> None:
        """Note that one of the recipients is gone."""
        self._left -= 1
        if self._left <= 0:
            self._run_on_loop(self._fail)

    def _run_on_loop(self, function: Callable[..., None], *args: Any) -> None:
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            function(*args)
        elif not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *args)

    def _set(self, args: list[Any]) -> None:
        if not self.future.done():
            self.future.set_result(args)

    def _fail(self) -> None:
        if not self.future.done():
            self.future.set_exception(NoAnswerError("the client is disconnected"))
