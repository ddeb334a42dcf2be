"""The code that handles events one after another, for servers, clients and Engine.IO servers.

It calls and awaits the handler, ends the counting of its task, and drops all references to the event. An ``EventOwner``
decides what happens with the result or the exception of a handler.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from types import CoroutineType, coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from fanio._tasks.worker import HANDLED, Carrier, Serve, awaited

if TYPE_CHECKING:
    from fanio._handlers.handler import Handler

__all__ = ["EventItem", "EventOwner", "make_event_handler"]

#: One event: handler, arguments, key of the client, size in bytes, ack id, name, namespace.
EventItem: TypeAlias = "tuple[Handler, Sequence[Any], str, int, int | None, Any, str]"


class EventOwner(Protocol):
    """A server or client whose events are handled; ``key`` is a sid, or another key under which events are counted."""

    @property
    def invoke(self) -> Callable[[Callable[..., Any], Sequence[Any]], Any] | None:
        """The function that calls a handler's function; None calls it directly."""

    def answer(self, key: str, ack_id: int, result: Any, event: Any, namespace: str) -> Coroutine[Any, Any, Any] | None:
        """Acknowledge an event with the result of its handler; return a coroutine if that has to wait."""

    def fail(self, error: Exception, event: Any, namespace: str, key: str) -> None:
        """Report the exception of a handler."""

    def cancelled(self, key: str, ack_id: int | None, event: Any, namespace: str) -> None:
        """Note that a handler's task was cancelled."""


def make_event_handler(owner: EventOwner, end_waiting: Callable[[str, asyncio.Task[None], int], None]) -> Serve:
    """Return the generator function that handles the events of ``owner``.

    ``end_waiting`` is called at the end of each event whose handler has waited.
    """

    @coroutine
    def handle_events(carrier: Carrier) -> Generator[Any, Any, None]:
        while True:
            handler, args, key, size, ack_id, event, namespace = carrier.item
            try:
                invoke = owner.invoke
                result = handler.function(*args) if invoke is None else invoke(handler.function, args)
                if type(result) is CoroutineType:
                    result = yield from result  # type: ignore[misc]
                elif handler.is_async or (ack_id is not None and isinstance(result, Awaitable)):
                    # A task that a plain function has started runs by itself. Only an acknowledgement waits for it.
                    result = yield from awaited(result)
            except asyncio.CancelledError:
                owner.cancelled(key, ack_id, event, namespace)
                raise
            except Exception as error:
                owner.fail(error, event, namespace, key)
            else:
                if ack_id is not None:
                    rest = owner.answer(key, ack_id, result, event, namespace)
                    if rest is not None:
                        yield from rest
            finally:
                if carrier.has_waited:
                    end_waiting(key, carrier.task, size)
            if carrier.is_last:
                return
            # All references to the event are dropped.
            carrier.item = handler = args = event = result = None
            yield HANDLED

    handle_events.__qualname__ = f"{type(owner).__qualname__}.handle_events"
    return handle_events
