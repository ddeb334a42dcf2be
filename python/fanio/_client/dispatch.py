"""Calls handlers for the server's packets, and acknowledges events.

Each event gets a task; the tasks start in order of arrival. Every event with an id is acknowledged. Unlike on a server,
an event without a handler is acknowledged too, without arguments. A handler that raises acknowledges nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from types import CoroutineType
from typing import TYPE_CHECKING, Any

from fanio._client.buffer import Buffer
from fanio._codec.packet import ACK
from fanio._handlers.handler import result_of

if TYPE_CHECKING:
    from fanio._client.acks import PendingAcks
    from fanio._client.handlers import ClientHandlers
    from fanio._client.recovery import Recovery
    from fanio._client.state import State
    from fanio._codec.codec import PacketCodec
    from fanio._handlers.handler import Handler
    from fanio._tasks.failures import Failures
    from fanio._tasks.tasks import Tasks
    from fanio.types import Placeholders

__all__ = ["ClientDispatcher", "arguments"]

#: The key under which a client's events are counted; a client has only one session.
KEY = "client"


def arguments(value: Any) -> list[Any]:
    """Return the arguments for a value: None gives no argument, a tuple gives several."""
    if value is None:
        return []
    return list(value) if isinstance(value, tuple) else [value]


class ClientDispatcher:
    """Calls handlers for EVENT packets and for the client's own events, and passes ACK packets to their waiters."""

    def __init__(
        self,
        state: State,
        handlers: ClientHandlers,
        acks: PendingAcks,
        codec: PacketCodec,
        recovery: Recovery,
        tasks: Tasks,
        failures: Failures,
        early: Buffer[tuple[Any, ...]],
    ) -> None:
        """Connect the parts of the client; ``early`` keeps events that arrive before their namespace is connected."""
        self._state = state
        self._handlers = handlers
        self._acks = acks
        self._codec = codec
        self._recovery = recovery
        self._tasks = tasks
        self._failures = failures
        self._logger = failures.logger
        self._early = early
        self._events = tasks.event_tasks(self)
        #: Calls a function of the application. The sync client sets a function that does so in a thread.
        self.invoke: Callable[[Callable[..., Any], Sequence[Any]], Any] = lambda function, args: function(*args)

    def event(
        self,
        namespace: str,
        data: Any,
        ack_id: int | None,
        attachments: list[bytes] | None,
        places: Placeholders | None,
    ) -> None:
        """Handle an EVENT packet."""
        if namespace not in self._state.namespaces:
            self._keep(namespace, data, ack_id, attachments, places)
            return
        try:
            args = self._codec.decode(data, attachments, places)
            event = args[0]
        except (ValueError, IndexError):
            self._break_off("an event that is no JSON array with a name")
            return
        self._logger.info('Received event "%s" [%s]', event, namespace)
        has_offset = ack_id is None and self._recovery.take_offset(namespace, args)
        found = self._handlers.lookup(event, namespace)
        if found is None:
            if self._logger.isEnabledFor(logging.DEBUG):
                self._logger.debug("%s", self._handlers.unhandled(event, namespace))
            self.answer(KEY, ack_id, None, event, namespace)
            return
        handler, first = found
        args[:1] = first
        if has_offset or self._has_one_too_many(namespace, handler, args, ack_id):
            args.pop()
        size = len(data) if attachments is None else len(data) + sum(map(len, attachments))
        self._events.start(KEY, (handler, args, KEY, size, ack_id, event, namespace), size)

    def _has_one_too_many(self, namespace: str, handler: Handler, args: list[Any], ack_id: int | None) -> bool:
        """Return whether the last argument must be an offset, because the handler has one parameter less."""
        may = ack_id is None and self._recovery.may_have_offset(namespace)
        return may and len(args) == handler.positional + 1 and isinstance(args[-1], str)

    def _keep(self, namespace: str, *event: Any) -> None:
        if namespace not in self._state.wanted:
            return
        size = len(event[0]) + sum(map(len, event[2] or ()))
        if not self._early.add(namespace, event, size):
            self._logger.warning("an event came before its namespace and there is no room to keep it [%s]", namespace)

    def replay(self, namespace: str) -> None:
        """Handle the events that arrived before their namespace was connected."""
        for event in self._early.take(namespace):
            self.event(namespace, *event)

    def lost(self) -> None:
        """Drop early events, because they belong to the lost session."""
        self._early.take()

    def fail(self, error: Exception, event: Any, namespace: str, _key: str) -> None:
        """Report the exception of a handler."""
        self._failures.handler(error, event, namespace, self._state.namespaces.get(namespace) or "")

    def cancelled(self, key: str, ack_id: int | None, event: Any, namespace: str) -> None:
        """Acknowledge the event as python-socketio does, so that the server does not wait for ever."""
        self.answer(key, ack_id, None, event, namespace)

    def answer(self, _key: str, ack_id: int | None, result: Any, event: Any, namespace: str) -> None:
        """Acknowledge an event, if it has an id and its namespace is still connected."""
        link = self._state.link
        if ack_id is None or link is None or namespace not in self._state.namespaces:
            return
        try:
            data, attachments = self._codec.encode(arguments(result), ACK, namespace, ack_id)
        except (TypeError, ValueError, RecursionError) as error:
            self._failures.tell(error, f'result of event "{event}" cannot be sent [{namespace}]')
            return
        link.core.ack(namespace, ack_id, data, attachments)

    def ack(
        self,
        namespace: str,
        data: Any,
        ack_id: int,
        attachments: list[bytes] | None,
        places: Placeholders | None,
    ) -> None:
        """Handle an ACK packet."""
        try:
            args = self._codec.decode(data, attachments, places)
        except ValueError:
            self._break_off("an acknowledgement that is no JSON array")
            return
        self._logger.info("Received ack [%s]", namespace)
        if not self._acks.deliver(namespace, ack_id, args):
            self._logger.warning("Unknown callback received, ignoring.")

    def _break_off(self, what: str) -> None:
        link = self._state.link
        if link is not None:
            link.break_off(f"the server sent {what}")

    async def trigger(self, event: str, namespace: str, *args: Any) -> None:
        """Call the handler of one of the client's own events."""
        found = self._handlers.lookup(event, namespace, reserved=True)
        if found is None:
            return
        handler, first = found
        given = (*first, *args)
        try:
            result = self.invoke(handler.function, handler.trim(given) if event == "disconnect" else given)
            if handler.is_async or isinstance(result, CoroutineType):
                await result
        except Exception as error:
            self._failures.handler(error, event, namespace, "")

    async def value(self, given: Any) -> Any:
        """Return ``given``, or, if it is a function, its result."""
        return await result_of(self.invoke(given, ()) if callable(given) else given)

    def run_callback(self, callback: Callable[..., Any], args: list[Any]) -> None:
        """Call a callback of the application in a task."""

        async def run() -> None:
            try:
                result = self.invoke(callback, args)
                if isinstance(result, CoroutineType):
                    await result
            except Exception as error:
                self._failures.tell(error, "callback failed")

        self._tasks.start(run())
