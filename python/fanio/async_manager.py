"""AsyncManager: the interface between a Socket.IO server and its ``client_manager``.

Owns the calls to the core that concern clients and rooms. An adapter that joins several servers to a
cluster is a subclass. The server calls its methods. The adapter does the work for its own clients
with ``super()``, and passes the call on to the other servers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio._handlers.names import sid_text
from fanio._server.acks import CallbackWaiter
from fanio._server.emitter import OutgoingEvent
from fanio.base_manager import BaseManager

if TYPE_CHECKING:
    from fanio.types import Callback, Room, Rooms, SkipSid

__all__ = ["AsyncManager"]


#: The methods that the server skips by default, and the flag that makes it call each of them.
_SHORTENED = {"emit": "takes_emits", "disconnect": "takes_disconnects"}


class AsyncManager(BaseManager):
    """The clients of one server, in this process.

    A subclass may override any method. The server always calls ``can_disconnect``, ``enter_room``,
    ``leave_room``, ``close_room``, ``get_rooms`` and ``is_connected``. It skips ``emit`` and
    ``disconnect``, because it has a faster way, unless the manager overrides them or sets these flags:
    """

    #: Whether the server calls ``emit`` for each emit. True when a subclass overrides it and does not set this flag.
    takes_emits = False
    #: Whether the server calls ``disconnect`` after each disconnect handler. True in the same case.
    takes_disconnects = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Set the flags for the methods that the subclass overrides, unless it sets them itself."""
        super().__init_subclass__(**kwargs)
        parent = next(base for base in cls.__mro__[1:] if issubclass(base, AsyncManager))
        for method, flag in _SHORTENED.items():
            if flag not in cls.__dict__ and getattr(cls, method) is not getattr(parent, method):
                setattr(cls, flag, True)

    def __setattr__(self, name: str, value: object) -> None:
        """Set an attribute; setting ``emit`` or ``disconnect`` sets the method's flag."""
        super().__setattr__(name, value)
        if name in _SHORTENED:
            super().__setattr__(_SHORTENED[name], True)

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Return whether a client is connected, so that it can be disconnected."""
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
        """Emit an event; arguments as in ``AsyncServer.emit``."""
        ignore_queue = bool(kwargs.pop("ignore_queue", False))
        target = room if to is None else to
        outgoing = OutgoingEvent(event, data, target, skip_sid, namespace or "/", callback, **kwargs)
        rest = self.server._emitter.emit(outgoing, may_wait=True, ignore_queue=ignore_queue)
        if rest is not None:
            await rest

    async def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Do nothing; override this to react when a client is gone. Called after its disconnect handler."""

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
        """Return the exception for a client that cannot enter a room; the classes are python-socketio's."""
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
            ValueError: When the room is a client's own.
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
        """Give an acknowledgement to its callback, or to the ``call`` that waits for it."""
        waiter = self.server._acks.take(sid, id)
        if waiter is not None:
            waiter.deliver(list(data))

    def _generate_ack_id(self, sid: str, callback: Callback) -> int:
        """Register a callback for this sid or room, and return its number for ``trigger_callback``."""
        server = self.server
        return server._acks.expect([sid], CallbackWaiter(callback, server._dispatcher.run_callback))
