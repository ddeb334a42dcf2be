"""The interface of an observer, such as the admin UI's report: one method for each thing that happens to a client.

A server without an observer only compares with None. A file of its own, because three modules call it and the package
``_admin`` implements it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fanio.types import Room

__all__ = ["Observer"]


class Observer(Protocol):
    """An observer. Its methods must not raise, because exceptions would reach the application's calls."""

    def connected(self, sid: str, namespace: str, session_id: str) -> None:
        """Note that a client was accepted."""

    def disconnected(self, sid: str, namespace: str, reason: str) -> None:
        """Note that an accepted client has disconnected."""

    def received(self, sid: str, namespace: str, args: list[Any]) -> None:
        """Note an event of a client; ``args`` begin with its name."""

    def sent(self, namespace: str, rooms: list[str] | None, skip: Iterable[str], args: list[Any]) -> None:
        """Note an emit; ``args`` begin with the event's name, ``rooms`` None is all clients."""

    def joined(self, sid: str, namespace: str, room: Room) -> None:
        """Note that a client has entered a room."""

    def left(self, sid: str, namespace: str, room: Room) -> None:
        """Note that a client has left a room."""
