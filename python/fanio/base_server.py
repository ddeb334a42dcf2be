"""What a server has that never waits: its handlers, its options, and the questions about its clients.

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
    """The part of a server that never waits."""

    reserved_events = sorted(RESERVED)
    reason = Reason
    async_mode = "asgi"
    #: What a handler returns when its event is not to be acknowledged.
    not_handled = NO_ACK

    _codec: PacketCodec
    _core: _core.Server
    _dispatcher: Dispatcher
    _environs: SessionEnvirons
    _lifecycle: Lifecycle
    _manager: AsyncManager
    _queues: SessionQueues

    def is_asyncio_based(self) -> bool:
        """Return True, as python-socketio's class does."""
        return True

    # Options

    @property
    def async_handlers(self) -> bool:
        """Whether each event gets a task; it may be set, and concerns what comes from then on."""
        return self._dispatcher.queues is None

    @async_handlers.setter
    def async_handlers(self, wanted: bool) -> None:
        self._dispatcher.queues = self._lifecycle.queues = None if wanted else self._queues

    @property
    def always_connect(self) -> bool:
        """Whether clients are accepted before their connect handler runs; it may be set."""
        return self._lifecycle.always_connect

    @always_connect.setter
    def always_connect(self, wanted: bool) -> None:
        self._lifecycle.always_connect = wanted

    @property
    def namespaces(self) -> list[str] | str:
        """The namespaces that are served without a handler, or "*" for all; they may be set."""
        return self._lifecycle.namespaces

    @namespaces.setter
    def namespaces(self, wanted: list[str] | str) -> None:
        self._lifecycle.namespaces = served_namespaces(wanted)

    @property
    def packet_class(self) -> type[Any]:
        """The class that has this server's packets in Python; the core does not use it."""
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
        """Register a handler; a decorator when ``handler`` is not given.

        Args:
            event: The event's name; "*" takes all that have no handler of their own.
            handler: ``async def`` or a plain function. ``connect`` takes ``(sid, environ)`` or
                ``(sid, environ, auth)``, ``disconnect`` ``(sid)`` or ``(sid, reason)``, others
                ``(sid, *args)``. A catch-all takes the event first, and one for all namespaces
                the namespace before the sid.
            namespace: "/" when it is not given; "*" takes those that have no handler.
        """
        return self._register(event, handler, namespace)

    # Clients

    def rooms(self, sid: str, namespace: str | None = None) -> list[Room]:
        """Return the rooms a client is in, its own among them."""
        return self._manager.get_rooms(sid, namespace_name(namespace))

    def transport(self, sid: str, namespace: str | None = None) -> str:
        """Return "polling" or "websocket".

        Raises:
            KeyError: When there is no such client.
        """
        transport = self._core.transport(self._check_sid(sid, namespace))
        if transport is None:  # its connection has just gone
            msg = f"Session not found: {sid!r} in {namespace or '/'!r}"
            raise KeyError(msg)
        return transport

    def get_environ(self, sid: str, namespace: str | None = None) -> dict[str, Any] | None:
        """Return the environ a client came with; None when there is no such client."""
        try:
            session_id = self._check_sid(sid, namespace_name(namespace))
        except KeyError:
            return None
        return self._environs.for_socket(session_id, sid)

    def stats(self) -> Stats:
        """Return what the server has done and what waits in it, in numbers.

        May be called from any thread. The numbers are those since the server was last started;
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
