"""Type aliases and protocols of fanio's API: ASGI, handlers, options.

There is no code to run here.
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

#: A plain function or an ``async def``; its parameters depend on the event.
HandlerFunction: TypeAlias = Callable[..., Any]
HandlerT = TypeVar("HandlerT", bound=Callable[..., Any])
#: For ``connect``: ``(sid, environ)`` or ``(sid, environ, auth)``. A handler for all namespaces gets the
#: namespace first.
ConnectHandler: TypeAlias = (
    Callable[[str, dict[str, Any]], Any]
    | Callable[[str, dict[str, Any], Any], Any]
    | Callable[[str, str, dict[str, Any]], Any]
    | Callable[[str, str, dict[str, Any], Any], Any]
)
ConnectHandlerT = TypeVar("ConnectHandlerT", bound=ConnectHandler)
#: For ``disconnect``: ``(sid)`` or ``(sid, reason)``, and the namespace first in the same case.
DisconnectHandler: TypeAlias = Callable[[str], Any] | Callable[[str, str], Any] | Callable[[str, str, str], Any]
DisconnectHandlerT = TypeVar("DisconnectHandlerT", bound=DisconnectHandler)
#: Called with the arguments of a client's acknowledgement.
Callback: TypeAlias = Callable[..., Any]

#: The request of a client's handshake, in the form of a WSGI environ.
Environ: TypeAlias = dict[str, Any]
#: A socket address: host and port.
Peer: TypeAlias = tuple[str, int]
#: The places of attachments: ``(path, number)``, with a path of list indexes and keys.
Placeholders: TypeAlias = list[tuple[list[int | str], int]]

#: The name of a room; the sid of a client is a room of that client alone.
Room: TypeAlias = Hashable
#: One room, or several.
Rooms: TypeAlias = Room | Iterable[Room]
#: A packet for the core: its data, or the messages of a packet that is already encoded.
Payload: TypeAlias = bytes | list[str | bytes]
#: The wire format: "default", "msgpack" or a class like ``Packet``.
Serializer: TypeAlias = str | type[Any]
#: One sid, or several.
SkipSid: TypeAlias = str | Iterable[str]

#: A name, or a dictionary with ``name`` and attributes. Their values are text, True or functions.
CookieOption: TypeAlias = str | dict[str, Any]
#: Origins, ``"*"``, or a function of ``(origin)`` or ``(origin, environ)``.
CorsOption: TypeAlias = str | list[str] | tuple[str, ...] | Callable[..., bool]
#: From URL path to file name, or to a dictionary with ``filename`` and ``content_type``.
StaticFiles: TypeAlias = dict[str, str | dict[str, str]]


class JsonModule(Protocol):
    """The type of ``json=``: a module or an object with the standard module's two functions.

    If ``dumps`` accepts ``separators``, it gets ``(",", ":")``. ``msgspec.json``, which has ``encode`` and
    ``decode``, is accepted as well.
    """

    @property
    def dumps(self) -> Callable[..., str | bytes]:
        """The function that returns the JSON text of a value."""

    @property
    def loads(self) -> Callable[..., Any]:
        """The function that returns the value of a JSON text."""
