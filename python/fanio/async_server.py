"""AsyncServer: the public API of the Socket.IO server.

Owns names, order of arguments, defaults and results, which are python-socketio's. Each method calls
the core, the manager, or one of the objects in ``fanio._server``. Nothing here runs once per client
of a broadcast.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from fanio._cluster.surface import Surface
from fanio._codec.codec import make_codec
from fanio._doors.lifespan import refuse_unwrapped
from fanio._handlers.handler import Handler, result_of
from fanio._handlers.names import check_emitted, namespace_name, served_namespaces
from fanio._handlers.table import RESERVED, HandlerTable
from fanio._log import server_logger
from fanio._options.checks import warn_unknown
from fanio._options.server import WIRE, WireOptions
from fanio._options.values import flag
from fanio._server import manager_emits as managed
from fanio._server.emitter import POLL_SECONDS, OutgoingEvent
from fanio._server.engineio_server import Engine
from fanio._server.wiring import Wiring
from fanio.async_manager import AsyncManager
from fanio.async_namespace import AsyncNamespace
from fanio.base_server import BaseServer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from fanio._admin.access import Auth
    from fanio._admin.server import InstrumentedAsyncServer
    from fanio._cluster.remote_socket import RemoteSocket
    from fanio._options.keys import ServerOptions
    from fanio._server.observer import Observer
    from fanio.types import (
        Callback,
        JsonModule,
        Receive,
        Room,
        Rooms,
        Scope,
        Send,
        SkipSid,
    )

__all__ = ["AsyncServer"]

#: Options of python-socketio that have no effect here.
_IGNORED = frozenset({"monitor_clients"})
_OWN = frozenset({"always_connect", "async_mode", "engineio_logger", "serializer"})


class AsyncServer(BaseServer):
    """A Socket.IO server for asyncio.

    Register handlers with ``event``, ``on`` or ``register_namespace``, wrap the server in an
    ``ASGIApp``, and run that with ``fanio.run`` or any ASGI server.
    """

    def __init__(
        self,
        client_manager: AsyncManager | None = None,
        logger: bool | logging.Logger = False,
        json: JsonModule | None = None,
        async_handlers: bool = True,
        namespaces: list[str] | str | None = None,
        **kwargs: Unpack[ServerOptions],
    ) -> None:
        """Create a server; no thread or task starts before it is served.

        Args:
            client_manager: A manager that joins this server to others, such as ``AsyncRedisManager``, or an
                ``AsyncManager`` of your own.
            logger: True logs at INFO, False only errors, to the logger ``socketio.server``. A level
                that the application has set on that logger takes precedence. Or a logger of your own.
            json: A module to use instead of orjson, with the functions of the standard module or of
                ``msgspec.json``.
            async_handlers: Whether each event gets a task; False handles the events of a client one
                after the other.
            namespaces: Namespaces to accept besides those with handlers; "*" accepts all.
            **kwargs: Further options. README.md and ``fanio._options.keys.ServerOptions`` list them with
                units and defaults; the defaults are python-socketio's where it has the option.

        Raises:
            ImportError: When the package that the serializer needs is not installed.
            TypeError: When an option has the wrong type.
            ValueError: When an option has a value that is not supported.
        """
        options = self._take_options(kwargs)
        self._codec = make_codec(kwargs.get("serializer", "default"), json, options.max_attachments)
        self.logger = server_logger("socketio.server", logger)
        self._observer: Observer | None = None
        #: The Engine.IO server below this one. Its options may be set at any time.
        engine_logger = server_logger("engineio.server", kwargs.get("engineio_logger", False))
        self.eio = Engine(options, engine_logger, self._codec.parser)
        self.eio._backlogs.logger = self.logger
        self._options = options
        self._core = self.eio._core
        self._environs = self.eio._environs
        self._tasks = self.eio._tasks
        self._runner = self.eio._runner
        self._handlers = HandlerTable()
        if type(self)._trigger_event is not AsyncServer._trigger_event:
            self._handlers.override = Handler(self._trigger_event)
        if self._codec.fast_loads is not None:
            self._core.decode_with(self._codec.fast_loads)
        self._connect_parts(
            Wiring(
                self.eio,
                self._codec,
                self._handlers,
                self.logger,
                async_handlers=flag("async_handlers", async_handlers),
                always_connect=flag("always_connect", kwargs.get("always_connect", False)),
                namespaces=served_namespaces(namespaces or ["/"]),
            )
        )
        self._surface = Surface(self)
        self.manager_initialized = False
        self.manager = AsyncManager() if client_manager is None else client_manager
        self.eio._workers.are_joined = lambda: self._manager.takes_emits or self._manager.cluster is not None
        self.eio._workers.inspect_stack()

    def _connect_parts(self, wiring: Wiring) -> None:
        """Keep the objects that bring the core's events to the handlers, and connect them to the core."""
        self._acks, self._rooms, self._queues = wiring.acks, wiring.rooms, wiring.queues
        self._packet_log = wiring.packet_log
        self._dispatcher, self._lifecycle, self._emitter = wiring.dispatcher, wiring.lifecycle, wiring.emitter
        wiring.attach(self._options, start=self._begin_managing, end=self._end_managing)

    @staticmethod
    def _take_options(kwargs: Mapping[str, Any]) -> WireOptions:
        if kwargs.get("async_mode") not in (None, "asgi"):
            msg = "Invalid async_mode specified: only 'asgi' is supported"
            raise ValueError(msg)
        known = WIRE | _OWN | _IGNORED
        warn_unknown(set(kwargs) - known, known, "AsyncServer")
        return WireOptions(**{name: kwargs[name] for name in WIRE & set(kwargs)})

    @property
    def manager(self) -> AsyncManager:
        """The manager of clients and rooms; another one may be set."""
        return self._manager

    @manager.setter
    def manager(self, manager: AsyncManager) -> None:
        if not isinstance(manager, AsyncManager):
            msg = f"client_manager: expected an AsyncManager, got {type(manager).__name__}"
            raise TypeError(msg)
        before = getattr(self, "_manager", None)
        if before is not None and before.cluster is not None:
            before.cluster.stop()
        self._manager = manager
        manager.set_server(self)
        self._emitter.join(manager.cluster)
        self._lifecycle.watch_namespaces(None if manager.cluster is None else manager.cluster.open_namespace)
        self._serve_cluster()
        self._lifecycle.on_gone = self._tell_manager
        if self.manager_initialized:
            manager.initialize()

    def _tell_manager(self, sid: str, namespace: str) -> None:
        """Call the manager's ``disconnect`` after a disconnect handler, if the manager wants it."""
        if self._manager.takes_disconnects:
            self._tasks.start(self._manager.disconnect(sid, namespace, ignore_queue=True))

    def register_namespace(self, namespace_handler: AsyncNamespace) -> None:
        """Register an object whose methods are the handlers of its namespace.

        Raises:
            ValueError: When it is not an ``AsyncNamespace``.
        """
        if not isinstance(namespace_handler, AsyncNamespace):
            msg = "Not a namespace instance"
            raise ValueError(msg)
        namespace_handler._set_server(self)
        self._handlers.add_class(namespace_handler)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """Call the handler of an event; a subclass may override this, or the application set another function.

        Args:
            event: The event's name; also "connect" and "disconnect".
            namespace: The client's namespace.
            *args: The client's sid, then the event's arguments.

        Returns:
            The result of the handler; ``not_handled`` when there is none.
        """
        found = self._handlers.registered(event, namespace, args[0])
        if found is None:
            return self.not_handled
        handler, first = found
        all_args = (*first, *args[1:])
        result = handler.function(*(handler.trim(all_args) if event in RESERVED else all_args))
        return await result_of(result)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; a new ``_trigger_event`` handles every event from then on."""
        super().__setattr__(name, value)
        if name == "_trigger_event":
            self._handlers.override = Handler(self._trigger_event)

    # Emitting

    async def emit(
        self,
        event: str,
        data: Any = None,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: SkipSid | None = None,
        namespace: str | None = None,
        callback: Callback | None = None,
        ignore_queue: bool = False,
        *,
        except_room: Rooms | None = None,
        volatile: bool = False,
        conflate: str | None = None,
        compress: bool = True,
    ) -> None:
        """Emit an event to all clients of a namespace, or to some of them.

        The I/O threads have the event when this returns. The call waits while more than
        ``max_inbox_bytes`` wait for these threads. With one client's sid in ``to`` it also waits while
        more than ``high_water_mark`` bytes wait for that client, unless the event is ``volatile`` or has
        ``conflate``. So a loop that sends much to one client runs at that client's speed. An event for a
        room or for several clients never waits for a slow client. May be awaited on any event loop.

        Args:
            event: The event's name.
            data: None is no argument, a tuple is several arguments, anything else is one argument.
                bytes, bytearray and memoryview anywhere inside are sent as attachments.
            to: A room or the sid of a client, or several of them. Each client gets the event once. An
                empty list reaches nobody, None reaches everybody.
            room: The same as ``to``.
            skip_sid: The sid of a client to leave out, or several.
            namespace: None is "/".
            callback: Called with the arguments of each recipient's acknowledgement, on the event loop
                that serves.
            ignore_queue: Whether only clients of this server get the event, and not those of other
                servers in its cluster.
            except_room: A room, or several, whose members are left out. The sid of a client is a
                room of that client alone.
            volatile: Whether clients with a backlog do not get the event.
            conflate: A name. Of the waiting events with the same name, a client gets only the newest.
            compress: Whether WebSocket compression may be used for the event.

        Raises:
            TypeError: When a value in the data cannot be encoded (the message names the value and its
                place), or another argument has the wrong type.
            ValueError: When the event's name is reserved (docs/differences.md) or is not text, when the
                namespace does not begin with a slash, or when there are more attachments than
                ``max_attachments``.
        """
        namespace = "/" if namespace is None else namespace_name(namespace)
        outgoing = OutgoingEvent(
            event,
            data,
            room if to is None else to,
            skip_sid,
            namespace,
            callback,
            except_room,
            volatile,
            conflate,
            compress,
        )
        if self._manager.takes_emits:
            await managed.emit(self._manager, outgoing, ignore_queue)
        else:
            rest = self._emitter.emit(outgoing, True, ignore_queue)
            if rest is not None:
                await rest

    def emit_nowait(
        self,
        event: str,
        data: Any = None,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: SkipSid | None = None,
        namespace: str | None = None,
        callback: Callback | None = None,
        *,
        except_room: Rooms | None = None,
        volatile: bool = False,
        conflate: str | None = None,
        compress: bool = True,
    ) -> None:
        """Emit an event from any thread, without waiting for a client; arguments as in ``emit``.

        The packet is queued whatever already waits for a client. A client for which more than
        ``max_queue_bytes`` wait is closed as ``slow client``. If a manager overrides ``emit``, its method
        runs on the event loop that serves.

        Raises:
            asyncio.QueueFull: When the thread has a running event loop and more than
                ``max_inbox_bytes`` wait for the I/O threads: await ``emit`` instead. Without a running
                loop the call waits.
        """
        while self._emitter.is_full():
            if asyncio._get_running_loop() is not None:
                msg = "more than max_inbox_bytes wait for the shards; await emit() to wait for room"
                raise asyncio.QueueFull(msg)
            time.sleep(POLL_SECONDS)
        namespace = "/" if namespace is None else namespace_name(namespace)
        outgoing = OutgoingEvent(
            event,
            data,
            room if to is None else to,
            skip_sid,
            namespace,
            callback,
            except_room,
            volatile,
            conflate,
            compress,
        )
        if self._manager.takes_emits:
            check_emitted(event)
            self._tasks.start_threadsafe(managed.emit(self._manager, outgoing, ignore_queue=False))
        else:
            rest = self._emitter.emit(outgoing)
            if rest is not None:
                rest.close()  # it would wait for space in the shards; the next call checks that first

    async def send(
        self,
        data: Any,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: SkipSid | None = None,
        namespace: str | None = None,
        callback: Callback | None = None,
        ignore_queue: bool = False,
        *,
        except_room: Rooms | None = None,
        volatile: bool = False,
        conflate: str | None = None,
        compress: bool = True,
    ) -> None:
        """Emit the event ``message``; see ``emit``."""
        await self.emit(
            "message",
            data,
            to,
            room,
            skip_sid,
            namespace,
            callback,
            ignore_queue,
            except_room=except_room,
            volatile=volatile,
            conflate=conflate,
            compress=compress,
        )

    async def call(
        self,
        event: str,
        data: Any = None,
        to: Room | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Emit an event to one client and return its acknowledgement.

        Args:
            event: The event's name.
            data: As in ``emit``.
            to: The client's sid.
            sid: The same as ``to``.
            namespace: None is "/".
            timeout: Seconds to wait; None waits as long as the client is connected.
            ignore_queue: Whether the client is known to be connected to this server.

        Returns:
            None, the one argument, or a tuple of the arguments with which the client answered.

        Raises:
            ValueError: When no recipient is given.
            RuntimeError: With ``async_handlers=False``, and in the connect handler of the same client,
                because no answer could come.
            fanio.exceptions.TimeoutError: When no answer came in time; immediately when the client is
                gone.
        """
        recipient = sid if to is None else to
        if recipient is None:
            msg = "Cannot use call() to broadcast."
            raise ValueError(msg)
        if not self.async_handlers:
            msg = "Cannot use call() when async_handlers is False."
            raise RuntimeError(msg)
        namespace = namespace_name(namespace)
        if self._manager.takes_emits:
            args = await managed.call(self._manager, event, data, recipient, namespace, timeout, ignore_queue)
        else:
            args = await self._emitter.call(event, data, recipient, namespace, timeout, ignore_queue)
        return tuple(args) if len(args) > 1 else args[0] if args else None

    # Rooms

    async def enter_room(self, sid: str, room: Room | list[Room], namespace: str | None = None) -> None:
        """Put a client into a room, or into a list of rooms. A room exists while it has members.

        Raises:
            KeyError: When there is no such client in the namespace.
            ValueError: When the namespace has no clients, or the room is another client's own.
        """
        namespace = namespace_name(namespace)
        self.logger.info("%s is entering room %s [%s]", sid, room, namespace)
        for one in room if isinstance(room, list) else (room,):
            await self._manager.enter_room(sid, namespace, one)

    async def leave_room(self, sid: str, room: Room | list[Room], namespace: str | None = None) -> None:
        """Take a client out of a room, or out of a list of rooms."""
        namespace = namespace_name(namespace)
        self.logger.info("%s is leaving room %s [%s]", sid, room, namespace)
        for one in room if isinstance(room, list) else (room,):
            await self._manager.leave_room(sid, namespace, one)

    async def close_room(self, room: Room, namespace: str | None = None) -> None:
        """Take all clients out of a room.

        Raises:
            ValueError: When the room is a client's own.
        """
        namespace = namespace_name(namespace)
        self.logger.info("room %s is closing [%s]", room, namespace)
        await self._manager.close_room(room, namespace)

    # Clients

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Return the user session of a client: a dictionary for data of the application.

        It exists until the client's disconnect handler has ended.

        Raises:
            KeyError: When there is no such client.
        """
        self._check_sid(sid, namespace)
        return self._lifecycle.sessions.setdefault(sid, {})

    async def save_session(self, sid: str, session: dict[str, Any], namespace: str | None = None) -> None:
        """Store the user session of a client.

        Raises:
            KeyError: When there is no such client.
        """
        self._check_sid(sid, namespace)
        self._lifecycle.sessions[sid] = session

    def session(self, sid: str, namespace: str | None = None) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Return an async context manager for the user session of a client; it saves the session at its end."""

        @asynccontextmanager
        async def context() -> AsyncIterator[dict[str, Any]]:
            session = await self.get_session(sid, namespace)
            yield session
            await self.save_session(sid, session, namespace)

        return context()

    async def disconnect(
        self,
        sid: str,
        namespace: str | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Disconnect a client from a namespace.

        The connection stays open, because other namespaces may use it. The call returns when the
        client's disconnect handler has ended. If the connect handler of the client still runs, the call
        returns at once: the client is refused when that handler returns, and its disconnect handler is
        called.
        """
        namespace = namespace_name(namespace)
        pending = self._lifecycle.pending_connect(sid)
        self.logger.info("Disconnecting %s [%s]", sid, namespace)
        if pending is None or pending.is_accepted:
            is_here = self._manager.is_connected(sid, namespace)
            if not (is_here if ignore_queue else await self._manager.can_disconnect(sid, namespace)):
                return
            if self._core.disconnect(sid, namespace, self._codec.encode_disconnect(namespace)) and pending is None:
                await self._lifecycle.wait_gone(sid)
        elif pending.namespace == namespace:
            pending.was_disconnected = True

    # All servers of a cluster

    async def fetch_sockets(
        self, room: Rooms | None = None, except_room: Rooms | None = None, *, namespace: str | None = None
    ) -> list[RemoteSocket]:
        """Return the clients of all servers of the cluster, with their rooms, user sessions and handshakes.

        Args:
            room: Only those in this room, or in any of several; the sid of a client is its own room.
            except_room: But none of this room, or of several.
            namespace: "/" when it is not given.

        Raises:
            fanio.exceptions.MissingServersError: When a server has not answered in 5 seconds; it has the rest.
            NotImplementedError: In a cluster with python-socketio's servers, as the methods below.
        """
        return await self._surface.fetch_sockets(room, except_room, namespace_name(namespace))

    async def all_sockets(self, room: Rooms | None = None, *, namespace: str | None = None) -> set[str]:
        """Return the sids of the clients of all servers, or of those in a room or in any of several."""
        return await self._surface.all_sockets(room, namespace_name(namespace))

    async def all_rooms(self, *, namespace: str | None = None) -> set[Room]:
        """Return the rooms of all servers, the sids of the clients among them."""
        return await self._surface.all_rooms(namespace_name(namespace))

    async def server_count(self, *, namespace: str | None = None) -> int:
        """Return how many servers serve a namespace, this one included."""
        return await self._surface.server_count(namespace_name(namespace))

    def sockets_join(
        self, rooms: Rooms, room: Rooms | None = None, except_room: Rooms | None = None, *, namespace: str | None = None
    ) -> None:
        """Put clients of all servers into rooms: all, or those of ``room`` without those of ``except_room``."""
        self._surface.sockets_join(rooms, room, except_room, namespace_name(namespace))

    def sockets_leave(
        self, rooms: Rooms, room: Rooms | None = None, except_room: Rooms | None = None, *, namespace: str | None = None
    ) -> None:
        """Take clients of all servers out of rooms: all, or those of ``room`` without those of ``except_room``."""
        self._surface.sockets_leave(rooms, room, except_room, namespace_name(namespace))

    async def disconnect_sockets(
        self,
        room: Rooms | None = None,
        except_room: Rooms | None = None,
        close: bool = False,
        *,
        namespace: str | None = None,
    ) -> None:
        """Disconnect clients of all servers from the namespace; ``close`` ends their connections, too."""
        await self._surface.disconnect_sockets(room, except_room, close, namespace_name(namespace))

    def on_server_side(self, event: str, handler: Callable[..., Any], *, namespace: str | None = None) -> None:
        """Register the handler of an event that other servers send to this one; what it returns is its answer."""
        self._surface.on_server_side(event, handler, namespace_name(namespace))

    def server_side_emit(self, event: str, *args: Any, namespace: str | None = None) -> None:
        """Send an event to the other servers of the cluster: their ``on_server_side`` handlers get the arguments."""
        self._surface.server_side_emit(event, args, namespace_name(namespace))

    async def server_side_emit_with_ack(
        self, event: str, *args: Any, timeout: float = 5, namespace: str | None = None
    ) -> list[Any]:
        """Send an event to the other servers, and return what the handler of each has answered.

        Raises:
            fanio.exceptions.MissingServersError: When a server has not answered in time, or has no handler.
        """
        return await self._surface.server_side_emit_with_ack(event, args, timeout, namespace_name(namespace))

    # Monitoring

    def instrument(
        self,
        auth: Auth | None = None,
        mode: str = "development",
        read_only: bool = False,
        server_id: str | None = None,
        namespace: str = "/admin",
        server_stats_interval: float = 2,
    ) -> InstrumentedAsyncServer:
        """Let Socket.IO's admin UI watch and control this server; see docs/admin.md.

        Args:
            auth: ``{"username": …, "password": …}``, a list of these, a function of what the UI sends
                (plain or ``async``), or False to let everybody in.
            mode: "production" shows numbers only, "development" every client, room and event.
            read_only: Whether the UI may only watch.
            server_id: The name of this server in the UI; None is the host's name.
            namespace: The namespace that the UI connects to.
            server_stats_interval: Seconds between two ``server_stats``.

        Returns:
            An object with ``shutdown()`` and ``uninstrument()``.

        Raises:
            ValueError: When ``auth`` is not given, or the mode is unknown.
        """
        from fanio._admin.server import InstrumentedAsyncServer  # noqa: PLC0415 (most servers do not need it)

        return InstrumentedAsyncServer(
            self,
            auth=auth,
            namespace=namespace,
            read_only=read_only,
            server_id=server_id,
            mode=mode,
            server_stats_interval=server_stats_interval,
        )

    def _observe(self, observer: Observer | None) -> None:
        """Set the observer of clients and events; None removes it."""
        self._observer = self._dispatcher.observer = self._lifecycle.observer = self._emitter.observer = observer

    # Running

    def attach(self, app: Any, socketio_path: str = "socket.io") -> None:
        """Raise, because only ASGI is supported: wrap or mount the app instead.

        Raises:
            RuntimeError: Always.
        """
        self.eio.attach(app, socketio_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse every request: an ASGI server must run an ``ASGIApp`` with this server."""
        await refuse_unwrapped(scope, receive, send)

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request or WebSocket; the path is not checked."""
        await self.eio.handle_request(scope, receive, send)

    def _may_accept(self) -> bool:
        """Return whether the shards may get requests before the ASGI app; see ``engineio.BaseServer``."""
        is_ours = getattr(self.handle_request, "__func__", None) is AsyncServer.handle_request
        return is_ours and self.eio._may_accept()

    def _serve_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start on this event loop, unless the server runs already."""
        self.eio._serve_on(loop)

    def _begin_managing(self) -> None:
        """Call the manager's ``initialize``, once."""
        if not self.manager_initialized:
            self.manager_initialized = True
            self._manager.initialize()
        self._serve_cluster()

    def _serve_cluster(self) -> None:
        """Join the manager's cluster, if there is one and the server runs."""
        if self._manager.cluster is not None and self._runner.loop is not None:
            self._manager.cluster.serve(self._runner.loop)

    def _end_managing(self) -> None:
        """Release what waits, and leave the cluster, because the server has ended."""
        self._lifecycle.release_waiting()
        if self._manager.cluster is not None:
            self._manager.cluster.stop()

    def _trust(self, proxies: list[str]) -> None:
        """Believe the forwarded headers of these proxies, unless the application has set ``trusted_proxies``."""
        self.eio._trust(proxies)

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Start a coroutine function in a task, and return the task."""
        return self.eio.start_background_task(target, *args, **kwargs)

    async def sleep(self, seconds: float = 0) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)

    async def shutdown(self) -> None:
        """Close every session, run the disconnect handlers, and end the server's threads.

        ``fanio.run`` and an ``ASGIApp`` with a lifespan do this themselves. The server starts again when
        it is served again.
        """
        self.logger.info("Socket.IO is shutting down")
        await self.eio.shutdown()
