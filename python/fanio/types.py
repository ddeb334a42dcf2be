"""Names for the shapes that cross fanio's API: ASGI, handlers, options.

Only aliases and protocols; nothing here runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Iterable, MutableMapping
from typing import Any, Protocol, TypeAlias, TypeVar

__all__ = [
    "ASGIApplication",
    "Callback",
    "ConnectHandler",
    "ConnectHandlerT",
    "CookieOption",
    "CorsOption",
    "DisconnectHandler",
    "DisconnectHandlerT",
    "Environ",
    "HandlerFunction",
    "HandlerT",
    "JsonModule",
    "Message",
    "Payload",
    "Peer",
    "Placeholders",
    "Receive",
    "Room",
    "Rooms",
    "Scope",
    "Send",
    "Serializer",
    "SkipSid",
    "StaticFiles",
]

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
ASGIApplication: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

#: A plain function or an ``async def``; what it takes depends on the event.
HandlerFunction: TypeAlias = Callable[..., Any]
HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])
#: Of ``connect``: ``(sid, environ)`` or ``(sid, environ, auth)``, behind the namespace when it is
#: registered for all of them.
ConnectHandler: TypeAlias = (
    Callable[[str, dict[str, Any]], Any]
    | Callable[[str, dict[str, Any], Any], Any]
    | Callable[[str, str, dict[str, Any]], Any]
    | Callable[[str, str, dict[str, Any], Any], Any]
)
ConnectHandlerT = TypeVar("ConnectHandlerT", bound=ConnectHandler)
#: Of ``disconnect``: ``(sid)`` or ``(sid, reason)``, behind the namespace likewise.
DisconnectHandler: TypeAlias = Callable[[str], Any] | Callable[[str, str], Any] | Callable[[str, str, str], Any]
DisconnectHandlerT = TypeVar("DisconnectHandlerT", bound=DisconnectHandler)
#: Called with the arguments of a client's acknowledgement.
Callback: TypeAlias = Callable[..., Any]

#: The request a client came with, in the form of a WSGI environ.
Environ: TypeAlias = dict[str, Any]
#: An address as sockets give it: host and port.
Peer: TypeAlias = tuple[str, int]
#: Where attachments belong: ``(path, number)``, a path of list indexes and keys.
Placeholders: TypeAlias = list[tuple[list[int | str], int]]

#: A room's name; the sid of a client is the room of that client alone.
Room: TypeAlias = Hashable
#: One room, or several.
Rooms: TypeAlias = Room | Iterable[Room]
#: What the core takes for a packet: its data, or the messages of a packet encoded as a whole.
Payload: TypeAlias = bytes | list[str | bytes]
#: How packets are written: "default", "msgpack" or a class like ``Packet``.
Serializer: TypeAlias = str | type[Any]
#: One sid, or several.
SkipSid: TypeAlias = str | Iterable[str]

#: A name, or ``name`` and attributes whose values are text, True, or made by a call.
CookieOption: TypeAlias = str | dict[str, Any]
#: Origins, ``"*"``, or a function of ``(origin)`` or ``(origin, environ)``.
CorsOption: TypeAlias = str | list[str] | tuple[str, ...] | Callable[..., bool]
#: URL path to file name, or to ``filename`` and ``content_type``.
StaticFiles: TypeAlias = dict[str, str | dict[str, str]]


class JsonModule(Protocol):
    """What ``json=`` takes: a module or an object with the standard module's two functions.

    ``dumps`` is given ``separators=(",", ":")`` when it takes that. ``msgspec.json``, which has
    ``encode`` and ``decode``, is accepted as well.
    """

    @property
    def dumps(self) -> Callable[..., str | bytes]:
        """What returns the JSON text of an object."""

    @property
    def loads(self) -> Callable[..., Any]:
        """What returns the object of a JSON text."""
