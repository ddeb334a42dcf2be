"""Acknowledgements that are still to come: who waits for them.

An entry has exactly one outcome: the client's answer, or its disconnection.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["Acks", "Waiter"]

Waiter = Callable[[list[Any] | None], None]
"""Called with the arguments of the ack, or with None when the client is gone."""


class Acks:
    """The waiters of one server, by socket and ack id."""

    def __init__(self) -> None:
        self._ids = itertools.count(1)
        self._waiting: dict[str, dict[int, Waiter]] = {}

    def next_id(self) -> int:
        """Return an ack id that no other packet of this server has."""
        return next(self._ids)

    def add(self, sids: Iterable[str], ack_id: int, waiter: Waiter) -> None:
        """Let a waiter wait for the answer of each of these sockets."""
        for sid in sids:
            self._waiting.setdefault(sid, {})[ack_id] = waiter

    def cancel(self, sid: str, ack_id: int) -> None:
        """Wait no more."""
        waiting = self._waiting.get(sid)
        if waiting and waiting.pop(ack_id, None) and not waiting:
            del self._waiting[sid]

    def pop(self, sid: str, ack_id: int) -> Waiter | None:
        """Return who waits for this answer; None when nobody does."""
        waiter = self._waiting.get(sid, {}).get(ack_id)
        self.cancel(sid, ack_id)
        return waiter

    def drop(self, sid: str) -> None:
        """Tell everybody who waits for this socket that it is gone."""
        for waiter in self._waiting.pop(sid, {}).values():
            waiter(None)

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))
