"""What Node's servers can be asked about all clients of a cluster, and other servers told.

Each step is done for the clients here, and the others do it for theirs. A server that is in no cluster
has the same methods.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from fanio._cluster import values
from fanio._cluster.clients import Clients
from fanio._cluster.remote_socket import RemoteSocket
from fanio._handlers.names import check_emitted
from fanio.exceptions import MissingServersError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fanio._cluster.link import Reply, Who
    from fanio._cluster.membership import Membership
    from fanio.async_server import AsyncServer
    from fanio.types import Room, Rooms

__all__ = ["Surface"]

_Found = TypeVar("_Found")


class Surface:
    """All clients and all servers, as one server sees them."""

    def __init__(self, server: AsyncServer) -> None:
        """Take the server."""
        self._server = server
        self._clients = Clients(server)
        #: The handlers of what other servers emit to this one, by namespace and event.
        self._handlers: dict[tuple[str, str], Callable[..., Any]] = {}

    @property
    def _cluster(self) -> Membership | None:
        return self._server._manager.cluster  # type: ignore[return-value]

    def _who(self, room: Rooms | None, except_room: Rooms | None) -> Who:
        names = self._server._rooms.names
        return ([] if room is None else names(room), [] if except_room is None else names(except_room))

    def _here(self, who: Who, room: Rooms | None, namespace: str) -> list[str]:
        rooms, excepted = who
        return self._server._emitter.recipients(None if room is None else rooms, namespace, excepted)

    async def _ask(
        self, kind: str, namespace: str, who: Who = ([], []), event: list[Any] | None = None, timeout: float = 5
    ) -> tuple[list[Any], int]:
        if self._cluster is None:
            return [], 0
        answers = await self._cluster.ask(kind, namespace, who, event, timeout)
        return answers.values, answers.missing

    async def fetch_sockets(self, room: Rooms | None, except_room: Rooms | None, namespace: str) -> list[RemoteSocket]:
        """Return the clients of all servers."""
        who = self._who(room, except_room)
        fields = [self._clients.describe(sid, namespace) for sid in self._here(who, room, namespace)]
        found = [RemoteSocket.from_message(one) for one in fields if one is not None]
        if room is not None and not who[0]:
            return found
        answers, missing = await self._ask("sockets", namespace, who)
        for answer in answers:
            with contextlib.suppress(TypeError, ValueError):
                found.extend(RemoteSocket.from_message(one) for one in values.read(answer))
        return _complete("fetch_sockets", found, missing)

    async def all_sockets(self, room: Rooms | None, namespace: str) -> set[str]:
        """Return the sids of the clients of all servers."""
        who = self._who(room, None)
        found = set(self._here(who, room, namespace))
        if room is not None and not who[0]:
            return found
        answers, missing = await self._ask("sids", namespace, who)
        return _complete("all_sockets", found.union(*answers), missing)

    async def all_rooms(self, namespace: str) -> set[Room]:
        """Return the rooms of all servers; the sid of a client is one, too."""
        core, room = self._server._core, self._server._rooms.room
        found: set[Any] = {sid for sid, _ in core.participants(namespace, None)}
        found.update(room(name) for name in core.room_names(namespace))
        answers, missing = await self._ask("rooms", namespace)
        return _complete("all_rooms", found.union(*([room(name) for name in answer] for answer in answers)), missing)

    async def server_count(self, namespace: str) -> int:
        """Return how many servers there are, this one included."""
        answers, missing = await self._ask("rooms", namespace)
        return 1 + len(answers) + missing

    def sockets_join(self, rooms: Rooms, room: Rooms | None, except_room: Rooms | None, namespace: str) -> None:
        """Put clients into rooms."""
        who, manager = self._who(room, except_room), self._server._manager
        if self._cluster is not None:
            self._cluster.change("join", namespace, room is None, who, self._server._rooms.names(_listed(rooms)))
        for sid in self._here(who, room, namespace):
            for one in _listed(rooms):
                manager.basic_enter_room(sid, namespace, one)

    def sockets_leave(self, rooms: Rooms, room: Rooms | None, except_room: Rooms | None, namespace: str) -> None:
        """Take clients out of rooms."""
        who, manager = self._who(room, except_room), self._server._manager
        if self._cluster is not None:
            self._cluster.change("leave", namespace, room is None, who, self._server._rooms.names(_listed(rooms)))
        for sid in self._here(who, room, namespace):
            for one in _listed(rooms):
                manager.basic_leave_room(sid, namespace, one)

    async def disconnect_sockets(
        self, room: Rooms | None, except_room: Rooms | None, close: bool, namespace: str
    ) -> None:
        """Disconnect clients."""
        who, server = self._who(room, except_room), self._server
        if self._cluster is not None:
            self._cluster.disconnect(namespace, room is None, who, close)

        async def part(sid: str) -> None:
            session_id = server._core.session_of(sid)
            await server.disconnect(sid, namespace, ignore_queue=True)
            if close and session_id is not None:
                server._core.close(session_id, "server disconnect")

        await asyncio.gather(*map(part, self._here(who, room, namespace)))

    # Servers

    def on_server_side(self, event: str, handler: Callable[..., Any], namespace: str) -> None:
        """Register the handler of an event from other servers."""
        self._handlers[namespace, event] = handler

    def server_side_emit(self, event: str, args: tuple[Any, ...], namespace: str) -> None:
        """Send an event to the other servers."""
        check_emitted(event)
        if self._cluster is not None:
            self._cluster.server_side_emit(namespace, [event, *args])

    async def server_side_emit_with_ack(
        self, event: str, args: tuple[Any, ...], timeout: float, namespace: str
    ) -> list[Any]:
        """Send an event to the other servers, and return what their handlers returned."""
        check_emitted(event)
        answers, missing = await self._ask("server_side", namespace, event=[event, *args], timeout=timeout)
        return _complete("server_side_emit_with_ack", [values.read(answer) for answer in answers], missing)

    def take(self, namespace: str, data: tuple[bytes, list[bytes]], reply: Reply | None) -> None:
        """Give an event of another server to its handler."""
        found = values.read(data)
        if not isinstance(found, list) or not found or not isinstance(found[0], str):
            return
        event, *args = found
        handler = self._handlers.get((namespace, event))
        if handler is not None:
            self._server._tasks.start(self._run(handler, args, event, namespace, reply))

    async def _run(
        self, handler: Callable[..., Any], args: Iterable[Any], event: str, namespace: str, reply: Reply | None
    ) -> None:
        try:
            result = handler(*args)
            result = await result if inspect.isawaitable(result) else result
        except asyncio.CancelledError:
            raise
        except Exception:
            self._server.logger.exception('the handler of the server-side event "%s" failed [%s]', event, namespace)
            return
        if reply is not None and self._cluster is not None:
            self._cluster.answer_server(reply, result)


def _listed(rooms: Rooms) -> list[Any]:
    return list(rooms) if isinstance(rooms, (list, tuple, set, frozenset)) else [rooms]


def _complete(method: str, found: _Found, missing: int) -> _Found:
    """Return what was found when every server has answered.

    Raises:
        MissingServersError: When one has not.
    """
    if missing:
        raise MissingServersError(method, missing, found)
    return found
