"""Events of connected clients, and their acknowledgements, brought to the handlers.

Owns the order: with ``async_handlers`` a task per event, started in order of arrival; without,
one after the other for each client. Acknowledgement rules: None is no argument, a tuple is
several, anything else is one; no handler or a handler that raised means no acknowledgement.
Handlers that are plain functions run in a task as well: ``current_task()`` and context variables
are an event's own, and an earlier event's handler has begun before a later one's does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from functools import partial
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._codec.packet import ACK
from fanio._handlers.table import NO_ACK, NOTHING

if TYPE_CHECKING:
    from fanio._codec.codec import PacketCodec
    from fanio._handlers.table import HandlerTable
    from fanio._log import PacketLog
    from fanio._server.acks import Acks
    from fanio._server.observer import Observer
    from fanio._tasks.backlogs import Backlogs
    from fanio._tasks.failures import Failures
    from fanio._tasks.session_order import Turns
    from fanio._tasks.tasks import Tasks
    from fanio.types import Placeholders

__all__ = ["Dispatcher"]

_PARSE_ERROR = "parse error"


class Dispatcher:
    """Brings EVENT and ACK packets to the program."""

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
        turns: Turns | None,
    ) -> None:
        """Take the collaborators; ``turns`` with ``async_handlers=False``."""
        self._core = core
        self._handlers = handlers
        self._acks = acks
        self._codec = codec
        self._tasks = tasks
        self._backlogs = backlogs
        self._failures = failures
        self._packet_log = packet_log
        self._logger = failures.logger
        #: Handlers' functions are called as they are.
        self.invoke: None = None
        #: What handles a client's events one after the other; None when each gets a task.
        self.turns = turns
        self._events = tasks.of_events(self)
        #: Whether events are logged at INFO; looked up once per batch.
        self.verbose = False
        #: Whether packets are logged; the same.
        self.shows_packets = False
        #: Who is told of each event.
        self.observer: Observer | None = None

    def look_at_loggers(self) -> None:
        """Find out what is to be logged, once per batch."""
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
        """Take an EVENT event."""
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
        handler = self._handlers.place(args, namespace, sid)
        if handler is None or handler is NOTHING:
            if self._logger.isEnabledFor(logging.DEBUG):
                self._logger.debug("%s", self._handlers.unhandled(event, namespace))
            if handler is None:
                return
        size = len(data) if attachments is None else len(data) + sum(map(len, attachments))
        item = handler, args, sid, size, ack_id, event, namespace
        if self.turns is None:
            self._events.start(sid, item, size)
            return
        session_id = self._core.session_of(sid)
        if session_id is not None:
            self.turns.add(session_id, sid, partial(self._events.run_here, item), size)

    def _decode(
        self, data: bytes, attachments: list[bytes] | None, places: Placeholders | None, namespace: str
    ) -> list[Any]:
        """Return the arguments of an event; only its name when nobody looks at the others."""
        if self.observer is None:
            name = self._codec.event_name(data)
            if name is not None and not self._handlers.wants(name, namespace):
                return [name]
        return self._codec.decode(data, attachments, places)

    def fail(self, error: Exception, event: Any, namespace: str, sid: str) -> None:
        """Say that a handler has raised."""
        self._failures.handler(error, event, namespace, sid)

    def cancelled(self, sid: str, ack_id: int | None, event: Any, namespace: str) -> None:
        """Answer as python-socketio does, so that the client does not wait for ever."""
        if ack_id is not None:
            self.answer(sid, ack_id, None, event, namespace, may_wait=False)

    def answer(
        self, sid: str, ack_id: int, result: Any, event: Any, namespace: str, may_wait: bool = True
    ) -> Coroutine[Any, Any, int] | None:
        """Acknowledge an event; return what is left to do when the client must take others first."""
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
            self._tasks.call_in_turn(self._core.flush)
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
        """Take an ACK event."""
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
        """Call a function of the program's that nobody waits for."""

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
