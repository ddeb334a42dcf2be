"""Events that are emitted through the ``emit`` of a manager of the program's."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

from fanio._handlers.names import check_emitted
from fanio._server.acks import CallWaiter
from fanio.exceptions import TimeoutError as NoAnswerError

if TYPE_CHECKING:
    from fanio.types import Room, Rooms

__all__ = ["Flags", "Manager", "call", "emit"]

#: What ``emit`` of fanio takes and python-socketio's does not, in the order of ``_NAMES``.
Flags = tuple["Rooms | None", bool, "str | None", bool]

_NAMES = ("except_room", "volatile", "conflate", "compress")
_DEFAULTS: Flags = (None, False, None, True)


class Manager(Protocol):
    """What a manager has to have for this."""

    async def emit(self, event: str, data: Any, namespace: str, **options: Any) -> None:
        """Emit an event; options as ``AsyncServer.emit`` has them."""


async def emit(
    manager: Manager,
    event: str,
    data: Any,
    to: Rooms | None,
    namespace: str,
    options: dict[str, Any],
    flags: Flags = _DEFAULTS,
) -> None:
    """Emit with these options, and those of the flags that differ from their defaults.

    Raises:
        ValueError: When the event's name is reserved or no text.
    """
    check_emitted(event)
    given: dict[str, Any] = {
        name: flag for name, flag, default in zip(_NAMES, flags, _DEFAULTS, strict=True) if flag != default
    }
    await manager.emit(event, data, namespace, room=to, **options, **given)


async def call(
    manager: Manager,
    event: str,
    data: Any,
    to: Room,
    namespace: str,
    timeout: float | None,
    ignore_queue: bool,
) -> list[Any]:
    """Emit to one client and return the arguments it answers with.

    Raises:
        fanio.exceptions.TimeoutError: When no answer came in time.
    """
    waiter = CallWaiter(1)

    def answered(*args: Any) -> None:
        waiter.deliver(list(args))

    await emit(manager, event, data, to, namespace, {"callback": answered, "ignore_queue": ignore_queue})
    try:
        return await asyncio.wait_for(waiter.future, timeout)
    except asyncio.TimeoutError:
        raise NoAnswerError from None
