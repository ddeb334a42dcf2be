"""AsyncManager: what a Socket.IO server asks of its ``client_manager``.

Owns the steps on the core that concern clients and rooms. A subclass may override any method;
the server calls ``emit`` only when that has been done, as its own way is shorter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio._handlers.names import sid_text
from fanio._server.emitter import OutgoingEvent
from fanio.base_manager import BaseManager

if TYPE_CHECKING:
    from fanio.types import Callback, Room, Rooms, SkipSid

__all__ = ["AsyncManager"]


class AsyncManager(BaseManager):
    """The clients of one server, in this process."""

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Return whether a client is here to be disconnected."""
        return self.is_connected(sid, namespace)

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        room: Rooms | None = None,
        skip_sid: SkipSid | None = None,
        callback: Callback | None = None,
        to: Rooms | None = None,
        **kwargs: Any,
    ) -> None:
        """Emit an event to the clients that are here; arguments as in ``AsyncServer.emit``."""
        kwargs.pop("ignore_queue", None)
        target = room if to is None else to
        outgoing = OutgoingEvent(event, data, target, skip_sid, namespace or "/", callback, **kwargs)
        if self.server._emitter.emit(outgoing):
            await self.server._emitter.room()

    async def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Hear that a client is gone: override it. Called when its disconnect handler has run."""

    async def enter_room(self, sid: str, namespace: str, room: Room, eio_sid: str | None = None) -> None:
        """Put a client into a room."""
        self.basic_enter_room(sid, namespace, room, eio_sid=eio_sid)

    async def leave_room(self, sid: str, namespace: str, room: Room) -> None:
        """Take a client out of a room."""
        self.basic_leave_room(sid, namespace, room)

    async def close_room(self, room: Room, namespace: str) -> None:
        """Take everybody out of a room."""
        self.basic_close_room(room, namespace)

    def basic_enter_room(self, sid: str, namespace: str, room: Room, eio_sid: str | None = None) -> None:
        """Put a client of this process into a room.

        Raises:
            KeyError: When there is no such client in the namespace.
            ValueError: When the namespace has no clients at all, or the room is another client's own.
        """
        server = self.server
        try:
            with server._rooms.lock:
                server._core.join(sid_text(sid), namespace, server._rooms.new_name(room))
        except (KeyError, ValueError):
            raise self._not_joined(sid, namespace, room) from None
        if server._observer is not None:
            server._observer.joined(sid, namespace, room)

    def _not_joined(self, sid: str, namespace: str, room: Room) -> Exception:
        """Return what is raised when a client cannot enter a room; the classes are python-socketio's."""
        core = self.server._core
        if core.namespace_of(sid_text(sid)) == namespace and self.is_sid_room(namespace, room):
            return ValueError(f"room {room!r} is another client's own [{namespace}]")
        msg = f"sid is not connected to requested namespace: {sid!r} in {namespace!r}"
        return KeyError(msg) if namespace in core.namespaces() else ValueError(msg)

    def basic_leave_room(self, sid: str, namespace: str, room: Room) -> None:
        """Take a client of this process out of a room."""
        server = self.server
        server._core.leave(sid_text(sid), namespace, server._rooms.name(room))
        if server._observer is not None:
            server._observer.left(sid, namespace, room)

    def basic_close_room(self, room: Room, namespace: str) -> None:
        """Take the clients of this process out of a room.

        Raises:
            ValueError: When it is a client's own.
        """
        if self.is_sid_room(namespace, room):
            msg = f"room {room!r} is a client's own and cannot be closed [{namespace}]"
            raise ValueError(msg)
        server = self.server
        name = server._rooms.name(room)
        members = [] if server._observer is None else server._core.participants(namespace, name)
        server._core.close_room(namespace, name)
        if server._observer is not None:
            for sid, _ in members:
                server._observer.left(sid, namespace, room)

    async def trigger_callback(self, sid: str, id: int, data: list[Any]) -> None:
        """Give an acknowledgement to whoever waits for it."""
        waiter = self.server._acks.take(sid, id)
        if waiter is not None:
            waiter.deliver(list(data))
