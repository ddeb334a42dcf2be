"""What somebody who watches a server is told.

One method for each thing that happens to a client. A server without an observer pays for one
look at None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fanio.types import Room

__all__ = ["Observer"]


class Observer(Protocol):
    """Somebody who watches; what it raises would reach the program, so it must not."""

    def connected(self, sid: str, namespace: str, session_id: str) -> None:
        """Hear that a client was accepted."""

    def disconnected(self, sid: str, namespace: str, reason: str) -> None:
        """Hear that a client that was accepted is gone."""

    def received(self, sid: str, namespace: str, args: list[Any]) -> None:
        """Hear of an event of a client's; its name comes first."""

    def sent(self, namespace: str, rooms: list[str] | None, skip: Iterable[str], args: list[Any]) -> None:
        """Hear of an emit; its name comes first, ``rooms`` None means everybody."""

    def joined(self, sid: str, namespace: str, room: Room) -> None:
        """Hear that a client has entered a room."""

    def left(self, sid: str, namespace: str, room: Room) -> None:
        """Hear that a client was taken out of a room."""
