"""AsyncServer: the Socket.IO server as applications see it.

Every sending method is one push into the core; nothing here waits for a client. Events of the core come in batches
through one descriptor (`_drain`) and go to handlers (`dispatch`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Literal, cast

from fanio import _core, exceptions
from fanio.acks import Acks
from fanio.dispatch import RESERVED, Dispatcher, most_positional
from fanio.encode import Codec
from fanio.environ import Environ, build
from fanio.namespace import AsyncNamespace
from fanio.options import WireOptions
from fanio.reason import Reason
from fanio.rooms import RoomNames
from fanio.types import ASGIReceive, ASGISend, Handler, JSONModule, Room, Rooms, Scope

__all__ = ["AsyncServer"]

# Events taken from the core before other callbacks of the loop get a turn.
_BATCH = 256


class AsyncServer:
    """A Socket.IO server for asyncio.

    Args:
        client_manager: Not there yet; anything but None raises.
        logger: True to log, False for errors only, or a logger.
        json: The application's own JSON functions (``dumps`` with ``separators=``, ``loads``); orjson by default.
        async_handlers: Whether a client's next event is handled before the handler of the one before has finished.
        namespaces: Namespaces that are served without a handler: a list, or ``"*"`` for any.
        always_connect: Whether clients are accepted before their connect handler runs.
        serializer: ``"default"``.
        **options: Wire options; see the README for names, units and defaults. Unknown ones warn.

    Raises:
        ValueError: An option has a value that means nothing.
        NotImplementedError: An option asks for what is not there yet.

    Attributes:
        reason: The disconnect reasons.
        not_handled: What an event without a handler yields.
    """

    reserved_events: ClassVar = list(RESERVED)
    reason = Reason

    def __init__(
        self,
        client_manager: None = None,
        logger: bool | logging.Logger = False,
        json: JSONModule | None = None,
        async_handlers: bool = True,
        namespaces: list[str] | Literal["*"] | None = None,
        *,
        always_connect: bool = False,
        serializer: str = "default",
        **options: Any,
    ) -> None:
        if client_manager is not None:
            raise NotImplementedError("client_manager: several processes are not served yet; leave it out")
        if serializer != "default":
            raise NotImplementedError("serializer: only 'default' (JSON) is served yet")
        self.logger = _logger(logger)
        self.async_handlers = async_handlers
        self.always_connect = always_connect
        self.namespaces: list[str] | Literal["*"] = ["/"] if namespaces is None else namespaces
        self.async_mode = "asgi"
        self.not_handled = object()
        self._options = WireOptions(options)
        self._codec = Codec(json, self._options["max_attachments"])
        self._core = _core.Server(self._options.core())
        self._acks = Acks()
        self._rooms = RoomNames()
        self._dispatcher = Dispatcher(self)
        self._user_sessions: dict[str, dict[str, Any]] = {}
        self._environs: dict[str, Environ] = {}
        # Sockets whose connect handler runs; True once they are to be refused or are gone.
        self._connecting: dict[str, bool] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake_fd = -1
        self._stopped: asyncio.Event | None = None
        self._protocols: dict[int, Callable[[int, bytes], None]] = {}

    # --- handlers ----------------------------------------------------------------------------------------------------

    @property
    def handlers(self) -> dict[str, dict[str, Handler]]:
        """Functions by namespace and event."""
        return self._dispatcher.handlers

    @property
    def namespace_handlers(self) -> dict[str, AsyncNamespace]:
        """Class namespaces by name."""
        return self._dispatcher.namespace_handlers

    def is_asyncio_based(self) -> bool:
        """Return True."""
        return True

    def on(self, event: str, handler: Handler | None = None, namespace: str | None = None) -> Any:
        """Register a handler: as a decorator, or with the handler given.

        Args:
            event: The event's name; ``*`` for every event without a handler.
            handler: ``async def`` or a plain function; left out when used as a decorator.
            namespace: The namespace; ``*`` for every namespace.

        Returns:
            A decorator when no handler is given.
        """

        def register(function: Handler) -> Handler:
            self.handlers.setdefault(namespace or "/", {})[event] = function
            return function

        if handler is None:
            return register
        register(handler)
        return None

    def event(self, *args: Any, **kwargs: Any) -> Any:
        """Register a function under its own name: ``@sio.event`` or ``@sio.event(namespace="/x")``."""
        if len(args) == 1 and not kwargs and callable(args[0]):
            function = args[0]
            return self.on(function.__name__)(function)

        def register(function: Handler) -> Handler:
            return cast("Handler", self.on(function.__name__, *args, **kwargs)(function))

        return register

    def register_namespace(self, namespace_handler: AsyncNamespace) -> None:
        """Register a class namespace.

        Raises:
            ValueError: It is not an instance of AsyncNamespace.
        """
        if not isinstance(namespace_handler, AsyncNamespace):
            raise ValueError("Not a valid namespace class for this server: expected an AsyncNamespace instance")
        namespace_handler._set_server(self)
        self.namespace_handlers[namespace_handler.namespace] = namespace_handler

    # --- sending -----------------------------------------------------------------------------------------------------

    async def emit(
        self,
        event: str,
        data: Any = None,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: str | Iterable[str] | None = None,
        namespace: str | None = None,
        callback: Handler | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Send an event to clients. It returns when the event is on its way, not when it has arrived.

        Args:
            event: The event's name.
            data: One argument; a tuple for several; None for none. Bytes anywhere in it become attachments.
            to: A sid, a room, or several of them, each client once; everybody in the namespace when left out.
                An empty list reaches nobody.
            room: The same as `to`.
            skip_sid: Clients that are left out: one sid, or any iterable of sids.
            namespace: The namespace; ``/`` by default.
            callback: Called with the arguments of each client's acknowledgement.
            ignore_queue: Taken for compatibility.

        Raises:
            TypeError: The data cannot be encoded.
            ValueError: There are more attachments than clients accept.
        """
        self.emit_nowait(event, data, to, room, skip_sid, namespace, callback, ignore_queue)

    def emit_nowait(
        self,
        event: str,
        data: Any = None,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: str | Iterable[str] | None = None,
        namespace: str | None = None,
        callback: Handler | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Do what `emit` does, from any thread and without a loop."""
        target = to if to is not None else room
        names = None if target is None else self._rooms.names(target)
        skip = [skip_sid] if isinstance(skip_sid, str) else list(skip_sid or ())
        payload, attachments = self._codec.dumps([event, *_arguments(data)])
        namespace = namespace or "/"
        ack_id = None
        if callback is not None:
            ack_id = self._acks.next_id()
            self._acks.add(self._recipients(names, skip, namespace), ack_id, self._callback_waiter(callback))
        if self._core.emit(namespace, payload, attachments, names, skip or None, ack_id):
            self.loop.call_soon(self._core.flush)

    def _recipients(self, names: list[str] | None, skip: Iterable[str], namespace: str) -> set[str]:
        found: set[str] = set()
        for name in [None] if names is None else names:
            if name is not None and self._core.namespace_of(name) == namespace:
                found.add(name)
            else:
                found.update(sid for sid, _ in self._core.participants(namespace, name))
        return found.difference(skip)

    def _callback_waiter(self, callback: Handler) -> Callable[[list[Any] | None], None]:
        def waiter(args: list[Any] | None) -> None:
            if args is not None:
                self._dispatcher.start(self._run_callback(callback, args))

        return waiter

    async def _run_callback(self, callback: Handler, args: list[Any]) -> None:
        try:
            result = callback(*args)
            if asyncio.iscoroutine(result):
                await result
        except Exception:
            self.logger.exception("callback of an acknowledgement raised")

    async def send(
        self,
        data: Any,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: str | Iterable[str] | None = None,
        namespace: str | None = None,
        callback: Handler | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Send a ``message`` event; see `emit`."""
        self.emit_nowait("message", data, to, room, skip_sid, namespace, callback, ignore_queue)

    async def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = 60,
        ignore_queue: bool = False,
    ) -> Any:
        """Send an event to one client and wait for its acknowledgement.

        Args:
            event: The event's name.
            data: As for `emit`.
            to: The client's sid.
            sid: The same as `to`.
            namespace: The namespace; ``/`` by default.
            timeout: Seconds; None waits for ever.
            ignore_queue: Taken for compatibility.

        Returns:
            None for an acknowledgement without arguments, the argument for one, a tuple for several.

        Raises:
            TimeoutError: There was no acknowledgement in time, or the client is gone (fanio.exceptions).
            ValueError: No client is named.
            RuntimeError: It cannot be answered: handlers run one after another (``async_handlers=False``), or it is
                called inside the client's own connect handler.
        """
        target = to or sid
        if target is None:
            raise ValueError("Cannot use call() to broadcast.")
        if not self.async_handlers:
            raise RuntimeError("Cannot use call() when async_handlers is False.")
        if target in self._connecting and not self.always_connect:
            raise RuntimeError("call() inside the client's own connect handler: the client is not connected yet")
        namespace = namespace or "/"
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[Any] | None] = loop.create_future()

        def waiter(args: list[Any] | None) -> None:
            loop.call_soon_threadsafe(_resolve, answer, args)

        payload, attachments = self._codec.dumps([event, *_arguments(data)])
        ack_id = self._acks.next_id()
        if self._core.state(target) in {"connecting", "connected"}:
            self._acks.add([target], ack_id, waiter)
        else:
            answer.set_result(None)
        if self._core.emit(namespace, payload, attachments, [target], None, ack_id):
            self.loop.call_soon(self._core.flush)
        try:
            args = await asyncio.wait_for(answer, timeout)
        except asyncio.TimeoutError:
            raise exceptions.TimeoutError from None
        finally:
            self._acks.cancel(target, ack_id)
        if args is None:
            raise exceptions.TimeoutError("the client is gone")
        return None if not args else args[0] if len(args) == 1 else tuple(args)

    def send_ack(self, sid: str, ack_id: int, result: Any) -> None:
        """Answer an event with the result of its handler."""
        try:
            payload, attachments = self._codec.dumps(_arguments(result))
        except (TypeError, ValueError):
            self.logger.exception("acknowledgement cannot be encoded")
            return
        if self._core.ack(sid, ack_id, payload, attachments):
            self.loop.call_soon(self._core.flush)

    # --- rooms, sessions, clients ------------------------------------------------------------------------------------

    async def enter_room(self, sid: str, room: Room, namespace: str | None = None) -> None:
        """Put a client into a room.

        Raises:
            KeyError: No client has this sid.
            ValueError: The client is not in the namespace, or the room is another client's sid.
        """
        self._core.join(sid, namespace or "/", self._rooms.name(room))

    async def leave_room(self, sid: str, room: Room, namespace: str | None = None) -> None:
        """Take a client out of a room."""
        self._core.leave(sid, namespace or "/", self._rooms.name(room))

    async def close_room(self, room: Room, namespace: str | None = None) -> None:
        """Take everybody out of a room.

        Raises:
            ValueError: The room is a client's own.
        """
        name = self._rooms.name(room)
        if self._core.namespace_of(name) is not None:
            raise ValueError("the room is a client's own and cannot be closed")
        self._core.close_room(namespace or "/", name)

    def rooms(self, sid: str, namespace: str | None = None) -> list[Room]:
        """Return the rooms of a client, its own sid among them."""
        return [self._rooms.room(name) for name in self._core.rooms(sid, namespace or "/")]

    async def get_session(self, sid: str, namespace: str | None = None) -> Any:
        """Return the user session of a client: a dictionary, or what `save_session` has stored.

        Raises:
            KeyError: No client has this sid.
        """
        return self._user_sessions.setdefault(self._session_of(sid), {}).setdefault(namespace or "/", {})

    async def save_session(self, sid: str, session: Any, namespace: str | None = None) -> None:
        """Store the user session of a client.

        Raises:
            KeyError: No client has this sid.
        """
        self._user_sessions.setdefault(self._session_of(sid), {})[namespace or "/"] = session

    @asynccontextmanager
    async def session(self, sid: str, namespace: str | None = None) -> AsyncIterator[Any]:
        """Return the user session of a client, saved at the end of the ``async with`` block."""
        session = await self.get_session(sid, namespace)
        yield session
        await self.save_session(sid, session, namespace)

    def _session_of(self, sid: str) -> str:
        session_id = self._core.session_of(sid)
        if session_id is None:
            raise KeyError("Session not found")
        return session_id

    async def disconnect(self, sid: str, namespace: str | None = None, ignore_queue: bool = False) -> None:
        """Disconnect a client from a namespace; its transport stays open.

        Inside the client's own connect handler it refuses the client. For an unknown sid it does nothing.
        """
        if sid in self._connecting and not self.always_connect:
            self._connecting[sid] = True
        else:
            self._core.disconnect(sid, namespace or "/")

    def transport(self, sid: str, namespace: str | None = None) -> str:
        """Return ``"polling"`` or ``"websocket"``.

        Raises:
            KeyError: No client has this sid.
        """
        transport = self._core.transport(self._session_of(sid))
        if transport is None:
            raise KeyError("Session not found")
        return transport

    def get_environ(self, sid: str, namespace: str | None = None) -> dict[str, Any] | None:
        """Return the environ of a client's handshake request; None for an unknown sid."""
        session_id = self._core.session_of(sid)
        return self._environ(session_id) if session_id else None

    def _environ(self, session_id: str) -> Environ:
        kept = self._environs.get(session_id)
        if kept is not None:
            return kept
        request = self._core.request(session_id)
        return build(*request) if request else Environ()

    def _keep_environ(self, session_id: str, environ: Environ) -> None:
        if environ.changed:
            self._environs[session_id] = environ

    # --- life --------------------------------------------------------------------------------------------------------

    def start_background_task(self, target: Callable[..., Awaitable[Any]], *args: Any, **kwargs: Any) -> Any:
        """Run ``target(*args, **kwargs)`` as a task and return the task."""
        task = asyncio.ensure_future(target(*args, **kwargs))
        self._dispatcher.tasks.add(task)
        task.add_done_callback(self._dispatcher.tasks.discard)
        return task

    async def sleep(self, seconds: float = 0) -> None:
        """Sleep."""
        await asyncio.sleep(seconds)

    async def shutdown(self) -> None:
        """Close every client and stop. Disconnect handlers have run when it returns."""
        if self._loop is None:
            return
        self._core.unlisten()
        self._core.shutdown()
        if self._stopped is not None:
            await self._stopped.wait()
        handlers = [task for task in self._dispatcher.tasks if getattr(task, "_fanio_disconnect", False)]
        if handlers:
            await asyncio.wait(handlers, timeout=10)
        if self._loop is not None:
            self._loop.remove_reader(self._wake_fd)
            self._loop = None
            await asyncio.get_running_loop().run_in_executor(None, self._core.stop)

    async def handle_request(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """Serve a Socket.IO request that came through ASGI, whatever its path."""
        from fanio.bridge import Bridge  # noqa: PLC0415  (bridge needs this module's types)

        await Bridge(self, "").serve(scope, receive, send)

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop on which handlers run.

        Raises:
            RuntimeError: The server is not served yet.
        """
        if self._loop is None:
            raise RuntimeError("the server is not running: serve its ASGIApp first")
        return self._loop

    @property
    def core(self) -> _core.Server:
        """The Rust core."""
        return self._core

    def serve_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the core, once, with its events on this loop.

        Raises:
            RuntimeError: It is served on another loop already.
        """
        if self._loop is loop:
            return
        if self._loop is not None and not self._loop.is_closed():
            raise RuntimeError("the server is already served on another event loop")
        self._loop = loop
        self._stopped = asyncio.Event()
        self._wake_fd = self._core.start()
        loop.add_reader(self._wake_fd, self._drain)

    def on_hand_off(self, listener: int, take: Callable[[int, bytes], None]) -> None:
        """Let requests for other paths on a listener go to `take`, with the descriptor and the bytes read."""
        self._protocols[listener] = take

    def pause(self, sid: str) -> None:
        """Stop reading from a client."""
        session_id = self._core.session_of(sid)
        if session_id:
            self._core.pause(session_id)

    def resume(self, sid: str) -> None:
        """Read from a client again."""
        session_id = self._core.session_of(sid)
        if session_id:
            self._core.resume(session_id)

    # --- events of the core ------------------------------------------------------------------------------------------

    def _drain(self) -> None:
        for event in self._core.drain(_BATCH):
            try:
                self._handlers_of_core[event[0]](self, *event[1:])  # type: ignore[index]
            except Exception:  # noqa: PERF203  (one event must not cost the others)
                self.logger.exception("an event of the core could not be handled")

    def _on_connect(self, sid: str, namespace: str, session_id: str, auth: bytes) -> None:
        self._connecting[sid] = False
        self._dispatcher.start(self._connect(sid, namespace, session_id, auth))

    async def _connect(self, sid: str, namespace: str, session_id: str, auth: bytes) -> None:
        try:
            refusal = await self._decide(sid, namespace, session_id, auth)
        finally:
            gone = self._connecting.pop(sid, False)
        if self._core.state(sid) == "leaving":
            await self._leave(sid, namespace, session_id, Reason.CLIENT_DISCONNECT, accepted=self.always_connect)
        elif refusal is None and gone:
            self._refuse(sid, {"message": "Connection rejected by server"})
        elif refusal is not None:
            self._refuse(sid, refusal)
        elif not self.always_connect:
            self._accept(sid)

    def _accept(self, sid: str) -> bool:
        return self._core.accept(sid, b'{"sid":"%s"}' % sid.encode())

    def _refuse(self, sid: str, error: dict[str, Any]) -> None:
        self._acks.drop(sid)
        if self.always_connect and self._core.disconnect(sid, self._core.namespace_of(sid) or "/"):
            return
        try:
            payload, _ = self._codec.dumps([error])
        except (TypeError, ValueError):
            self.logger.exception("the data of a ConnectionRefusedError cannot be encoded")
            payload = b'[{"message":"Connection rejected by server"}]'
        self._core.refuse(sid, payload[1:-1])

    async def _decide(self, sid: str, namespace: str, session_id: str, auth: bytes) -> dict[str, Any] | None:
        """Run the connect handler; return why the client is refused, or None."""
        if not self._dispatcher.serves(namespace):
            return {"message": "Invalid namespace"}
        try:
            data = self._codec.loads(b"[%s]" % auth)[0] if auth else None
        except ValueError:
            self._core.close(session_id, Reason.PARSE_ERROR)
            return {"message": "Invalid payload"}
        if self.always_connect:
            self._accept(sid)
        environ = self._environ(session_id)
        try:
            accepted = await self._dispatcher.trigger("connect", namespace, sid, environ, data or None)
        except exceptions.ConnectionRefusedError as refused:
            return refused.error_args
        except ConnectionRefusedError:
            return {"message": "Connection refused by server"}
        except Exception:
            self.logger.exception("connect handler of namespace %r raised", namespace)
            return {"message": "Internal server error"}
        self._keep_environ(session_id, environ)
        return {"message": "Connection rejected by server"} if accepted is False else None

    def _on_event(
        self,
        sid: str,
        namespace: str,
        data: bytes,
        ack_id: int | None,
        attachments: list[bytes] | None,
        places: list[tuple[list[int | str], int]] | None,
    ) -> None:
        args = self._decode(sid, data, attachments, places)
        if args:
            self._dispatcher.dispatch(sid, namespace, args[0], args[1:], ack_id)

    def _on_ack(
        self,
        sid: str,
        _namespace: str,
        data: bytes,
        ack_id: int,
        attachments: list[bytes] | None,
        places: list[tuple[list[int | str], int]] | None,
    ) -> None:
        waiter = self._acks.pop(sid, ack_id)
        args = self._decode(sid, data, attachments, places)
        if waiter is not None and args is not None:
            waiter(args)

    def _decode(
        self,
        sid: str,
        data: bytes,
        attachments: list[bytes] | None,
        places: list[tuple[list[int | str], int]] | None,
    ) -> list[Any] | None:
        """Decode a packet's data; what cannot be decoded closes its session."""
        try:
            args = self._codec.loads(data)
            if attachments and places:
                self._codec.fill(args, places, attachments)
        except ValueError as error:
            self.logger.info("packet of %s refused: %s", sid[:4], error)
            session_id = self._core.session_of(sid)
            if session_id:
                self._core.close(session_id, Reason.PARSE_ERROR)
            return None
        return args

    def _on_disconnect(self, sid: str, namespace: str, session_id: str, reason: str) -> None:
        if sid in self._connecting:
            self._connecting[sid] = True
            return
        task = self._dispatcher.start(self._leave(sid, namespace, session_id, reason, accepted=True))
        task._fanio_disconnect = True  # type: ignore[attr-defined]

    async def _leave(self, sid: str, namespace: str, session_id: str, reason: str, *, accepted: bool) -> None:
        """Run the disconnect handler, then forget the socket."""
        self._acks.drop(sid)
        try:
            if accepted:
                await self._dispatcher.trigger("disconnect", namespace, sid, reason)
        except Exception:
            self.logger.exception("disconnect handler of namespace %r raised", namespace)
        finally:
            self._core.forget(sid)
            self._rooms.forget_unused(lambda: self._core.room_names(namespace))
            if self._core.request(session_id) is None:
                self._user_sessions.pop(session_id, None)
                self._environs.pop(session_id, None)
            else:
                self._user_sessions.get(session_id, {}).pop(namespace, None)

    def _on_hand_off(self, fd: int, data: bytes, listener: int) -> None:
        self._protocols[listener](fd, data)

    def _on_admission(self, token: int, head: bytes, peer: tuple[str, int] | None, secure: bool) -> None:
        self._dispatcher.start(self._admit(token, build(head, peer, secure)))

    async def _admit(self, token: int, environ: Environ) -> None:
        try:
            origin = environ.get("HTTP_ORIGIN")
            check = self._options["cors_allowed_origins"]
            if callable(check) and origin is not None and not _allows(check, origin, environ):
                self._core.deny(token, "Origin not allowed")
            else:
                self._core.admit(token, self._options.cookie_attributes())
        except Exception:
            self.logger.exception("cors_allowed_origins or cookie raised")
            self._core.deny(token, "Forbidden")

    def _on_stopped(self) -> None:
        if self._stopped is not None:
            self._stopped.set()

    _handlers_of_core: ClassVar[dict[int, Callable[..., None]]] = {
        _core.ACK: _on_ack,
        _core.ADMISSION: _on_admission,
        _core.CONNECT: _on_connect,
        _core.DISCONNECT: _on_disconnect,
        _core.EVENT: _on_event,
        _core.HANDOFF: _on_hand_off,
        _core.STOPPED: _on_stopped,
    }


def _arguments(data: Any) -> list[Any]:
    """Return the arguments that emitted data, or the result of a handler, stands for."""
    if data is None:
        return []
    return list(data) if type(data) is tuple else [data]


def _resolve(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        future.set_result(value)


def _allows(check: Callable[..., bool], origin: str, environ: Environ) -> bool:
    return bool(check(origin, environ) if most_positional(check) >= 2 else check(origin))


def _logger(setting: bool | logging.Logger) -> logging.Logger:
    if isinstance(setting, logging.Logger):
        return setting
    logger = logging.getLogger("fanio.server")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO if setting else logging.ERROR)
        if not logger.handlers:
            logger.addHandler(logging.StreamHandler())
    return logger
