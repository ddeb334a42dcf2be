"""Who waits for the answers of clients of other servers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fanio._server.acks import Waiter

__all__ = ["Callbacks"]

#: The most that wait: other servers do not say when a client is gone that has not answered.
_MOST = 10_000


class Callbacks:
    """Those who wait, by number; the newest 10,000 of them. Any thread may register."""

    def __init__(self, numbers: Iterator[int]) -> None:
        """Take the numbers, which nothing else of the node may use."""
        self._numbers = numbers
        self._waiting: OrderedDict[int, tuple[Waiter, float]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def expect(self, waiter: Waiter, seconds: float) -> int:
        """Return the number under which the answers come, for so many seconds at least."""
        with self._lock:
            number = next(self._numbers)
            self._waiting[number] = waiter, seconds
            if len(self._waiting) > _MOST:
                self._waiting.popitem(last=False)
        return number

    def find(self, number: int) -> Waiter | None:
        """Return who waits; each client of a room may answer, so it goes on waiting."""
        return self._waiting.get(number, (None, 0))[0]

    def seconds(self, number: int) -> float:
        """Return how long answers are waited for."""
        return self._waiting.get(number, (None, 0))[1]

    def drop(self, number: int) -> None:
        """Forget who does not wait any longer."""
        with self._lock:
            self._waiting.pop(number, None)
