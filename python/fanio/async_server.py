"""AsyncServer: what a program sees of a Socket.IO server.

Owns the public API, which is python-socketio's: names, order of arguments, defaults, results.
Every method is one step on the core or one look at what the modules beside this one own; nothing
here runs per client of a broadcast.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._cluster.surface import Surface
from fanio._codec.codec import make_codec
from fanio._codec.packet_class import PacketClassCodec
from fanio._codec.room_names import RoomNames
from fanio._doors.lifespan import refuse_unwrapped
from fanio._handlers.handler import Handler, result_of
from fanio._handlers.names import check_emitted, namespace_name, served_namespaces
from fanio._handlers.table import RESERVED, HandlerTable
from fanio._log import PacketLog, server_logger
from fanio._options.checks import warn_unknown
from fanio._options.server import WIRE, WireOptions
from fanio._options.values import flag
from fanio._server import manager_emits as managed
from fanio._server.acks import Acks
from fanio._server.dispatch import Dispatcher
from fanio._server.emitter import POLL_SECONDS, Emitter, OutgoingEvent
from fanio._server.engineio_server import Engine
from fanio._server.lifecycle import Lifecycle
from fanio._server.packet_class import PacketReader
from fanio._tasks.core_runner import ServerHooks
from fanio._tasks.failures import Failures
from fanio._tasks.session_queues import SessionQueues
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

#: Options of python-socketio that have nothing to do here.
_IGNORED = frozenset({"monitor_clients"})
_OWN = frozenset({"always_connect", "async_mode", "engineio_logger", "serializer"})


class AsyncServer(BaseServer):
    """A Socket.IO server for asyncio.

    Register handlers with ``event``, ``on`` or ``register_namespace``, wrap the server in an
    ``ASGIApp`` and run that with ``fanio.run``.
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
        """Create a server; nothing runs before it is served.

        Args:
            client_manager: What joins this server to others, such as ``AsyncRedisManager``, or an
                ``AsyncManager`` of your own; see there.
            logger: True logs at INFO, False errors only, to the logger ``socketio.server``
                (unless its level is set); or a logger of your own.
            json: A module to use instead of orjson, with the standard module's functions or
                those of ``msgspec.json``.
            async_handlers: Whether each event gets a task; False handles a client's events one
                after the other.
            namespaces: Namespaces to accept besides those with handlers; "*" accepts all.
            **kwargs: Options by their names, each with unit and default in ``fanio._options.keys.ServerOptions``
                and in README.md; those that python-socketio has, have its defaults.

        Raises:
            ImportError: When what the serializer needs is not installed.
            TypeError: When an option has the wrong type.
            ValueError: When an option has a value that is not supported.
        """
        options = self._take_options(kwargs)
        self._codec = make_codec(kwargs.get("serializer", "default"), json, options.max_attachments)
        self.logger = server_logger("socketio.server", logger)
        self._observer: Observer | None = None
        #: The Engine.IO server below: options that may be set at any time, connections.
        engine_logger = server_logger("engineio.server", kwargs.get("engineio_logger", False))
        self.eio = Engine(options, engine_logger, self._codec.parser)
        self.eio._backlogs.logger = self.logger
        self._packet_log = PacketLog(self.eio.logger)
        self._options = options
        self._core = core = self.eio._core
        self._environs = self.eio._environs
        self._tasks = self.eio._tasks
        self._runner = self.eio._runner
        self._handlers = HandlerTable()
        if type(self)._trigger_event is not AsyncServer._trigger_event:
            self._handlers.override = Handler(self._trigger_event)
        self._acks = Acks()
        if self._codec.fast_loads is not None:
            self._core.decode_with(self._codec.fast_loads)
        self._rooms = RoomNames(lambda: {name for space in core.namespaces() for name in core.room_names(space)})
        self._queues = SessionQueues(self._tasks)
        self._attach(
            core,
            flag("async_handlers", async_handlers),
            flag("always_connect", kwargs.get("always_connect", False)),
            served_namespaces(namespaces or ["/"]),
        )
        self._surface = Surface(self)
        self.manager_initialized = False
        self.manager = AsyncManager() if client_manager is None else client_manager
        self.eio._workers.are_joined = lambda: self._manager.takes_emits or self._manager.cluster is not None
        self.eio._workers.inspect_stack()

    def _attach(
        self, core: _core.Server, async_handlers: bool, always_connect: bool, namespaces: list[str] | str
    ) -> None:
        """Bring the core's events to the handlers."""
        queues = None if async_handlers else self._queues
        failures = Failures(self.logger, self._tasks)
        shared = (self._acks, self._codec)
        self._dispatcher = dispatcher = Dispatcher(
            core, self._handlers, *shared, self._tasks, self.eio._backlogs, failures, self._packet_log, queues
        )
        self._lifecycle = self.eio.lifecycle = lifecycle = Lifecycle(
            core,
            self._handlers,
            *shared,
            self._environs,
            self._tasks,
            failures,
            self._packet_log,
            queues,
            always_connect=always_connect,
            namespaces=namespaces,
        )
        lifecycle.on_left = self.eio._backlogs.client_left
        self._emitter = Emitter(
            core,
            self._codec,
            self._rooms,
            self._acks,
            self._tasks,
            self.eio._backlogs,
            lifecycle,
            dispatcher,
            self._packet_log,
            self.logger,
        )
        receivers: dict[int, Callable[..., None]] = {
            _core.CONNECT: lifecycle.connect,
            _core.EVENT: dispatcher.event,
            _core.EARLY_EVENT: lifecycle.early_event,
            _core.ACK: dispatcher.ack,
            _core.DISCONNECT: lifecycle.disconnect,
        }
        if isinstance(self._codec, PacketClassCodec):
            packets = PacketReader(core, self._codec.packet_class, lifecycle, dispatcher, self._options, self.logger)
            receivers |= packets.receivers()
        lifecycle.take_event = dispatcher.event
        program = ServerHooks(
            receivers,
            lifecycle.running,
            start=self._begin_managing,
            begin=dispatcher.read_log_levels,
            is_busy=lambda: self._queues.is_busy() or lifecycle.waiting.is_busy,
            end=self._end_managing,
        )
        self._runner.attach(program)

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
        """What knows clients and rooms; another may be set."""
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
        """Note that a client is gone and its disconnect handler has run."""
        if self._manager.takes_disconnects:
            self._tasks.start(self._manager.disconnect(sid, namespace, ignore_queue=True))

    def register_namespace(self, namespace_handler: AsyncNamespace) -> None:
        """Register an object whose methods are the handlers of its namespace.

        Raises:
            ValueError: When it is no ``AsyncNamespace``.
        """
        if not isinstance(namespace_handler, AsyncNamespace):
            msg = "Not a namespace instance"
            raise ValueError(msg)
        namespace_handler._set_server(self)
        self._handlers.add_class(namespace_handler)

    async def _trigger_event(self, event: str, namespace: str, *args: Any) -> Any:
        """Call the handler of an event: a subclass may override it, or a program replace it.

        Args:
            event: The event's name; "connect" and "disconnect" come here too.
            namespace: The client's namespace.
            *args: The client's sid, then the event's arguments.

        Returns:
            What the handler returns; ``not_handled`` when there is none.
        """
        found = self._handlers.registered(event, namespace, args[0])
        if found is None:
            return self.not_handled
        handler, first = found
        all_args = (*first, *args[1:])
        result = handler.function(*(handler.trim(all_args) if event in RESERVED else all_args))
        return await result_of(result)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; a ``_trigger_event`` takes every event from then on."""
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
        """Emit an event to everybody in a namespace, or to some of them.

        The event is on its way when this returns. It waits while more than ``max_inbox_bytes`` of
        earlier ones wait for the shards; and an event for one client, named by its sid, waits while
        more than ``high_water_mark`` bytes wait for that client, unless it is ``volatile`` or has
        ``conflate``. So a loop that sends much to one client goes as fast as that reads; an event for
        several, or for a room, never waits for a slow client. May be awaited on any loop.

        Args:
            event: The event's name.
            data: None is no argument, a tuple is several, anything else is one. bytes, bytearray
                and memoryview anywhere inside are sent as attachments.
            to: A room or the sid of a client, or several of them; each client gets the event
                once. An empty list reaches nobody, None everybody.
            room: The same as ``to``.
            skip_sid: The sid of a client to leave out, or several.
            namespace: "/" when it is not given.
            callback: Called with the arguments of each recipient's acknowledgement, on the loop
                that serves.
            ignore_queue: Whether only clients of this server get it, and those of the other servers of its
                cluster do not.
            except_room: A room, or several, whose members are left out; the sid of a client is
                its own room.
            volatile: A client that has not taken what was sent before does not get this.
            conflate: A name. Of the events with the same name that wait for a client, only the
                newest is kept.
            compress: False leaves this event uncompressed.

        Raises:
            TypeError: When something in the data has no JSON form (the message says which value at which
                place), or another argument is of the wrong type. Also when nobody is connected.
            ValueError: When the event's name is reserved (see docs/differences.md) or no text, the
                namespace does not begin with a slash, or there are more attachments than
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
        """Emit an event as ``emit`` does, from any thread, and wait for no client.

        What it sends to one client is queued whatever waits for that client already; past
        ``max_queue_bytes`` the client is closed as ``slow client``. A manager that overrides ``emit``
        gets it on the serving loop.

        Raises:
            asyncio.QueueFull: On a thread with a running loop, when more than ``max_inbox_bytes``
                wait for the shards: await ``emit`` instead. Other threads wait.
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
                rest.close()  # the room in the shards, which the next call looks for

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
            namespace: "/" when it is not given.
            timeout: Seconds to wait; None waits as long as the client is there.
            ignore_queue: Whether the client is known to be this server's.

        Returns:
            None, the argument, or a tuple of the arguments the client answered with.

        Raises:
            ValueError: When there is no recipient.
            RuntimeError: With ``async_handlers=False``, and inside the connect handler of this
                very client, which could only wait for ever.
            fanio.exceptions.TimeoutError: When no answer came in time, and at once when the
                client is gone.
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
        """Put a client into a room, or a list of rooms; a room exists as long as somebody is in it.

        Raises:
            KeyError: When there is no such client in the namespace.
            ValueError: When the namespace has no clients at all, or the room is another client's own.
        """
        namespace = namespace_name(namespace)
        self.logger.info("%s is entering room %s [%s]", sid, room, namespace)
        for one in room if isinstance(room, list) else (room,):
            await self._manager.enter_room(sid, namespace, one)

    async def leave_room(self, sid: str, room: Room | list[Room], namespace: str | None = None) -> None:
        """Take a client out of a room, or a list of rooms."""
        namespace = namespace_name(namespace)
        self.logger.info("%s is leaving room %s [%s]", sid, room, namespace)
        for one in room if isinstance(room, list) else (room,):
            await self._manager.leave_room(sid, namespace, one)

    async def close_room(self, room: Room, namespace: str | None = None) -> None:
        """Take everybody out of a room.

        Raises:
            ValueError: When it is a client's own.
        """
        namespace = namespace_name(namespace)
        self.logger.info("room %s is closing [%s]", room, namespace)
        await self._manager.close_room(room, namespace)

    # Clients

    async def get_session(self, sid: str, namespace: str | None = None) -> dict[str, Any]:
        """Return the user session of a client: a dictionary of the program's own.

        It lives as long as the client, its disconnect handler included.

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
        """Return the user session of a client as a context that stores it at its end."""

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

        Its connection stays, as its other namespaces may use it. Returns when its disconnect
        handler has run. While its connect handler runs, it returns at once: the client is refused
        when that returns, and its disconnect handler is called.
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

    # Watching

    def instrument(
        self,
        auth: Auth | None = None,
        mode: str = "development",
        read_only: bool = False,
        server_id: str | None = None,
        namespace: str = "/admin",
        server_stats_interval: float = 2,
    ) -> InstrumentedAsyncServer:
        """Let the admin UI of Socket.IO watch and command this server.

        Args:
            auth: ``{"username": …, "password": …}``, a list of such, a function of what the UI
                sends (plain or ``async``), or False to let everybody in.
            mode: "production" shows numbers; "development" also every client, room and event.
            read_only: Whether the UI may only watch.
            server_id: The name of this server in the UI; the host's name when it is not given.
            namespace: The namespace the UI connects to.
            server_stats_interval: Seconds between two ``server_stats``.

        Returns:
            What ends it: ``shutdown()`` and ``uninstrument()``.

        Raises:
            ValueError: When ``auth`` is not given, or there is no such mode.
        """
        from fanio._admin.server import InstrumentedAsyncServer  # noqa: PLC0415 (nobody pays for it who does not use it)

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
        """Tell somebody, or nobody, what happens to clients."""
        self._observer = self._dispatcher.observer = self._lifecycle.observer = self._emitter.observer = observer

    # Running

    def attach(self, app: Any, socketio_path: str = "socket.io") -> None:
        """Raise: there is only ASGI here, and an app is wrapped or mounted.

        Raises:
            RuntimeError: Always.
        """
        self.eio.attach(app, socketio_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse to be served: an ``ASGIApp`` around the server is what an ASGI server takes."""
        await refuse_unwrapped(scope, receive, send)

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request or WebSocket, whatever its path."""
        await self.eio.handle_request(scope, receive, send)

    def _may_accept(self) -> bool:
        """Return whether the shards may see requests first; see ``engineio.BaseServer``."""
        is_ours = getattr(self.handle_request, "__func__", None) is AsyncServer.handle_request
        return is_ours and self.eio._may_accept()

    def _serve_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start on this loop, unless it runs."""
        self.eio._serve_on(loop)

    def _begin_managing(self) -> None:
        """Let the manager start what runs beside the server, once."""
        if not self.manager_initialized:
            self.manager_initialized = True
            self._manager.initialize()
        self._serve_cluster()

    def _serve_cluster(self) -> None:
        """Take part in the manager's cluster while the server runs."""
        if self._manager.cluster is not None and self._runner.loop is not None:
            self._manager.cluster.serve(self._runner.loop)

    def _end_managing(self) -> None:
        """Note that the server has ended."""
        self._lifecycle.release_waiting()
        if self._manager.cluster is not None:
            self._manager.cluster.stop()

    def _trust(self, proxies: list[str]) -> None:
        """Believe the forwarded headers of these proxies, when the program names none itself."""
        self.eio._trust(proxies)

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Start a coroutine function in a task and return that."""
        return self.eio.start_background_task(target, *args, **kwargs)

    async def sleep(self, seconds: float = 0) -> None:
        """Wait without holding up the loop."""
        await asyncio.sleep(seconds)

    async def shutdown(self) -> None:
        """Close every session, run the disconnect handlers, and end the server's threads.

        ``fanio.run`` does this itself. A server that is served again starts again.
        """
        self.logger.info("Socket.IO is shutting down")
        await self.eio.shutdown()
