"""Events of connected clients, and their acknowledgements, brought to the handlers.

Owns the order: with ``async_handlers`` a task per event, started in order of arrival; without,
one after the other for each client. Acknowledgement rules: None is no argument, a tuple is
several, anything else is one; no handler or a handler that raised means no acknowledgement.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging

    from fanio import _core
    from fanio.handling.acks import Acks
    from fanio.handling.handlers import Handler, HandlerTable
    from fanio.handling.tasks import Tasks
    from fanio.types import Placeholders
    from fanio.wire.encode import Codec

__all__ = ["Dispatcher"]

_PARSE_ERROR = "parse error"


class Dispatcher:
    """Brings EVENT and ACK packets to the program."""

    def __init__(
        self,
        core: _core.Server,
        handlers: HandlerTable,
        acks: Acks,
        codec: Codec,
        tasks: Tasks,
        logger: logging.Logger,
        *,
        serial: bool,
    ) -> None:
        """Take the collaborators; ``serial`` is ``async_handlers=False``."""
        self._core = core
        self._handlers = handlers
        self._acks = acks
        self._codec = codec
        self._tasks = tasks
        self._logger = logger
        self._serial = serial
        self._queues: dict[str, deque[tuple[str, Callable[[], Coroutine[Any, Any, None]]]]] = {}
        #: Whether events are logged at INFO; looked up once per batch.
        self.verbose = False

    def event(
        self,
        _kind: int,
        sid: str,
        namespace: str,
        data: bytes,
        ack_id: int | None,
        attachments: list[bytes] | None,
        places: Placeholders | None,
    ) -> None:
        """Take an EVENT event."""
        try:
            args = self._codec.decode(data, attachments, places)
            event = args[0]
        except (ValueError, IndexError):
            self._close(sid)
            return
        if self.verbose:
            self._logger.info('received event "%s" from %s [%s]', event, sid, namespace)
        found = self._handlers.find(event, namespace, sid)
        if found is None:
            return
        handler, first = found
        args[:1] = first
        if self._serial:
            session_id = self._core.session_of(sid)
            if session_id is not None:
                run = self._runner(handler, args, sid, namespace, ack_id, event)
                self.in_turn(session_id, sid, run)
        else:
            self._start(handler, args, sid, namespace, ack_id, event)

    def _start(
        self,
        handler: Handler,
        args: list[Any],
        sid: str,
        namespace: str,
        ack_id: int | None,
        event: Any,
    ) -> None:
        try:
            result = handler.function(*args)
        except Exception:
            self._logger.exception('handler of event "%s" failed [%s]', event, namespace)
            return
        if handler.is_async or isinstance(result, CoroutineType):
            finish = self._finish(result, sid, namespace, ack_id, event)
            self._tasks.start_event(sid, finish)
        elif ack_id is not None:
            self._answer(sid, ack_id, result, event, namespace)

    async def _finish(self, call: Any, sid: str, namespace: str, ack_id: int | None, event: Any) -> None:
        try:
            result = await call
        except Exception:
            self._logger.exception('handler of event "%s" failed [%s]', event, namespace)
        else:
            if ack_id is not None:
                self._answer(sid, ack_id, result, event, namespace)
        finally:
            self._tasks.end_event(sid)

    def _runner(
        self,
        handler: Handler,
        args: list[Any],
        sid: str,
        namespace: str,
        ack_id: int | None,
        event: Any,
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        async def run() -> None:
            try:
                result = handler.function(*args)
                if handler.is_async or isinstance(result, CoroutineType):
                    result = await result
            except Exception:
                self._logger.exception('handler of event "%s" failed [%s]', event, namespace)
            else:
                if ack_id is not None:
                    self._answer(sid, ack_id, result, event, namespace)

        return run

    def in_turn(self, session_id: str, sid: str, run: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run something of a session's after everything before it."""
        self._tasks.begin(sid)
        queue = self._queues.get(session_id)
        if queue is not None:
            queue.append((sid, run))
            return
        self._queues[session_id] = queue = deque([(sid, run)])
        self._tasks.start(self._work(session_id, queue))

    async def _work(
        self,
        session_id: str,
        queue: deque[tuple[str, Callable[[], Coroutine[Any, Any, None]]]],
    ) -> None:
        try:
            while queue:
                sid, run = queue.popleft()
                try:
                    await run()
                except asyncio.CancelledError:
                    if _is_cancelled():
                        raise
                finally:
                    self._tasks.end(sid)
        finally:
            if queue and sys.version_info < (3, 11):
                # Python 3.10 cannot tell whose cancellation it was: a new task goes on with the rest.
                self._tasks.start(self._work(session_id, queue))
            else:
                for sid, _ in queue:
                    self._tasks.end(sid)
                del self._queues[session_id]

    def is_busy(self) -> bool:
        """Return whether anything waits for its turn."""
        return bool(self._queues)

    def _answer(self, sid: str, ack_id: int, result: Any, event: Any, namespace: str) -> None:
        if result is None:
            self._send(sid, ack_id, b"[]", None)
            return
        try:
            payload = list(result) if isinstance(result, tuple) else [result]
            data, attachments = self._codec.encode(payload)
        except (TypeError, ValueError, RecursionError):
            self._logger.exception('result of event "%s" cannot be sent [%s]', event, namespace)
            return
        self._send(sid, ack_id, data, attachments)

    def _send(self, sid: str, ack_id: int, data: bytes, attachments: list[bytes] | None) -> None:
        if self._core.ack(sid, ack_id, data, attachments):
            self._tasks.loop.call_soon(self._core.flush)

    def ack(
        self,
        _kind: int,
        sid: str,
        namespace: str,
        data: bytes,
        ack_id: int,
        attachments: list[bytes] | None,
        places: Placeholders | None,
    ) -> None:
        """Take an ACK event."""
        try:
            args = self._codec.decode(data, attachments, places)
        except ValueError:
            self._close(sid)
            return
        if self.verbose:
            self._logger.info("received ack from %s [%s]", sid, namespace)
        waiter = self._acks.take(sid, ack_id)
        if waiter is not None:
            waiter.deliver(args)

    def run_callback(self, callback: Callable[..., Any], args: list[Any]) -> None:
        """Call a function of the program's that nobody waits for."""

        async def finish(awaitable: Any) -> None:
            try:
                await awaitable
            except Exception:
                self._logger.exception("callback failed")

        try:
            result = callback(*args)
        except Exception:
            self._logger.exception("callback failed")
            return
        if isinstance(result, CoroutineType):
            self._tasks.start(finish(result))

    def _close(self, sid: str) -> None:
        session_id = self._core.session_of(sid)
        if session_id is not None:
            self._core.close(session_id, _PARSE_ERROR)


def _is_cancelled() -> bool:
    """Return whether the current task is being cancelled, not only something it waited for."""
    task = asyncio.current_task()
    if sys.version_info >= (3, 11) and task is not None:
        return task.cancelling() > 0
    return True
