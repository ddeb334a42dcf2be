"""A client in a namespace, from CONNECT to the end of its disconnect handler.

Owns the rules of both handlers: who is accepted, what a refused client gets, and that each connect
handler which ends without refusing is followed by exactly one disconnect handler, also when the
client has left, or was disconnected by the application, while it ran. What happens between is
``dispatch``'s.

    CONNECT ─► connect handler ─► accept ─► … ─► DISCONNECT ─► disconnect handler ─► forget
                     └─────────► refuse ─► forget             (always_connect: accept comes first)

While one of the handlers runs, what the client sends to the namespace waits (``waiting_packets``).
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
    from fanio._tasks.session_order import Turns
    from fanio._tasks.tasks import Tasks
    from fanio.types import Payload, Placeholders

__all__ = ["Joining", "Lifecycle"]

_INVALID_NAMESPACE = {"message": "Invalid namespace"}
_INTERNAL_ERROR = {"message": "Internal server error"}
_REFUSED = {"message": "Connection refused by server"}


class Joining:
    """A client whose connect handler runs."""

    __slots__ = ("accepted", "kicked", "namespace", "session_id", "task")

    def __init__(self, namespace: str, session_id: str) -> None:
        """Start with nothing decided."""
        self.namespace = namespace
        self.session_id = session_id
        self.accepted = False
        #: Whether the application has disconnected it meanwhile.
        self.kicked = False
        self.task: asyncio.Task[Any] | None = None


class Lifecycle:
    """All clients that come and go."""

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
        turns: Turns | None,
        *,
        always_connect: bool,
        namespaces: list[str] | str,
    ) -> None:
        """Take the collaborators; ``namespaces`` are accepted without a handler, "*" is all."""
        self._core = core
        self._handlers = handlers
        self._acks = acks
        self._codec = codec
        self._environs = environs
        self._tasks = tasks
        self._failures = failures
        self._packet_log = packet_log
        #: Who is told of clients that come and go.
        self.observer: Observer | None = None
        self._logger = failures.logger
        #: Whether clients are accepted before their connect handler runs.
        self.always_connect = always_connect
        #: The namespaces that are served without a handler.
        self.namespaces = namespaces
        self._joining: dict[str, Joining] = {}
        # Whose auth was no JSON, until their end: no disconnect handler for them.
        self._silent: set[str] = set()
        #: What clients have sent while a handler of theirs runs.
        self.waiting = WaitingPackets(core, tasks, failures.logger)
        #: The connect and disconnect handlers that run.
        self.running: set[asyncio.Task[Any]] = set()
        # Who waits for a disconnect handler's end, by sid.
        self._farewells: dict[str, asyncio.Future[None]] = {}
        #: How many clients there are; emits look at it to see whether anybody listens.
        self.clients = 0
        # With async_handlers=False a disconnect handler runs after the events before it.
        self.turns = turns
        #: Takes the events that have waited.
        self.take_event: Callable[..., None] = _nothing
        #: Called with the sid of a client that has left, before its disconnect handler runs.
        self.has_left: Callable[[str], None] = _nothing
        #: Called with the namespace that a client asks for, when that is served.
        self.entered: Callable[[str], None] = _nothing
        #: Called when a client is gone for good.
        self.left: Callable[[str, str], None] = _nothing
        #: The user sessions, by sid.
        self.sessions: dict[str, dict[str, Any]] = {}

    def enter(self, entered: Callable[[str], None] | None) -> None:
        """Tell somebody, or nobody, which namespaces clients come to."""
        self.entered = _nothing if entered is None else entered

    def joining(self, sid: str) -> Joining | None:
        """Return a client whose connect handler runs."""
        return self._joining.get(sid)

    def connect(self, _kind: int, sid: str, namespace: str, session_id: str, auth: Any) -> None:
        """Take a CONNECT event."""
        if self._packet_log.is_on:
            self._packet_log.received(session_id, "0", namespace, None, auth)
        size = len(auth) if isinstance(auth, bytes) else 0
        self.waiting.handle(session_id, namespace, partial(self._connect, sid, namespace, session_id, auth), size)

    def _connect(self, sid: str, namespace: str, session_id: str, auth: Any) -> None:
        if not self._is_served(namespace):
            self._core.refuse(sid, self._error(_INVALID_NAMESPACE, namespace))
            return
        self.clients += 1
        self.entered(namespace)
        try:
            credentials = (self._codec.loads(auth) if auth else None) or None
        except ValueError:
            self._silent.add(sid)
            self._core.close(session_id, "parse error")
            return
        self._environs.keep_scope(session_id, sid)
        self._logger.debug("%s asks for %s", sid, namespace)
        found = self._handlers.find("connect", namespace, sid)
        if found is None:
            self.waiting.hold(session_id, namespace, sid)
            self._accept(sid, namespace)
            return
        joining = Joining(namespace, session_id)
        joining.accepted = self.always_connect
        self.waiting.begin(session_id, namespace)
        if joining.accepted:
            # Its events wait all the same, as with python-socketio, until the handler has run.
            self.waiting.hold(session_id, namespace, sid, always=True)
            self._accept(sid, namespace)
        self._joining[sid] = joining
        handler, args = found
        args = [*args, self._environs.for_socket(session_id, sid), credentials]
        self._call(handler, args, sid, joining)

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

    def _call(self, handler: Handler, args: list[Any], sid: str, joining: Joining) -> None:
        trimmed = handler.trim(tuple(args))
        try:
            result = handler.function(*trimmed)
        except BaseException as error:
            self._settle(sid, joining, self._refusal(error, joining.namespace, sid))
            # There is no task that could be cancelled.
            if isinstance(error, (Exception, asyncio.CancelledError)):
                return
            raise
        if inspect.isawaitable(result):
            self._keep(self._tasks.start(self._join(result, sid, joining)))
        else:
            self._settle(sid, joining, self._verdict(result, joining.namespace))

    async def _join(self, call: Any, sid: str, joining: Joining) -> None:
        joining.task = asyncio.current_task()
        try:
            refusal = self._verdict(await result_of(call), joining.namespace)
        except BaseException as error:
            refusal = self._refusal(error, joining.namespace, sid)
            if not isinstance(error, Exception):
                raise
        finally:
            joining.task = None
            self._settle(sid, joining, refusal)

    def _error(self, fields: dict[str, str], namespace: str) -> Payload:
        return self._codec.encode_fields(fields, CONNECT_ERROR, namespace)

    def _verdict(self, result: Any, namespace: str) -> Payload | None:
        """Return the refusal for what a connect handler returned; None accepts."""
        if result is not False:
            return None
        return self._codec.encode_object(Refused().error_args, CONNECT_ERROR, namespace)

    def _refusal(self, error: BaseException, namespace: str, sid: str) -> Payload:
        """Return the refusal for what a connect handler raised."""
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

    def _settle(self, sid: str, joining: Joining, refusal: Payload | None) -> None:
        """Act on a connect handler's outcome."""
        namespace, session_id = joining.namespace, joining.session_id
        del self._joining[sid]
        if joining.kicked and refusal is None:
            # The handler has accepted it: what it has set up, the disconnect handler takes down.
            self._core.hold(sid)
            self._core.refuse(sid, self._codec.encode_object(Refused().error_args, CONNECT_ERROR, namespace))
            self._acks.drop(sid)
            self._leave(sid, namespace, session_id, Reason.SERVER_DISCONNECT)
        elif refusal is None:
            if not joining.accepted:
                self.waiting.hold(session_id, namespace, sid)
                self._accept(sid, namespace)
        else:
            self._refuse(sid, joining, refusal)
        self.waiting.end(session_id, namespace)

    def _refuse(self, sid: str, joining: Joining, refusal: Payload) -> None:
        """Let nothing be left of a client: what it has sent, or still sends, reaches no handler."""
        namespace = joining.namespace
        if joining.accepted:
            self._core.disconnect(sid, namespace, self._codec.encode_disconnect(namespace))
            if self.observer is not None:
                self.observer.disconnected(sid, namespace, Reason.SERVER_DISCONNECT)
        else:
            self._core.refuse(sid, refusal)
        self._acks.drop(sid)
        self._forget(sid, joining.session_id)

    def disconnect(self, _kind: int, sid: str, namespace: str, session_id: str, reason: str) -> None:
        """Take a DISCONNECT event."""
        self._packet_log.logger.info("%s: Client is gone from %s (%s)", session_id, namespace, reason)
        self._acks.drop(sid)
        self.has_left(sid)
        self.waiting.handle(session_id, namespace, partial(self._disconnect, sid, namespace, session_id, reason))

    def _disconnect(self, sid: str, namespace: str, session_id: str, reason: str) -> None:
        if self._core.session_of(sid) is None:
            # It was refused.
            return
        # For who has begun to wait since then.
        self._acks.drop(sid)
        if self.observer is not None:
            self.observer.disconnected(sid, namespace, reason)
        if sid in self._silent:
            self._silent.discard(sid)
            self._forget(sid, session_id)
        else:
            self._leave(sid, namespace, session_id, reason)

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
        """Take an EARLY_EVENT event: its client's connect handler still runs, or did just now."""
        session_id = self._core.session_of(sid)
        if session_id is None:
            return
        size = len(data) + sum(map(len, attachments or ()))
        self.handle_event(session_id, size, kind, sid, namespace, data, ack_id, attachments, places)

    def handle_event(self, session_id: str, size: int, kind: int, sid: str, namespace: str, *event: Any) -> None:
        """Handle an event of so many bytes, now or when the handlers before it have run."""
        handle = partial(self._handle_event, kind, sid, namespace, *event)
        self.waiting.handle(session_id, namespace, handle, size)

    def _handle_event(self, kind: int, sid: str, *event: Any) -> None:
        # Its client may have been refused.
        if self._core.session_of(sid) is not None:
            self.take_event(kind, sid, *event)

    def _leave(self, sid: str, namespace: str, session_id: str, reason: str) -> None:
        found = self._handlers.find("disconnect", namespace, sid)
        if found is None:
            self._part(sid, namespace, session_id)
            return
        handler, args = found
        trimmed = handler.trim((*args, reason))
        self.waiting.begin(session_id, namespace)

        async def say_goodbye() -> None:
            try:
                await result_of(handler.function(*trimmed))
            except Exception as error:
                self._failures.handler(error, "disconnect", namespace, sid)
            finally:
                self._part(sid, namespace, session_id)
                self.waiting.end(session_id, namespace)

        if self.turns is not None:
            if reason != Reason.SERVER_DISCONNECT and sid not in self._farewells:
                self.turns.add(session_id, sid, say_goodbye)
                return
            # An event's handler may wait for this one: those that have not begun come too late.
            self.turns.drop(session_id, sid)
        self._keep(self._tasks.start(say_goodbye()))

    def _part(self, sid: str, namespace: str, session_id: str) -> None:
        self._forget(sid, session_id)
        self.left(sid, namespace)

    def _keep(self, task: asyncio.Task[Any]) -> None:
        if not task.done():
            self.running.add(task)
            task.add_done_callback(self.running.discard)

    async def wait_gone(self, sid: str) -> None:
        """Wait until the disconnect handler of a client that the program disconnects has run.

        Only on the serving loop, and not when the server stops meanwhile.
        """
        if self._tasks.loop is not asyncio.get_running_loop():
            return
        gone = self._farewells.get(sid)
        if gone is None:
            gone = self._farewells[sid] = self._tasks.loop.create_future()
        await asyncio.shield(gone)

    def release_waiting(self) -> None:
        """End every ``wait_gone``: no more events come."""
        for gone in self._farewells.values():
            if not gone.done():
                gone.set_result(None)
        self._farewells.clear()

    def _forget(self, sid: str, session_id: str) -> None:
        gone = self._farewells.pop(sid, None)
        if gone is not None and not gone.done():
            gone.set_result(None)
        self.clients -= 1
        self._core.forget(sid)
        self.sessions.pop(sid, None)
        self._environs.release(session_id, sid)


def _nothing(*_args: Any) -> None:
    pass
