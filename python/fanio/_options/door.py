"""Which doors may be used: the program's choice, or the operator's.

A door names the fastest way that is allowed. ``accept``: the shards accept connections wherever
the server lets them. ``takeover``: the server accepts, a WebSocket moves to a shard once it has
passed the program's middleware. ``bridge``: everything goes through ASGI messages.
"""

from __future__ import annotations

import os
from typing import Literal, cast, get_args

__all__ = ["VARIABLE", "Door", "chosen", "is_allowed"]

Door = Literal["accept", "takeover", "bridge"]

#: The environment variable that goes before what the program says.
VARIABLE = "FANIO_DOOR"

_DOORS: tuple[Door, ...] = get_args(Door)


def chosen(door: str) -> Door:
    """Return the fastest door allowed, the environment's before the program's.

    Raises:
        ValueError: When there is no such door.
    """
    _check(door, "door")
    wanted = os.environ.get(VARIABLE) or door
    _check(wanted, VARIABLE)
    return cast("Door", wanted)


def is_allowed(door: Door, fastest: Door) -> bool:
    """Return whether ``door`` is not faster than the fastest one allowed."""
    return _DOORS.index(door) >= _DOORS.index(fastest)


def _check(door: str, name: str) -> None:
    if door not in _DOORS:
        msg = f"{name}: expected one of {', '.join(_DOORS)}, got {door!r}"
        raise ValueError(msg)
