"""Acknowledgements that are still to come, and what is done when they do.

One number per emit, unique in the server; each recipient may answer it once. Entries go when
the answer comes, when the caller stops waiting, or when the client is gone. Any thread may
register; answers arrive on the serving loop.
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
    """Somebody who waits for acknowledgements."""

    def deliver(self, args: list[Any]) -> None:
        """Take an answer."""

    def lose(self) -> None:
        """Note that one of the recipients will never answer."""


class Acks:
    """The acknowledgements each client owes."""

    def __init__(self) -> None:
        """Start with none."""
        # From 1, as clients may take 0 for no id.
        self._numbers = itertools.count(1)
        self._waiting: dict[str, dict[int, Waiter]] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many are outstanding."""
        return sum(map(len, self._waiting.values()))

    def expect(self, sids: Iterable[str], waiter: Waiter) -> int:
        """Return the number to send to these clients."""
        number = next(self._numbers)
        with self._lock:
            for sid in sids:
                self._waiting.setdefault(sid, {})[number] = waiter
        return number

    def take(self, sid: str, number: int) -> Waiter | None:
        """Return who waits for this answer, and strike it off; None when nobody does."""
        with self._lock:
            mine = self._waiting.get(sid)
            if mine is None:
                return None
            waiter = mine.pop(number, None)
            if not mine:
                del self._waiting[sid]
            return waiter

    def waiting(self) -> dict[str, dict[int, Any]]:
        """Return what is outstanding, by sid and number: functions, where it is one; a copy."""
        with self._lock:
            return {
                sid: {number: getattr(waiter, "function", waiter) for number, waiter in mine.items()}
                for sid, mine in self._waiting.items()
            }

    def drop(self, sid: str) -> None:
        """Forget what a client owes: it is gone."""
        with self._lock:
            mine = self._waiting.pop(sid, {})
        for waiter in mine.values():
            waiter.lose()


class CallbackWaiter:
    """A ``callback=`` function, called for every recipient that answers."""

    __slots__ = ("_run", "function")

    def __init__(self, callback: Callable[..., Any], run: Callable[[Callable[..., Any], list[Any]], None]) -> None:
        """Call ``callback`` by way of ``run``, which knows the loop and logs what it raises."""
        self.function = callback
        self._run = run

    def deliver(self, args: list[Any]) -> None:
        """Call the function."""
        self._run(self.function, args)

    def lose(self) -> None:
        """Do nothing: a callback is not told."""


class CallWaiter:
    """A ``call()``, which takes the first answer and ends when none can come any more."""

    __slots__ = ("_left", "_loop", "future")

    def __init__(self, recipients: int) -> None:
        """Wait on the running loop for one of so many recipients."""
        self._loop = asyncio.get_running_loop()
        self._left = recipients
        self.future: asyncio.Future[list[Any]] = self._loop.create_future()

    def deliver(self, args: list[Any]) -> None:
        """Hand the answer over to the caller's loop."""
        self._hand_over(self._set, args)

    def lose(self) -> None:
        """Note that one of the recipients is gone."""
        self._left -= 1
        if self._left <= 0:
            self._hand_over(self._fail)

    def _hand_over(self, function: Callable[..., None], *args: Any) -> None:
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
