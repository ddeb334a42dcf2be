"""Types of the public API."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, MutableMapping
from typing import Any, Protocol, TypeAlias

__all__ = ["ASGIReceive", "ASGISend", "Handler", "JSONModule", "Room", "Rooms", "Scope", "SetOrAwait"]

Handler: TypeAlias = Callable[..., Any]
"""An event handler: ``async def`` or a plain function."""

Room: TypeAlias = Hashable
"""The name of a room: any hashable, usually a string. A client's sid is a room of its own."""

Rooms: TypeAlias = "Room | Iterable[Room]"
"""One room, or a list, tuple or set of rooms."""

SetOrAwait: TypeAlias = "Awaitable[Any] | Any"

Scope: TypeAlias = MutableMapping[str, Any]
ASGIReceive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
ASGISend: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class JSONModule(Protocol):
    """What ``json=`` takes: the standard module, or anything with these two functions."""

    def dumps(self, obj: Any, *, separators: tuple[str, str]) -> str:
        """Return the JSON text of an object."""

    def loads(self, text: str) -> Any:
        """Return the object of a JSON text."""
