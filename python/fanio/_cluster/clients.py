"""Clients of this server as other servers are told of them: what Node calls a remote socket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio._cluster.handshakes import handshake_of
from fanio._cluster.values import json_of

if TYPE_CHECKING:
    from fanio.async_server import AsyncServer

__all__ = ["Clients"]


class Clients:
    """Describes the clients of one server."""

    def __init__(self, server: AsyncServer) -> None:
        """Take the server."""
        self._server = server

    def describe(self, sid: str, namespace: str) -> dict[str, Any] | None:
        """Return a client's id, handshake, rooms and user session; None when it is gone."""
        server = self._server
        session_id = server._core.session_of(sid)
        if session_id is None:
            return None
        rooms = [room for room in server._manager.get_rooms(sid, namespace) if isinstance(room, (str, int))]
        session = server._lifecycle.sessions.get(sid, {})
        return {
            "id": sid,
            "handshake": handshake_of(server._environs.for_socket(session_id, sid), None),
            "rooms": rooms,
            # Another server cannot be told of what has no JSON form.
            "data": {key: value for key, value in session.items() if isinstance(key, str) and json_of(value)},
        }
