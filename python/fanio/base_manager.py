"""BaseManager: what python-socketio's managers tell of clients and rooms, as live read-only views.

Nothing is kept here: every answer is asked of the core's registry when it is wanted.
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
    """Questions about the clients of one server."""

    #: Set by ``set_server``.
    server: AsyncServer
    logger: logging.Logger | None = None
    #: What a manager of the application's own may encode with; the server's packet class has it.
    json: Any = standard_json
    #: The cluster that the server is in by this manager, whose others hear of its emits; see ``AsyncRedisManager``.
    cluster: Cluster | None = None

    def __init__(self) -> None:
        """Belong to no server yet."""

    def set_server(self, server: AsyncServer) -> None:
        """Belong to a server; ``server.manager = ...`` does it too."""
        self.server = server
        if "json" not in vars(self):
            self.json = getattr(server.packet_class, "json", self.json)
        if self.logger is None:
            self.logger = server.logger

    def _get_logger(self) -> logging.Logger | None:
        """Return the logger: adapters written for python-socketio ask for it so."""
        return self.logger

    def initialize(self) -> None:
        """Start what runs beside the server: override it. Called once, when that is first served."""

    # Clients

    def get_namespaces(self) -> list[str]:
        """Return the namespaces that have clients."""
        return self.server._core.namespaces()

    def is_pre_connected(self, sid: str, namespace: str) -> bool:
        """Return whether a client's connect handler runs."""
        pending = self.server._lifecycle.pending_connect(sid_text(sid))
        return pending is not None and pending.namespace == namespace and not pending.is_accepted

    def is_connected(self, sid: str, namespace: str) -> bool:
        """Return whether a client has been accepted and is there; not in its disconnect handler."""
        return self.server._core.is_connected(sid_text(sid), namespace)

    def sid_from_eio_sid(self, eio_sid: str, namespace: str) -> str | None:
        """Return the sid that a connection has in a namespace."""
        return self.server._core.sid_of(sid_text(eio_sid), namespace)

    def eio_sid_from_sid(self, sid: str, namespace: str) -> str | None:
        """Return the connection that a client came over."""
        core, sid = self.server._core, sid_text(sid)
        return core.session_of(sid) if core.namespace_of(sid) == namespace else None

    @property
    def eio_to_sid(self) -> Mapping[str, Mapping[str, str]]:
        """The sids of each connection, by namespace."""
        core = self.server._core

        def sids(eio_sid: str) -> Mapping[str, str]:
            found = ((namespace, core.sid_of(sid_text(eio_sid), namespace)) for namespace in core.namespaces())
            return {namespace: sid for namespace, sid in found if sid is not None}

        return _View(core.sessions, lambda key: sids(key) or None)

    @property
    def callbacks(self) -> Mapping[str, Mapping[int, Any]]:
        """The acknowledgements that are waited for, by sid and number."""
        return self.server._acks.waiting()

    # Rooms

    @property
    def rooms(self) -> Mapping[str, Mapping[Room | None, Mapping[str, str]]]:
        """Who is where: ``rooms[namespace][room][sid]`` is the client's connection.

        The room None holds everybody in the namespace; each sid is a room of its own.
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
        """Iterate over the clients of a room, or of several, as sid and connection."""
        rooms = list(room) if isinstance(room, (list, tuple)) else [room]
        found: dict[str, str] = {}
        for one in rooms:
            found.update(self._members(namespace, one))
        yield from found.items()

    def get_rooms(self, sid: str, namespace: str) -> list[Room]:
        """Return the rooms a client is in, its own among them."""
        server = self.server
        return [server._rooms.room(name) for name in server._core.rooms(sid_text(sid), namespace)]

    def is_sid_room(self, namespace: str, room: Room) -> bool:
        """Return whether a room is a client's own."""
        return isinstance(room, str) and self.server._core.namespace_of(room) == namespace


class _View(Mapping[Any, Any]):
    """A mapping that looks its keys and values up when it is asked."""

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
    """The clients of one room: sid to connection."""

    @property
    def inverse(self) -> dict[str, str]:
        """Connection to sid, as python-socketio's ``bidict`` has it."""
        return {eio_sid: sid for sid, eio_sid in self.items()}
