"""Calls handlers for the events of connected clients, and sends and receives acknowledgements.

Owns the order. With ``async_handlers`` each event gets a task, and the tasks start in order of arrival; without, the
events of a client are handled one after the other. A plain function runs in a task too, so each event has its own
``current_task()`` and context variables.

Owns the rules of acknowledgements: the result None gives no argument, a tuple gives several, anything else gives one.
An event is not acknowledged if it has no handler, or its handler raises.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._codec.packet import ACK
from fanio._handlers.table import NO_ACK, NO_OP

if TYPE_CHECKING:
    from fanio._codec.codec import PacketCodec
    from fanio._handlers.table import HandlerTable
    from fanio._log import PacketLog
    from fanio._server.acks import Acks
    from fanio._server.observer import Observer
    from fanio._tasks.backlogs import Backlogs
    from fanio._tasks.failures import Failures
    from fanio._tasks.session_queues import SessionQueues
    from fanio._tasks.tasks import Tasks
    from fanio.types import Placeholders

__all__ = ["Dispatcher"]

_PARSE_ERROR = "parse error"


class Dispatcher:
    """Calls handlers for EVENT packets, and passes ACK packets to their waiters."""

    def __init__(
        self,
        core: _core.Server,
        handlers: HandlerTable,
        acks: Acks,
        codec: PacketCodec,
        tasks: Tasks,
        backlogs: Backlogs,
        failures: Failures,
        packet_log: PacketLog,
        queues: SessionQueues | None,
    ) -> None:
        """Connect the parts of the server; ``queues`` is given with ``async_handlers=False``."""
        self._core = core
        self._handlers = handlers
        self._acks = acks
        self._codec = codec
        self._tasks = tasks
        self._backlogs = backlogs
        self._failures = failures
        self._packet_log = packet_log
        self._logger = failures.logger
        #: None: the functions of handlers are called directly.
        self.invoke: None = None
        #: The queues that handle a client's events one after the other; None if each event gets a task.
        self.queues = queues
        self._events = tasks.event_tasks(self)
        #: Whether events are logged at INFO; read once per batch.
        self.verbose = False
        #: Whether packets are logged; read once per batch.
        self.shows_packets = False
        #: Gets a call for each event.
        self.observer: Observer | None = None

    def read_log_levels(self) -> None:
        """Read the levels of the loggers; called once per batch."""
        self.verbose = self._logger.isEnabledFor(logging.INFO)
        self.shows_packets = self._packet_log.is_on

    def event(
        self,
        _kind: int,
        sid: str,
        namespace: str,
        data: bytes | list[Any],
        ack_id: int | None,
        attachments: list[bytes] | None,
        places: Placeholders | None,
    ) -> None:
        """Handle an EVENT event."""
        if self.shows_packets:
            self._packet_log.received(self._core.session_of(sid), "2", namespace, ack_id, data)
        try:
            args = data if isinstance(data, list) else self._decode(data, attachments, places, namespace)
            event = args[0]
        except (ValueError, IndexError):
            self._close(sid)
            return
        if self.verbose:
            self._logger.info('received event "%s" from %s [%s]', event, sid, namespace)
        if self.observer is not None:
            self.observer.received(sid, namespace, args)
        handler = self._handlers.resolve(args, namespace, sid)
        if handler is None or handler is NO_OP:
            if self._logger.isEnabledFor(logging.DEBUG):
                self._logger.debug("%s", self._handlers.unhandled(event, namespace))
            if handler is None:
                return
        size = len(data) if attachments is None else len(data) + sum(map(len, attachments))
        item = handler, args, sid, size, ack_id, event, namespace
        if self.queues is None:
            self._events.start(sid, item, size)
            return
        session_id = self._core.session_of(sid)
        if session_id is not None:
            self.queues.add(session_id, sid, partial(self._events.run_here, item), size)

    def _decode(
        self, data: bytes, attachments: list[bytes] | None, places: Placeholders | None, namespace: str
    ) -> list[Any]:
        """Return the name and the arguments of an event; only the name if no handler needs the arguments."""
        if self.observer is None:
            name = self._codec.event_name(data)
            if name is not None and not self._handlers.wants(name, namespace):
                return [name]
        return self._codec.decode(data, attachments, places)

    def fail(self, error: Exception, event: Any, namespace: str, sid: str) -> None:
        """Report the exception of a handler."""
        self._failures.handler(error, event, namespace, sid)

    def cancelled(self, sid: str, ack_id: int | None, event: Any, namespace: str) -> None:
        """Acknowledge the event as python-socketio does, so that the client does not wait for ever."""
        if ack_id is not None:
            self.answer(sid, ack_id, None, event, namespace, may_wait=False)

    def answer(
        self, sid: str, ack_id: int, result: Any, event: Any, namespace: str, may_wait: bool = True
    ) -> Coroutine[Any, Any, int] | None:
        """Acknowledge an event; return a coroutine that does so if the client's backlog is too large now."""
        if result is NO_ACK:
            return None
        try:
            payload = list(result) if isinstance(result, tuple) else [] if result is None else [result]
            data, attachments = self._codec.encode(payload, ACK, namespace, ack_id)
        except (TypeError, ValueError, RecursionError) as error:
            message = f'result of event "{event}" cannot be sent [{namespace}]'
            self._failures.tell(error, message, event=event, namespace=namespace, sid=sid)
            return None
        if self.shows_packets:
            namespace = self._core.namespace_of(sid) or "/"
            self._packet_log.sent(self._core.session_of(sid), "3", namespace, ack_id, data)
        backlogs = self._backlogs
        asked = _core.WAIT
        if not (may_wait and sid in backlogs.waiting):
            asked = self._core.ack(sid, ack_id, data, attachments, may_wait)
        if asked & _core.FLUSH:
            self._tasks.call_once_soon(self._core.flush)
        if asked & _core.WAIT:
            push = partial(self._core.ack, sid, ack_id, data, attachments)
            return backlogs.send(sid, self._core.session_of(sid), push, asked)
        return None

    def ack(
        self,
        _kind: int,
        sid: str,
        namespace: str,
        data: bytes | list[Any],
        ack_id: int,
        attachments: list[bytes] | None,
        places: Placeholders | None,
    ) -> None:
        """Handle an ACK event."""
        if self.shows_packets:
            self._packet_log.received(self._core.session_of(sid), "3", namespace, ack_id, data)
        if self.verbose:
            self._logger.info("received ack from %s [%s]", sid, namespace)
        waiter = self._acks.take(sid, ack_id)
        if waiter is None:
            return
        try:
            args = data if isinstance(data, list) else self._codec.decode(data, attachments, places)
        except ValueError:
            waiter.lose()
            self._close(sid)
        else:
            waiter.deliver(args)

    def run_callback(self, callback: Callable[..., Any], args: list[Any]) -> None:
        """Call a callback of the application in a task."""

        async def run() -> None:
            try:
                result = callback(*args)
                if isinstance(result, CoroutineType):
                    await result
            except Exception as error:
                self._failures.tell(error, "callback failed")

        self._tasks.start(run())

    def _close(self, sid: str) -> None:
        session_id = self._core.session_of(sid)
        if session_id is not None:
            self._core.close(session_id, _PARSE_ERROR)
