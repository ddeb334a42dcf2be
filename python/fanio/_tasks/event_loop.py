"""The loop that a worker runs: one event after another, whoever they are for.

Servers, clients and the Engine.IO level differ in what is done with a result or a failure. When a
handler is awaited, when its task is counted off, and that nothing outlives an event is the same for
all of them, and stands here alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from types import CoroutineType, coroutine
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from fanio._tasks.worker import HANDLED, Carrier, Serve, awaited

if TYPE_CHECKING:
    from fanio._handlers.handler import Handler

__all__ = ["EventItem", "Owner", "loop_of"]

#: One event: its handler and arguments; whose it is, how many bytes it has, the number it is to be
#: acknowledged under, its name and its namespace.
EventItem: TypeAlias = "tuple[Handler, Sequence[Any], str, int, int | None, Any, str]"


class Owner(Protocol):
    """Whose events are handled. ``key`` is the client's sid, or whatever its events are counted by."""

    @property
    def invoke(self) -> Callable[[Callable[..., Any], Sequence[Any]], Any] | None:
        """Calls a handler's function; None calls it as it is."""

    def answer(self, key: str, ack_id: int, result: Any, event: Any, namespace: str) -> Coroutine[Any, Any, Any] | None:
        """Send what a handler has returned, for events that are to be acknowledged; return what is left to do."""

    def fail(self, error: Exception, event: Any, namespace: str, key: str) -> None:
        """Say that a handler has raised."""

    def cancelled(self, key: str, ack_id: int | None, event: Any, namespace: str) -> None:
        """Note that a handler's task was cancelled."""


def loop_of(owner: Owner, end_waiting: Callable[[str, asyncio.Task[None], int], None]) -> Serve:
    """Return the loop for the events of ``owner``; ``end_waiting`` counts those off that have waited."""

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
                    # A task of a plain function's runs by itself; it is waited for as the acknowledgement only.
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
            # Nothing of an event outlives it.
            carrier.item = handler = args = event = result = None
            yield HANDLED

    handle_events.__qualname__ = f"{type(owner).__qualname__}.handle_events"
    return handle_events
