"""A client in a namespace, from its CONNECT packet to the end of its disconnect handler.

Owns the rules of both handlers: which client is accepted, and what a refused client gets. Each connect handler that
does not refuse is followed by exactly one disconnect handler, also if the client has left, or the application has
disconnected it, while the connect handler was running. ``dispatch`` handles the events in between.

    CONNECT ─► connect handler ─► accept ─► … ─► DISCONNECT ─► disconnect handler ─► forget
                     └─────────► refuse ─► forget             (always_connect: accept comes first)

While one of the handlers runs, packets of the client for the namespace wait (``waiting_packets``).
"""

from __future__ import annotations

import asyncio
import builtins
import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fanio._codec.packet import CONNECT, CONNECT_ERROR
from fanio._handlers.handler import result_of
from fanio._server.waiting_packets import WaitingPackets
from fanio.exceptions import ConnectionRefusedError as Refused
from fanio.reason import Reason

if TYPE_CHECKING:
    from fanio import _core
    from fanio._codec.codec import PacketCodec
    from fanio._handlers.handler import Handler
    from fanio._handlers.table import HandlerTable
    from fanio._log import PacketLog
    from fanio._request.session_environs import SessionEnvirons
    from fanio._server.acks import Acks
    from fanio._server.observer import Observer
    from fanio._tasks.failures import Failures
    from fanio._tasks.session_queues import SessionQueues
    from fanio._tasks.tasks import Tasks
    from fanio.types import Payload, Placeholders

__all__ = ["Lifecycle", "PendingConnect"]

_INVALID_NAMESPACE = {"message": "Invalid namespace"}
_INTERNAL_ERROR = {"message": "Internal server error"}
_REFUSED = {"message": "Connection refused by server"}


class PendingConnect:
    """A client whose connect handler runs."""

    __slots__ = ("is_accepted", "namespace", "session_id", "task", "was_disconnected")

    def __init__(self, namespace: str, session_id: str) -> None:
        """Start before the decision."""
        self.namespace = namespace
        self.session_id = session_id
        self.is_accepted = False
        #: Whether the application has disconnected the client while the handler was running.
        self.was_disconnected = False
        self.task: asyncio.Task[Any] | None = None


class Lifecycle:
    """Connects and disconnects the clients of a server."""

    def __init__(
        self,
        core: _core.Server,
        handlers: HandlerTable,
        acks: Acks,
        codec: PacketCodec,
        environs: SessionEnvirons,
        tasks: Tasks,
        failures: Failures,
        packet_log: PacketLog,
        queues: SessionQueues | None,
        *,
        always_connect: bool,
        namespaces: list[str] | str,
    ) -> None:
        """Connect the parts of the server; ``namespaces`` are served without a handler, "*" is all of them."""
        self._core = core
        self._handlers = handlers
        self._acks = acks
        self._codec = codec
        self._environs = environs
        self._tasks = tasks
        self._failures = failures
        self._packet_log = packet_log
        #: Gets calls for clients that connect and disconnect.
        self.observer: Observer | None = None
        self._logger = failures.logger
        #: Whether clients are accepted before their connect handler runs.
        self.always_connect = always_connect
        #: The namespaces that are served without a handler.
        self.namespaces = namespaces
        self._pending: dict[str, PendingConnect] = {}
        # The sids of clients whose auth was not JSON. No handler is called for them.
        self._rejected_auth: set[str] = set()
        #: Packets of clients whose connect or disconnect handler is running.
        self.waiting = WaitingPackets(core, tasks, failures.logger)
        #: The tasks of connect and disconnect handlers that are running.
        self.running: set[asyncio.Task[Any]] = set()
        # Futures of calls that wait for the end of a disconnect handler, by sid.
        self._disconnect_waiters: dict[str, asyncio.Future[None]] = {}
        #: The number of clients; an emit without clients only checks its arguments.
        self.clients = 0
        # With async_handlers=False, a disconnect handler runs after the handlers of the events before it.
        self.queues = queues
        #: Handles the events that have waited.
        self.take_event: Callable[..., None] = _nothing
        #: Called with the sid of a client that has left, before its disconnect handler runs.
        self.on_left: Callable[[str], None] = _nothing
        #: Called with the namespace that a client asks for, if that is served.
        self.on_entered: Callable[[str], None] = _nothing
        #: Called with sid and namespace after the disconnect handler of a client.
        self.on_gone: Callable[[str, str], None] = _nothing
        #: The user sessions, by sid.
        self.sessions: dict[str, dict[str, Any]] = {}

    def watch_namespaces(self, on_entered: Callable[[str], None] | None) -> None:
        """Call a function, or none, with the namespace of each client that connects."""
        self.on_entered = _nothing if on_entered is None else on_entered

    def pending_connect(self, sid: str) -> PendingConnect | None:
        """Return the state of a client whose connect handler is running; None for other clients."""
        return self._pending.get(sid)

    def connect(self, _kind: int, sid: str, namespace: str, session_id: str, auth: Any) -> None:
        """Handle a CONNECT event."""
        if self._packet_log.is_on:
            self._packet_log.received(session_id, "0", namespace, None, auth)
        size = len(auth) if isinstance(auth, bytes) else 0
        self.waiting.handle(session_id, namespace, partial(self._connect, sid, namespace, session_id, auth), size)

    def _connect(self, sid: str, namespace: str, session_id: str, auth: Any) -> None:
        if not self._is_served(namespace):
            self._core.refuse(sid, self._error(_INVALID_NAMESPACE, namespace))
            return
        self.clients += 1
        self.on_entered(namespace)
        try:
            credentials = (self._codec.loads(auth) if auth else None) or None
        except ValueError:
            self._rejected_auth.add(sid)
            self._core.close(session_id, "parse error")
            return
        self._environs.keep_scope(session_id, sid)
        self._logger.debug("%s asks for %s", sid, namespace)
        found = self._handlers.find("connect", namespace, sid)
        if found is None:
            self.waiting.hold(session_id, namespace, sid)
            self._accept(sid, namespace)
            return
        pending = PendingConnect(namespace, session_id)
        pending.is_accepted = self.always_connect
        self.waiting.begin(session_id, namespace)
        if pending.is_accepted:
            # As in python-socketio, its events wait until the handler has run.
            self.waiting.hold(session_id, namespace, sid, always=True)
            self._accept(sid, namespace)
        self._pending[sid] = pending
        handler, args = found
        args = [*args, self._environs.for_socket(session_id, sid), credentials]
        self._call(handler, args, sid, pending)

    def _is_served(self, namespace: str) -> bool:
        listed = self.namespaces == "*" or namespace in self.namespaces
        return listed or self._handlers.knows(namespace)

    def _accept(self, sid: str, namespace: str) -> None:
        payload = self._codec.encode_fields({"sid": sid}, CONNECT, namespace)
        if self._packet_log.is_on:
            self._packet_log.sent(self._core.session_of(sid), "0", namespace, None, payload)
        self._core.accept(sid, payload)
        if self.observer is not None:
            self.observer.connected(sid, namespace, self._core.session_of(sid) or "")

    def _call(self, handler: Handler, args: list[Any], sid: str, pending: PendingConnect) -> None:
        trimmed = handler.trim(tuple(args))
        try:
            result = handler.function(*trimmed)
        except BaseException as error:
            self._settle(sid, pending, self._refusal(error, pending.namespace, sid))
            # A plain function runs in no task of its own, so its cancellation ends here.
            if isinstance(error, (Exception, asyncio.CancelledError)):
                return
            raise
        if inspect.isawaitable(result):
            self._keep(self._tasks.start(self._join(result, sid, pending)))
        else:
            self._settle(sid, pending, self._verdict(result, pending.namespace))

    async def _join(self, call: Any, sid: str, pending: PendingConnect) -> None:
        pending.task = asyncio.current_task()
        try:
            refusal = self._verdict(await result_of(call), pending.namespace)
        except BaseException as error:
            refusal = self._refusal(error, pending.namespace, sid)
            if not isinstance(error, Exception):
                raise
        finally:
            pending.task = None
            self._settle(sid, pending, refusal)

    def _error(self, fields: dict[str, str], namespace: str) -> Payload:
        return self._codec.encode_fields(fields, CONNECT_ERROR, namespace)

    def _verdict(self, result: Any, namespace: str) -> Payload | None:
        """Return the refusal for the result of a connect handler; None if it accepts the client."""
        if result is not False:
            return None
        return self._codec.encode_object(Refused().error_args, CONNECT_ERROR, namespace)

    def _refusal(self, error: BaseException, namespace: str, sid: str) -> Payload:
        """Return the refusal for an exception of a connect handler."""
        if isinstance(error, Refused):
            try:
                return self._codec.encode_object(error.error_args, CONNECT_ERROR, namespace)
            except (TypeError, ValueError, RecursionError):
                self._logger.exception("the data of a ConnectionRefusedError has no JSON form")
                return self._error({"message": error.error_args["message"]}, namespace)
        if isinstance(error, builtins.ConnectionRefusedError):
            return self._error(_REFUSED, namespace)
        if isinstance(error, Exception):
            self._failures.handler(error, "connect", namespace, sid)
        return self._error(_INTERNAL_ERROR, namespace)

    def _settle(self, sid: str, pending: PendingConnect, refusal: Payload | None) -> None:
        """Accept or refuse a client after its connect handler."""
        namespace, session_id = pending.namespace, pending.session_id
        del self._pending[sid]
        if pending.was_disconnected and refusal is None:
            # The handler has accepted the client, so the disconnect handler must run.
            self._core.hold(sid)
            self._core.refuse(sid, self._codec.encode_object(Refused().error_args, CONNECT_ERROR, namespace))
            self._acks.drop(sid)
            self._call_disconnect_handler(sid, namespace, session_id, Reason.SERVER_DISCONNECT)
        elif refusal is None:
            if not pending.is_accepted:
                self.waiting.hold(session_id, namespace, sid)
                self._accept(sid, namespace)
        else:
            self._refuse(sid, pending, refusal)
        self.waiting.end(session_id, namespace)

    def _refuse(self, sid: str, pending: PendingConnect, refusal: Payload) -> None:
        """Refuse a client and forget it. No packet of it reaches a handler."""
        namespace = pending.namespace
        if pending.is_accepted:
            self._core.disconnect(sid, namespace, self._codec.encode_disconnect(namespace))
            if self.observer is not None:
                self.observer.disconnected(sid, namespace, Reason.SERVER_DISCONNECT)
        else:
            self._core.refuse(sid, refusal)
        self._acks.drop(sid)
        self._forget(sid, pending.session_id)

    def disconnect(self, _kind: int, sid: str, namespace: str, session_id: str, reason: str) -> None:
        """Handle a DISCONNECT event."""
        self._packet_log.logger.info("%s: Client is gone from %s (%s)", session_id, namespace, reason)
        self._acks.drop(sid)
        self.on_left(sid)
        self.waiting.handle(session_id, namespace, partial(self._disconnect, sid, namespace, session_id, reason))

    def _disconnect(self, sid: str, namespace: str, session_id: str, reason: str) -> None:
        if self._core.session_of(sid) is None:
            # The client was refused.
            return
        # Calls may have begun to wait since the event arrived.
        self._acks.drop(sid)
        if self.observer is not None:
            self.observer.disconnected(sid, namespace, reason)
        if sid in self._rejected_auth:
            self._rejected_auth.discard(sid)
            self._forget(sid, session_id)
        else:
            self._call_disconnect_handler(sid, namespace, session_id, reason)

    def early_event(
        self,
        kind: int,
        sid: str,
        namespace: str,
        data: bytes | list[Any],
        ack_id: int | None,
        attachments: list[bytes] | None,
        places: Placeholders | None,
    ) -> None:
        """Handle an EARLY_EVENT event: the connect handler of its client is running, or has just ended."""
        session_id = self._core.session_of(sid)
        if session_id is None:
            return
        size = len(data) + sum(map(len, attachments or ()))
        self.handle_event(session_id, size, kind, sid, namespace, data, ack_id, attachments, places)

    def handle_event(self, session_id: str, size: int, kind: int, sid: str, namespace: str, *event: Any) -> None:
        """Handle an event of ``size`` bytes, now or after the handlers before it."""
        handle = partial(self._handle_event, kind, sid, namespace, *event)
        self.waiting.handle(session_id, namespace, handle, size)

    def _handle_event(self, kind: int, sid: str, *event: Any) -> None:
        # The client may have been refused in the meantime.
        if self._core.session_of(sid) is not None:
            self.take_event(kind, sid, *event)

    def _call_disconnect_handler(self, sid: str, namespace: str, session_id: str, reason: str) -> None:
        found = self._handlers.find("disconnect", namespace, sid)
        if found is None:
            self._finish_disconnect(sid, namespace, session_id)
            return
        handler, args = found
        trimmed = handler.trim((*args, reason))
        self.waiting.begin(session_id, namespace)

        async def run_disconnect_handler() -> None:
            try:
                await result_of(handler.function(*trimmed))
            except Exception as error:
                self._failures.handler(error, "disconnect", namespace, sid)
            finally:
                self._finish_disconnect(sid, namespace, session_id)
                self.waiting.end(session_id, namespace)

        if self.queues is not None:
            if reason != Reason.SERVER_DISCONNECT and sid not in self._disconnect_waiters:
                self.queues.add(session_id, sid, run_disconnect_handler)
                return
            # The handler of an event may be waiting for this one. Events that are not handled yet are dropped.
            self.queues.drop(session_id, sid)
        self._keep(self._tasks.start(run_disconnect_handler()))

    def _finish_disconnect(self, sid: str, namespace: str, session_id: str) -> None:
        self._forget(sid, session_id)
        self.on_gone(sid, namespace)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        if not task.done():
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def wait_gone(self, sid: str) -> None:
        """Wait until the disconnect handler of a client that the application disconnects has run.

        Returns at once on another event loop than the server's, and when the server stops.
        """
        if self._tasks.loop is not asyncio.get_running_loop():
            return
        gone = self._disconnect_waiters.get(sid)
        if gone is None:
            gone = self._disconnect_waiters[sid] = self._tasks.loop.create_future()
        await asyncio.shield(gone)

    def release_waiting(self) -> None:
        """End every ``wait_gone``, because the server has stopped."""
        for gone in self._disconnect_waiters.values():
            if not gone.done():
                gone.set_result(None)
        self._disconnect_waiters.clear()

    def _forget(self, sid: str, session_id: str) -> None:
        gone = self._disconnect_waiters.pop(sid, None)
        if gone is not None and not gone.done():
            gone.set_result(None)
        self.clients -= 1
        self._core.forget(sid)
        self.sessions.pop(sid, None)
        self._environs.release(session_id, sid)


def _nothing(*_args: Any) -> None:
    pass
