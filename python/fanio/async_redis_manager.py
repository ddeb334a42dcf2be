"""AsyncRedisManager: several servers as one, joined by Redis or Valkey.

Owns the constructor and the results of python-socketio's manager. What is emitted goes the server's usual
way, encoded once, and then to the others by ``fanio._cluster``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fanio._cluster.double_link import DoubleLink
from fanio._cluster.link import Link
from fanio._cluster.membership import Membership, is_told
from fanio._cluster.redis_options import url_with
from fanio._codec.json_codec import JsonCodec
from fanio._codec.room_names import RoomNames
from fanio._handlers.names import check_emitted, namespace_name, sid_text
from fanio._options.checks import check_count, check_flag, check_text, unexpected
from fanio.async_manager import AsyncManager

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanio.async_server import AsyncServer
    from fanio.types import Callback, JsonModule, Room, Rooms, SkipSid

__all__ = ["AsyncRedisManager"]

#: The values of an option, and those that are not there yet.
_CHOICES = {
    "dialect": (("python-socketio", "node", "both"), ()),
    "mode": (("pubsub",), ("sharded", "streams")),
}
#: What the names of nodes begin with that are on both buses; the core knows it, too.
_ON_BOTH = "both."
#: What stands for python-socketio's default channel among Node's servers.
_NODES_CHANNEL = "socket.io"


class AsyncRedisManager(AsyncManager):
    """Joins servers over Redis: fanio's with python-socketio's or Node's.

    Give each server one with the same channel: ``AsyncServer(client_manager=AsyncRedisManager(url))``.
    With ``write_only=True`` it needs no server: ``await manager.emit(...)`` in a script or a task of Celery
    reaches the clients of all servers.
    """

    # An emit goes the server's shorter way, and from there to the other servers.
    takes_emits = False
    takes_disconnects = False

    def __init__(
        self,
        url: str = "redis://localhost:6379/0",
        channel: str = "socketio",
        write_only: bool = False,
        logger: logging.Logger | None = None,
        json: JsonModule | None = None,
        redis_options: Mapping[str, Any] | None = None,
        *,
        dialect: str = "python-socketio",
        mode: str = "pubsub",
        max_bus_bytes: int = 16_777_216,
    ) -> None:
        """Prepare to join; nothing is connected before it is needed.

        Args:
            url: ``redis://``, ``rediss://`` (TLS), ``valkey://``, ``valkeys://``, ``unix://``,
                ``redis+sentinel://host:port,host:port/db/service`` or ``redis+cluster://host:port,host:port``.
            channel: The channel that all servers of the cluster use. With ``dialect="node"`` it is the ``key`` of
                their adapters, "socket.io" unless you say another.
            write_only: Only publish, and hear nothing of other servers.
            logger: A logger; that of the server when it is not given.
            json: A module to encode with when there is no server.
            redis_options: ``username``, ``password`` and ``db``, where the URL does not say them.
            dialect: "python-socketio" in a cluster with servers of python-socketio 5.14 or later, "node" in one with
                servers of Node and its ``@socket.io/redis-adapter``, "both" among servers of the two kinds. Servers of
                fanio alone may speak either.
            mode: "pubsub".
            max_bus_bytes: Bytes that may wait to be published. Past it ``await emit()`` waits; while Redis is
                away nobody waits, and what does not fit is lost and counted (``stats()``).

        Raises:
            NotImplementedError: With a dialect or a mode of Node's that is not there yet.
            TypeError: When an argument is of the wrong type.
            ValueError: When the URL is none of these, or an option is not known.
        """
        super().__init__()
        check_text("url", url, "a URL such as 'redis://localhost:6379/0'")
        check_text("channel", channel, "the name of a channel")
        check_flag("write_only", write_only)
        check_count("max_bus_bytes", max_bus_bytes, least=1)
        _choose("dialect", dialect)
        _choose("mode", mode)
        key = _NODES_CHANNEL if channel == "socketio" else channel
        if dialect == "node":
            channel = key
        self.redis_url = url
        self.channel = channel
        self.write_only = write_only
        self.server = None  # type: ignore[assignment]
        self._codec = JsonCodec(json)
        self._rooms = RoomNames(set)
        self.logger = logger
        if json is not None:
            self.json = json
        options = {
            "url": url_with(url, redis_options or {}),
            "channel": channel,
            "dialect": dialect,
            "max_bytes": int(max_bus_bytes),
            "write_only": write_only,
        }
        found = logger or logging.getLogger("socketio")
        self._link: Link | DoubleLink
        if dialect == "both":
            python = Link({**options, "dialect": "python-socketio"}, found, _ON_BOTH)
            self._link = DoubleLink(python, Link({**options, "dialect": "node", "channel": key}, found, _ON_BOTH))
        else:
            self._link = Link(options, found)

    @property
    def host_id(self) -> str:
        """The name of this server in the cluster."""
        return self._link.name

    def set_server(self, server: AsyncServer) -> None:
        """Belong to a server.

        Raises:
            ValueError: When it belongs to another one, or that server's packets are written by a class of the
                application's own.
        """
        if self.server is not None and self.server is not server:
            msg = "this manager belongs to another AsyncServer: give each server a manager of its own"
            raise ValueError(msg)
        if server._codec.parser not in ("socketio", "msgpack"):
            msg = (
                f"client_manager: the data of {server.packet_class.__name__} cannot be told to other servers; "
                "expected serializer='default' or 'msgpack'"
            )
            raise ValueError(msg)
        super().set_server(server)
        if self.cluster is None:
            self._link.belong_to(server._core)
            self.cluster = Membership(server, self._link)
        if self.logger is not None:
            self._link.logger = self.logger

    def _is_here(self, sid: str, namespace: str) -> bool:
        return self.server is not None and (self.is_connected(sid, namespace) or self.is_pre_connected(sid, namespace))

    async def emit(
        self,
        event: str,
        data: Any,
        namespace: str | None = None,
        room: Rooms | None = None,
        skip_sid: SkipSid | None = None,
        callback: Callback | None = None,
        to: Rooms | None = None,
        **kwargs: Any,
    ) -> None:
        """Emit an event to the clients of all servers; arguments as in ``AsyncServer.emit``.

        Raises:
            RuntimeError: When there is a callback and no server, which alone could be called back.
        """
        if self.server is not None:
            await super().emit(event, data, namespace or "/", room, skip_sid, callback, to, **kwargs)
            return
        if callback is not None:
            msg = "Callbacks can only be issued from the context of a server."
            raise RuntimeError(msg)
        self._publish(event, data, namespace, room if to is None else to, skip_sid, **kwargs)

    def _publish(
        self,
        event: str,
        data: Any,
        namespace: str | None,
        room: Rooms | None,
        skip_sid: SkipSid | None,
        *,
        except_room: Rooms | None = None,
        volatile: bool = False,
        compress: bool = True,
        ignore_queue: bool = False,
    ) -> None:
        """Tell the servers of an event, from a process that is none."""
        check_emitted(event)
        arguments = () if data is None else data if isinstance(data, tuple) else (data,)
        encoded = self._codec.encode([event, *arguments])
        names = None if room is None else self._names("room", room)
        skipped = [] if skip_sid is None else self._names("skip_sid", skip_sid)
        excepted = [] if except_room is None else self._names("except_room", except_room)
        if ignore_queue or names == []:
            return
        self._link.emit(namespace_name(namespace), encoded, (names or [], [*skipped, *excepted]), volatile, compress)

    def _names(self, argument: str, rooms: Rooms) -> list[str]:
        names = self._rooms.names(rooms)
        if not all(map(is_told, names)):
            raise unexpected(argument, "text or whole numbers, which are the rooms that other servers know", rooms)
        return names

    async def can_disconnect(self, sid: str, namespace: str) -> bool:
        """Return whether a client is here to be disconnected; the server that has it is told otherwise."""
        if self._is_here(sid, namespace):
            return await super().can_disconnect(sid, namespace)
        self._link.disconnect(namespace or "/", ([sid_text(sid)], []))
        return False

    async def disconnect(self, sid: str, namespace: str, **kwargs: Any) -> None:
        """Disconnect a client of any server."""
        if kwargs.get("ignore_queue"):
            await super().disconnect(sid, namespace, **kwargs)
        elif self._is_here(sid, namespace):
            await self.server.disconnect(sid, namespace, ignore_queue=True)
        else:
            self._link.disconnect(namespace or "/", ([sid_text(sid)], []))

    async def enter_room(self, sid: str, namespace: str, room: Room, eio_sid: str | None = None) -> None:
        """Put a client of any server into a room; that of another server is there when its server has heard of it."""
        if self._is_here(sid, namespace):
            await super().enter_room(sid, namespace, room, eio_sid=eio_sid)
        else:
            self._link.join(namespace or "/", ([sid_text(sid)], []), self._names("room", [room]))

    async def leave_room(self, sid: str, namespace: str, room: Room) -> None:
        """Take a client of any server out of a room."""
        if self._is_here(sid, namespace):
            await super().leave_room(sid, namespace, room)
        else:
            self._link.leave(namespace or "/", ([sid_text(sid)], []), self._names("room", [room]))

    async def close_room(self, room: Room, namespace: str | None = None) -> None:
        """Take everybody out of a room, on all servers."""
        name = (self._rooms if self.server is None else self.server._rooms).name(room)
        if self.server is not None:
            await super().close_room(room, namespace or "/")
        if is_told(name):
            self._link.close_room(namespace or "/", name)


def _choose(option: str, value: str) -> None:
    """Refuse what is not known, or not there yet."""
    known, later = _CHOICES[option]
    expected = " or ".join(map(repr, known))
    if value in later:
        msg = f"{option}={value!r} is not there yet: use {expected}"
        raise NotImplementedError(msg)
    if value not in known:
        msg = f"{option}: expected {expected}, got {value!r}"
        raise ValueError(msg)
