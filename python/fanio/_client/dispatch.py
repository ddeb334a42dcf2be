"""Packets of the server, brought to the handlers; their answers, brought back.

A task per event, started in order of arrival. Every event with an id is acknowledged, one that
nobody handles with nothing: this is where a client differs from a server. A handler that raises
acknowledges nothing.
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

#: The key of a client's tasks, which has one session only.
KEY = "client"


def arguments(value: Any) -> list[Any]:
    """Return the arguments a value stands for: None is none, a tuple is several."""
    if value is None:
        return []
    return list(value) if isinstance(value, tuple) else [value]


class ClientDispatcher:
    """Brings EVENT and ACK packets to the program, and the client's own events."""

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
        """Take the collaborators; ``early`` keeps what comes before its namespace."""
        self._state = state
        self._handlers = handlers
        self._acks = acks
        self._codec = codec
        self._recovery = recovery
        self._tasks = tasks
        self._failures = failures
        self._logger = failures.logger
        self._early = early
        self._events = tasks.of_events(self)
        #: Calls a function of the program's; the sync client does it in a thread.
        self.invoke: Callable[[Callable[..., Any], Sequence[Any]], Any] = lambda function, args: function(*args)

    def event(
        self,
        namespace: str,
        data: Any,
        ack_id: int | None,
        attachments: list[bytes] | None,
        places: Placeholders | None,
    ) -> None:
        """Take an EVENT packet."""
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
        """Return whether the last argument must be an offset, as the handler takes one less."""
        may = ack_id is None and self._recovery.may_have_offset(namespace)
        return may and len(args) == handler.positional + 1 and isinstance(args[-1], str)

    def _keep(self, namespace: str, *event: Any) -> None:
        if namespace not in self._state.wanted:
            return
        size = len(event[0]) + sum(map(len, event[2] or ()))
        if not self._early.add(namespace, event, size):
            self._logger.warning("an event came before its namespace and there is no room to keep it [%s]", namespace)

    def replay(self, namespace: str) -> None:
        """Handle what came before the namespace was granted."""
        for event in self._early.take(namespace):
            self.event(namespace, *event)

    def lost(self) -> None:
        """Drop what came before a namespace that was not granted: the next session is another."""
        self._early.take()

    def fail(self, error: Exception, event: Any, namespace: str, _key: str) -> None:
        """Say that a handler has raised."""
        self._failures.handler(error, event, namespace, self._state.namespaces.get(namespace) or "")

    def cancelled(self, key: str, ack_id: int | None, event: Any, namespace: str) -> None:
        """Answer as python-socketio does, so that the server does not wait for ever."""
        self.answer(key, ack_id, None, event, namespace)

    def answer(self, _key: str, ack_id: int | None, result: Any, event: Any, namespace: str) -> None:
        """Acknowledge an event, unless nobody asked for it or the connection is another one."""
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
        """Take an ACK packet."""
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
        """Return a value, or what the function or coroutine function returns that was given for it."""
        return await result_of(self.invoke(given, ()) if callable(given) else given)

    def run_callback(self, callback: Callable[..., Any], args: list[Any]) -> None:
        """Call a function of the program's that nobody waits for."""

        async def run() -> None:
            try:
                result = self.invoke(callback, args)
                if isinstance(result, CoroutineType):
                    await result
            except Exception as error:
                self._failures.tell(error, "callback failed")

        self._tasks.start(run())
