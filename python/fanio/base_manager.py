"""BaseManager: python-socketio's attributes and methods for clients and rooms, as live read-only views.

It keeps no data. Every answer comes from the core's registry at the time of the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fanio._codec import standard_json
from fanio._handlers.names import sid_text

if TYPE_CHECKING:
    import logging

    from fanio._server.cluster import Cluster
    from fanio.async_server import AsyncServer
    from fanio.types import Room

__all__ = ["BaseManager"]


class BaseManager:
    """The queries about the clients of one server."""

    #: Set by ``set_server``.
    server: AsyncServer
    logger: logging.Logger | None = None
    #: The JSON module for managers of the application; by default that of the server's packet class.
    json: Any = standard_json
    #: The cluster that this manager joins; its other servers get this server's emits. See ``AsyncRedisManager``.
    cluster: Cluster | None = None

    def __init__(self) -> None:
        """Create a manager without a server."""

    def set_server(self, server: AsyncServer) -> None:
        """Take the server; ``server.manager = ...`` calls this."""
        self.server = server
        if "json" not in vars(self):
            self.json = getattr(server.packet_class, "json", self.json)
        if self.logger is None:
            self.logger = server.logger

    def _get_logger(self) -> logging.Logger | None:
        """Return the logger; adapters written for python-socketio call this."""
        return self.logger

    def initialize(self) -> None:
        """Do nothing; override this to start background work. Called once, when the server is first served."""

    # Clients

    def get_namespaces(self) -> list[str]:
        """Return the namespaces that have clients."""
        return self.server._core.namespaces()

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        """Return whether the connect handler of a client is running."""
        pending = self.server._lifecycle.pending_connect(sid_text(sid))
        return pending is not None and pending.namespace == namespace and not pending.is_accepted

    def is_connected(self, sid: str, namespace: str) -> bool:
        """Return whether a client is accepted and connected; False in its disconnect handler."""
        return self.server._core.is_connected(sid_text(sid), namespace)

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """Return the sid that a session has in a namespace; None when it has not joined it."""
        return self.server._core.sid_of(sid_text(eio_sid), namespace)

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """Return the session of a client; None when there is no such client in the namespace."""
        core, sid = self.server._core, sid_text(sid)
        return core.session_of(sid) if core.namespace_of(sid) == namespace else None

    @property
    def eio_to_sid(self) -> Mapping[str, Mapping[str, str]]:
        """The sids of each session, by namespace."""
        core = self.server._core

        def sids(eio_sid: str) -> Mapping[str, str]:
            found = ((namespace, core.sid_of(sid_text(eio_sid), namespace)) for namespace in core.namespaces())
            return {namespace: sid for namespace, sid in found if sid is not None}

        return _View(core.sessions, lambda key: sids(key) or None)

    @property
    def callbacks(self) -> Mapping[str, Mapping[int, Any]]:
        """The callbacks that wait for an acknowledgement, by sid and number."""
        return self.server._acks.waiting()

    # Rooms

    @property
    def rooms(self) -> Mapping[str, Mapping[Room | None, Mapping[str, str]]]:
        """The members of all rooms: ``rooms[namespace][room][sid]`` is the session of a client.

        The room None has all clients of the namespace. Each sid is also a room.
        """
        core = self.server._core

        def space(namespace: str) -> Mapping[Room | None, Mapping[str, str]] | None:
            return _View(lambda: self._room_names(namespace), lambda room: self._members(namespace, room) or None)

        return _View(core.namespaces, lambda name: space(name) if name in core.namespaces() else None)

    def _room_names(self, namespace: str) -> list[Room | None]:
        names, core = self.server._rooms, self.server._core
        sids = [sid for sid, _ in core.participants(namespace, None)]
        return [None, *sids, *(names.room(name) for name in core.room_names(namespace))]

    def _members(self, namespace: str, room: Room | None) -> _Members:
        name = None if room is None else self.server._rooms.name(room)
        return _Members(self.server._core.participants(namespace, name))

    def get_participants(self, namespace: str, room: Room | list[Room] | None) -> Iterator[tuple[str, str]]:
        """Iterate over the clients of one or several rooms, as pairs of sid and session."""
        rooms = list(room) if isinstance(room, (list, tuple)) else [room]
        found: dict[str, str] = {}
        for one in rooms:
            found.update(self._members(namespace, one))
        yield from found.items()

    def get_rooms(self, sid: str, namespace: str) -> list[Room]:
        """Return the rooms of a client, including its own."""
        server = self.server
        return [server._rooms.room(name) for name in server._core.rooms(sid_text(sid), namespace)]

    def is_sid_room(self, namespace: str, room: Room) -> bool:
        """Return whether a room is a client's own."""
        return isinstance(room, str) and self.server._core.namespace_of(room) == namespace


class _View(Mapping[Any, Any]):
    """A mapping that looks up its keys and values at each access."""

    def __init__(self, keys: Callable[[], list[Any]], find: Callable[[Any], Any]) -> None:
        self._keys, self._find = keys, find

    def __getitem__(self, key: Any) -> Any:
        value = self._find(key)
        if value is None:
            raise KeyError(key)
        return value

    def __iter__(self) -> Iterator[Any]:
        return iter(self._keys())

    def __len__(self) -> int:
        return len(self._keys())

    def __repr__(self) -> str:
        return repr(dict(self))


class _Members(dict[str, str]):
    """The clients of one room: sid to session."""

    @property
    def inverse(self) -> dict[str, str]:
        """Session to sid, as in python-socketio's ``bidict``."""
        return {eio_sid: sid for sid, eio_sid in self.items()}
