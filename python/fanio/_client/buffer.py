"""A bounded, ordered buffer for events whose namespace is not connected: emitted events, and received ones."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from fanio.types import Payload

__all__ = ["Buffer", "BufferedEvent"]

T = TypeVar("T")


class BufferedEvent(NamedTuple):
    """An emitted event that could not be sent yet."""

    payload: Payload
    attachments: list[bytes] | None
    ack_id: int | None

    def size(self) -> int:
        """Return its size in bytes."""
        return len(self.payload) + sum(map(len, self.attachments or ()))


class Buffer(Generic[T]):
    """Items by namespace."""

    def __init__(self, max_items: int, max_bytes: int) -> None:
        """Set the limits, which apply to all namespaces together."""
        self._max_items = max_items
        self._max_bytes = max_bytes
        # Most buffers stay empty, and an empty deque takes 0.7 KiB.
        self._items: deque[tuple[str, int, T]] | tuple[()] = ()
        self.bytes = 0

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def add(self, namespace: str, item: T, size: int) -> bool:
        """Append an item of ``size`` bytes; return False if it exceeds a limit."""
        if len(self._items) >= self._max_items or self.bytes + size > self._max_bytes:
            return False
        if isinstance(self._items, tuple):
            self._items = deque()
        self._items.append((namespace, size, item))
        self.bytes += size
        return True

    def take(self, namespace: str | None = None) -> list[T]:
        """Remove and return the items of a namespace, or of all namespaces, in order."""
        return self.remove(lambda name, _: namespace is None or name == namespace)

    def remove(self, matches: Callable[[str, T], bool]) -> list[T]:
        """Remove and return the items for which ``matches(namespace, item)`` is true, in order."""
        if not self._items:
            return []
        kept: deque[tuple[str, int, T]] = deque()
        found = []
        for namespace, size, item in self._items:
            if matches(namespace, item):
                found.append(item)
                self.bytes -= size
            else:
                kept.append((namespace, size, item))
        self._items = kept or ()
        return found

    def items(self) -> list[T]:
        """Return all items, in order."""
        return [item for _, _, item in self._items]
