"""Class-based namespaces: a class whose ``on_<event>`` methods are the handlers of a namespace."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any

from fanio.types import Handler, Room, Rooms

if TYPE_CHECKING:
    from fanio.server import AsyncServer

__all__ = ["AsyncNamespace"]


class AsyncNamespace:
    """The handlers of one namespace, to be registered with ``AsyncServer.register_namespace``.

    Args:
        namespace: The name; ``/`` when it is not given, ``*`` for any namespace without handlers of its own.
    """

    def __init__(self, namespace: str | None = None) -> None:
        self.namespace = namespace or "/"
        self.server: AsyncServer = None  # type: ignore[assignment]  # set by register_namespace

    def is_asyncio_based(self) -> bool:
        """Return True."""
        return True

    def _set_server(self, server: AsyncServer) -> None:
        self.server = server

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Call the handler of an event; override it to dispatch in another way.

        Args:
            event: The event's name; ``on_`` is put in front of it.
            *args: What the handler gets. For ``connect`` and ``disconnect`` a handler may leave the last out.

        Returns:
            What the handler returned: the acknowledgement. None when there is no handler.
        """
        handler: Handler | None = getattr(self, f"on_{event or ''}", None)
        if handler is None:
            return None
        from fanio.dispatch import fitting  # noqa: PLC0415  (dispatch imports this module)

        result = handler(*fitting(handler, event, args))
        if asyncio.iscoroutine(result):
            try:
                return await result
            except asyncio.CancelledError:
                return None
        return result

    async def emit(
        self,
        event: str,
        data: Any = None,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Handler | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Send an event, in this namespace unless another is given; see ``AsyncServer.emit``."""
        await self.server.emit(
            event,
            data=data,
            to=to,
            room=room,
            skip_sid=skip_sid,
            namespace=namespace or self.namespace,
            callback=callback,
            ignore_queue=ignore_queue,
        )

    async def send(
        self,
        data: Any,
        to: Rooms | None = None,
        room: Rooms | None = None,
        skip_sid: Any = None,
        namespace: str | None = None,
        callback: Handler | None = None,
        ignore_queue: bool = False,
    ) -> None:
        """Send a ``message`` event; see ``AsyncServer.send``."""
        await self.emit("message", data, to, room, skip_sid, namespace, callback, ignore_queue)

    async def call(
        self,
        event: str,
        data: Any = None,
        to: str | None = None,
        sid: str | None = None,
        namespace: str | None = None,
        timeout: float | None = None,
        ignore_queue: bool = False,
    ) -> Any:
        """Send an event to one client and wait for its answer; without a timeout for ever."""
        return await self.server.call(
            event,
            data=data,
            to=to,
            sid=sid,
            namespace=namespace or self.namespace,
            timeout=timeout,
            ignore_queue=ignore_queue,
        )

    async def enter_room(self, sid: str, room: Room, namespace: str | None = None) -> None:
        """Put a client into a room."""
        await self.server.enter_room(sid, room, namespace=namespace or self.namespace)

    async def leave_room(self, sid: str, room: Room, namespace: str | None = None) -> None:
        """Take a client out of a room."""
        await self.server.leave_room(sid, room, namespace=namespace or self.namespace)

    async def close_room(self, room: Room, namespace: str | None = None) -> None:
        """Take everybody out of a room."""
        await self.server.close_room(room, namespace=namespace or self.namespace)

    def rooms(self, sid: str, namespace: str | None = None) -> list[Room]:
        """Return the rooms of a client."""
        return self.server.rooms(sid, namespace=namespace or self.namespace)

    async def get_session(self, sid: str, namespace: str | None = None) -> Any:
        """Return the user session of a client."""
        return await self.server.get_session(sid, namespace=namespace or self.namespace)

    async def save_session(self, sid: str, session: Any, namespace: str | None = None) -> None:
        """Store the user session of a client."""
        await self.server.save_session(sid, session, namespace=namespace or self.namespace)

    def session(self, sid: str, namespace: str | None = None) -> AbstractAsyncContextManager[Any]:
        """Return the user session of a client, saved at the end of the ``async with`` block."""
        return self.server.session(sid, namespace=namespace or self.namespace)

    async def disconnect(self, sid: str, namespace: str | None = None) -> None:
        """Disconnect a client."""
        await self.server.disconnect(sid, namespace=namespace or self.namespace)
