"""Maps rooms, which are any hashable objects in Python, to names, which are text in the core.

Owns the mapping in both directions. A room that is text is its own name. Any other room gets a name that starts with
a NUL character. Text that itself starts with NUL gets a prefix, so that a client cannot name such a room by text.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanio.types import Rooms

__all__ = ["RoomNames"]

_UNKNOWN = "\x00-"
_FIRST_SWEEP = 1024


class RoomNames:
    """The names of the rooms of one server.

    Only rooms that are neither text nor integers need an entry in a table. Each time the table has doubled, the
    entries of rooms without a member are removed.
    """

    def __init__(self, occupied_names: Callable[[], set[str]]) -> None:
        """Start empty; ``occupied_names`` returns the names of all rooms that have a member."""
        self._occupied_names = occupied_names
        self._names: dict[Hashable, str] = {}
        self._rooms: dict[str, Hashable] = {}
        self._count = 0
        self._sweep_at = _FIRST_SWEEP
        #: Held from naming a room until the core knows it, so that the entry is not removed in between.
        self.lock = threading.Lock()

    def name(self, room: Hashable) -> str:
        """Return the name of a room; a name that no room has when the room is unknown.

        Raises:
            TypeError: When it is not hashable.
        """
        name = _plain(room)
        return self._names.get(room, _UNKNOWN) if name is None else name

    def new_name(self, room: Hashable) -> str:
        """Return the name of a room that a client is about to enter; the caller holds ``lock``."""
        name = _plain(room)
        if name is None:
            name = self._names.get(room)
        if name is None:
            if len(self._names) >= self._sweep_at:
                self._sweep()
            self._count += 1
            name = f"\x00h{self._count}"
            self._names[room] = name
            self._rooms[name] = room
        return name

    def names(self, rooms: Rooms) -> list[str]:
        """Return the names of the room or rooms that an event is sent to.

        Raises:
            TypeError: When one is not hashable, or is an object that is unlikely to be meant as a room.
        """
        if isinstance(rooms, str):
            return [_text(rooms)]
        if isinstance(rooms, bytes) or not isinstance(rooms, Iterable):
            return [self._target(rooms)]
        return [self._target(room) for room in rooms]

    def _target(self, room: Hashable) -> str:
        name = self.name(room)
        # An object that is equal only to itself, and that no client has entered, is most likely a mistake.
        if name == _UNKNOWN and type(room).__hash__ is object.__hash__:
            msg = f"expected a room or the sid of a client, got {room!r}, which nobody has entered"
            raise TypeError(msg)
        return name

    def room(self, name: str) -> Hashable:
        """Return the room of a name."""
        if not name.startswith("\x00"):
            return name
        if name.startswith("\x00i"):
            return int(name[2:])
        if name.startswith("\x00s"):
            return name[2:]
        return self._rooms.get(name, name)

    def _sweep(self) -> None:
        occupied = self._occupied_names()
        for name in [name for name in self._rooms if name not in occupied]:
            del self._names[self._rooms.pop(name)]
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._names))


def _plain(room: Hashable) -> str | None:
    """Return the name of a room that needs no entry in the table; None for other rooms."""
    if isinstance(room, str):
        return _text(room)
    if isinstance(room, int) or (isinstance(room, float) and room.is_integer()):
        # Equal keys are one room, as in a dictionary: 1, True and 1.0 are equal.
        return f"\x00i{int(room)}"
    return None


def _text(room: str) -> str:
    return "\x00s" + room if room[:1] == "\x00" else room
