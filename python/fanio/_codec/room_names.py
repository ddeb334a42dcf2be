"""Room names: any hashable in Python, text in the core.

Owns the two-way mapping. Text is passed as it is; what is not text gets a name that starts with
a NUL, and text that starts with one is marked so that no client's text can reach such a name.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanio.types import Rooms

__all__ = ["RoomNames"]

_NOBODY = "\x00-"
_FIRST_SWEEP = 1024


class RoomNames:
    """The names of rooms, and the rooms of names.

    Rooms that are neither text nor integers stay known while somebody is in them: when their
    number has doubled, those without a member are forgotten.
    """

    def __init__(self, living: Callable[[], set[str]]) -> None:
        """Ask ``living`` for the names of all rooms that have a member, when sweeping."""
        self._living = living
        self._names: dict[Hashable, str] = {}
        self._rooms: dict[str, Hashable] = {}
        self._count = 0
        self._sweep_at = _FIRST_SWEEP
        #: Held from naming a room until the core knows it, so that no sweep comes between.
        self.lock = threading.Lock()

    def name(self, room: Hashable) -> str:
        """Return the name of a room that may exist; a name nobody has when it does not.

        Raises:
            TypeError: When it is not hashable.
        """
        name = _plain(room)
        return self._names.get(room, _NOBODY) if name is None else name

    def new_name(self, room: Hashable) -> str:
        """Return the name of a room that somebody enters; hold ``lock`` meanwhile."""
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
        """Return the names of one room or of several that an event is for.

        Raises:
            TypeError: When one is not hashable, or an object that can be no room.
        """
        if isinstance(rooms, str):
            return [_text(rooms)]
        if isinstance(rooms, bytes) or not isinstance(rooms, Iterable):
            return [self._target(rooms)]
        return [self._target(room) for room in rooms]

    def _target(self, room: Hashable) -> str:
        name = self.name(room)
        # An object that is equal to itself only, and that nobody has entered: more likely not meant as a room.
        if name == _NOBODY and type(room).__hash__ is object.__hash__:
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
        living = self._living()
        for name in [name for name in self._rooms if name not in living]:
            del self._names[self._rooms.pop(name)]
        self._sweep_at = max(_FIRST_SWEEP, 2 * len(self._names))


def _plain(room: Hashable) -> str | None:
    """Return the name that needs no table, or None."""
    if isinstance(room, str):
        return _text(room)
    if isinstance(room, int) or (isinstance(room, float) and room.is_integer()):
        # Equal keys are one room, as in a dictionary: 1, True and 1.0.
        return f"\x00i{int(room)}"
    return None


def _text(room: str) -> str:
    return "\x00s" + room if room[:1] == "\x00" else room
