"""Emits events through the ``emit`` of the application's own manager, or of a cluster adapter."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fanio._handlers.names import check_emitted
from fanio._server.acks import CallWaiter
from fanio._server.emitter import OutgoingEvent
from fanio.exceptions import TimeoutError as NoAnswerError

if TYPE_CHECKING:
    from fanio.async_manager import AsyncManager
    from fanio.types import Room

__all__ = ["call", "emit"]

#: Arguments of fanio's ``emit`` that python-socketio's does not have, with their defaults.
_OWN = {"except_room": None, "volatile": False, "conflate": None, "compress": True}


async def emit(manager: AsyncManager, event: OutgoingEvent, ignore_queue: bool) -> None:
    """Emit with python-socketio's arguments, and with those of fanio's own that are not at their default.

    Raises:
        ValueError: When the event's name is reserved or not text.
    """
    check_emitted(event.event)
    own = {name: getattr(event, name) for name, default in _OWN.items() if getattr(event, name) != default}
    await manager.emit(
        event.event,
        event.data,
        event.namespace,
        room=event.to,
        skip_sid=event.skip_sid,
        callback=event.callback,
        ignore_queue=ignore_queue,
        **own,
    )


async def call(
    manager: AsyncManager,
    event: str,
    data: Any,
    to: Room,
    namespace: str,
    timeout: float | None,
    ignore_queue: bool,
) -> list[Any]:
    """Emit to one client and return the arguments of its answer.

    Raises:
        fanio.exceptions.TimeoutError: When no answer arrives in time.
    """
    waiter = CallWaiter(1)

    def answered(*args: Any) -> None:
        waiter.deliver(list(args))

    await emit(manager, OutgoingEvent(event, data, to, None, namespace, answered), ignore_queue)
    try:
        return await asyncio.wait_for(waiter.future, timeout)
    except asyncio.TimeoutError:
        raise NoAnswerError from None
