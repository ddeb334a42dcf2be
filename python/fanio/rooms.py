"""Names of rooms: the core knows strings, applications use any hashable."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from fanio.types import Room, Rooms

__all__ = ["RoomNames"]

_MANY = 10_000


class RoomNames:
    """Maps rooms to the core's names and back.

    Strings are their own names, ints have a name that tells them, everything else is remembered.
    """

    def __init__(self) -> None:
        self._names: dict[Room, str] = {}
        self._rooms: dict[str, Room] = {}

    def name(self, room: Room) -> str:
        """Return the core's name of a room.

        Raises:
            TypeError: The room is not hashable.
        """
        if isinstance(room, str):
            return room
        if isinstance(room, int):
            return f"\0i{int(room)}"
        name = self._names.get(room)
        if name is None:
            name = f"\0o{len(self._names)}-{id(room)}"
            self._names[room], self._rooms[name] = name, room
        return name

    def room(self, name: str) -> Room:
        """Return the room of a name."""
        if not name.startswith("\0"):
            return name
        return int(name[2:]) if name[1] == "i" else self._rooms.get(name, name)

    def names(self, rooms: Rooms) -> list[str]:
        """Return the names of one room, or of several."""
        if isinstance(rooms, (list, tuple, set, frozenset)):
            return [self.name(room) for room in rooms]
        if isinstance(rooms, (str, int)) or not isinstance(rooms, Iterable):
            return [self.name(rooms)]
        return [self.name(room) for room in rooms]

    def forget_unused(self, used: Any) -> None:
        """Forget remembered rooms that nobody is in, once there are many.

        Args:
            used: A callable that returns the names of all rooms that have members.
        """
        if len(self._rooms) > _MANY:
            keep = set(used())
            for name in [name for name in self._rooms if name not in keep]:
                del self._names[self._rooms.pop(name)]
