"""BaseServer: the methods of a server that never wait, such as handlers, options and queries.

Source of the names: python-socketio 5.18, ``base_server.BaseServer``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, overload

from fanio._codec.msgpack import MsgPackPacket
from fanio._codec.packet import Packet
from fanio._handlers.names import namespace_name, served_namespaces, sid_text
from fanio._handlers.registration import HandlerRegistration
from fanio._handlers.table import NO_ACK, RESERVED
from fanio.reason import Reason
from fanio.stats import Stats, collect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanio import _core
    from fanio._codec.codec import PacketCodec
    from fanio._request.session_environs import SessionEnvirons
    from fanio._server.dispatch import Dispatcher
    from fanio._server.lifecycle import Lifecycle
    from fanio._tasks.session_queues import SessionQueues
    from fanio.async_manager import AsyncManager
    from fanio.async_namespace import AsyncNamespace
    from fanio.types import (
        ConnectHandler,
        ConnectHandlerT,
        DisconnectHandler,
        DisconnectHandlerT,
        HandlerFunction,
        HandlerT,
        Room,
    )

__all__ = ["BaseServer"]


class BaseServer(HandlerRegistration):
    """The methods of a server that never wait."""

    reserved_events = sorted(RESERVED)
    reason = Reason
    async_mode = "asgi"
    #: A handler returns this when its event must not be acknowledged.
    not_handled = NO_ACK

    _codec: PacketCodec
    _core: _core.Server
    _dispatcher: Dispatcher
    _environs: SessionEnvirons
    _lifecycle: Lifecycle
    _manager: AsyncManager
    _queues: SessionQueues

    def is_asyncio_based(self) -> bool:
        """Return True, because the server is for asyncio."""
        return True

    # Options

    @property
    def async_handlers(self) -> bool:
        """Whether each event gets a task of its own; setting it affects later events."""
        return self._dispatcher.queues is None

    @async_handlers.setter
    def async_handlers(self, wanted: bool) -> None:
        self._dispatcher.queues = self._lifecycle.queues = None if wanted else self._queues

    @property
    def always_connect(self) -> bool:
        """Whether clients are accepted before their connect handler runs."""
        return self._lifecycle.always_connect

    @always_connect.setter
    def always_connect(self, wanted: bool) -> None:
        self._lifecycle.always_connect = wanted

    @property
    def namespaces(self) -> list[str] | str:
        """The namespaces that are accepted besides those with handlers; "*" is all."""
        return self._lifecycle.namespaces

    @namespaces.setter
    def namespaces(self, wanted: list[str] | str) -> None:
        self._lifecycle.namespaces = served_namespaces(wanted)

    @property
    def packet_class(self) -> type[Any]:
        """The Python class for this server's packets; the core uses it only if it is the application's own."""
        own: type[Any] | None = getattr(self._codec, "packet_class", None)
        return own or (MsgPackPacket if self._codec.parser == "msgpack" else Packet)

    # Handlers

    @property
    def namespace_handlers(self) -> dict[str, AsyncNamespace]:
        """The registered namespace objects, by namespace."""
        return self._handlers.classes

    @property
    def environ(self) -> Mapping[str, dict[str, Any]]:
        """The environ of each session, by session id."""
        return self._environs

    @overload
    def on(
        self, event: Literal["connect"], handler: None = None, namespace: str | None = None
    ) -> Callable[[ConnectHandlerT], ConnectHandlerT]: ...

    @overload
    def on(self, event: Literal["connect"], handler: ConnectHandler, namespace: str | None = None) -> None: ...

    @overload
    def on(
        self, event: Literal["disconnect"], handler: None = None, namespace: str | None = None
    ) -> Callable[[DisconnectHandlerT], DisconnectHandlerT]: ...

    @overload
    def on(self, event: Literal["disconnect"], handler: DisconnectHandler, namespace: str | None = None) -> None: ...

    @overload
    def on(self, event: str, handler: None = None, namespace: str | None = None) -> Callable[[HandlerT], HandlerT]: ...

    @overload
    def on(self, event: str, handler: HandlerFunction, namespace: str | None = None) -> None: ...

    def on(
        self, event: str, handler: HandlerFunction | None = None, namespace: str | None = None
    ) -> Callable[[HandlerT], HandlerT] | None:
        """Register a handler; return a decorator when ``handler`` is not given.

        Args:
            event: The event's name; "*" handles all events that have no handler of their own.
            handler: ``async def`` or a plain function. ``connect`` gets ``(sid, environ)`` or
                ``(sid, environ, auth)``, ``disconnect`` gets ``(sid)`` or ``(sid, reason)``, and other
                events get ``(sid, *args)``. A handler for "*" gets the event's name first, and a
                handler for all namespaces gets the namespace before the sid.
            namespace: None is "/"; "*" handles the namespaces that have no handler.

        Raises:
            TypeError: When the handler cannot be called with these arguments.
        """
        return self._register(event, handler, namespace)

    # Clients

    def rooms(self, sid: str, namespace: str | None = None) -> list[Room]:
        """Return the rooms of a client, including its own."""
        return self._manager.get_rooms(sid, namespace_name(namespace))

    def transport(self, sid: str, namespace: str | None = None) -> str:
        """Return "polling" or "websocket".

        Raises:
            KeyError: When there is no such client.
        """
        transport = self._core.transport(self._check_sid(sid, namespace))
        if transport is None:  # its session has just ended
            msg = f"Session not found: {sid!r} in {namespace or '/'!r}"
            raise KeyError(msg)
        return transport

    def get_environ(self, sid: str, namespace: str | None = None) -> dict[str, Any] | None:
        """Return the environ of a client's handshake; None when there is no such client."""
        try:
            session_id = self._check_sid(sid, namespace_name(namespace))
        except KeyError:
            return None
        return self._environs.for_socket(session_id, sid)

    def stats(self) -> Stats:
        """Return counts of what the server has done and what waits in it.

        May be called from any thread. The counts begin when the server starts.
        ``fanio.MetricsApp`` shows them to Prometheus.
        """
        cluster = self._manager.cluster
        return collect(self._core, None if cluster is None else cluster.stats())

    def _check_sid(self, sid: str, namespace: str | None) -> str:
        known, namespace = sid_text(sid), namespace or "/"
        session_id = self._core.session_of(known)
        if session_id is None or self._core.namespace_of(known) != namespace:
            msg = f"Session not found: {sid!r} in {namespace!r}"
            raise KeyError(msg)
        return session_id
