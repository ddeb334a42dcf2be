"""Where ASGI connections for Socket.IO come in, and which door each one takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio._doors import bridge, uvicorn
from fanio._doors.shutdown_hook import Farewell
from fanio._doors.takeover import take_over
from fanio._options.door import Door, is_allowed

if TYPE_CHECKING:
    from fanio import _core
    from fanio._doors.access_log import Journal
    from fanio._request.scopes import Scopes
    from fanio._tasks.serving import Serving
    from fanio.types import Receive, Scope, Send

__all__ = ["Entrance"]

_TAKEOVER = "Socket.IO's WebSockets go to fanio's own threads once the app lets them pass (door: takeover)"
_WEBSOCKETS = "Socket.IO's WebSockets come through ASGI messages (door: bridge)"
_POLLING = "Socket.IO's polling comes through ASGI messages (door: bridge)"


class Entrance:
    """The ASGI side of one server."""

    def __init__(self, core: _core.Server, serving: Serving, scopes: Scopes, journal: Journal, fastest: Door) -> None:
        """Let nothing use a faster door than ``fastest``."""
        self._core = core
        self._serving = serving
        self._scopes = scopes
        self._journal = journal
        self._fastest = fastest
        self._said: set[str] = set()
        self._farewell: Farewell | None = None

    def may_accept(self) -> bool:
        """Return whether the shards may accept connections themselves."""
        return is_allowed("accept", self._fastest)

    async def serve(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of type "http" or "websocket".

        Args:
            limit: Bytes a request's body may have.
            scope: The connection's.
            receive: ASGI's.
            send: ASGI's.
        """
        self._expect_shutdown(receive)
        if scope["type"] == "http":
            self._say(_POLLING)
            await bridge.serve_http(self._core, limit, self._mark(scope), scope, receive, send)
        elif (await receive())["type"] == "websocket.connect":
            await self._serve_websocket(scope, receive, send)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = is_allowed("takeover", self._fastest)
        mark = self._mark(scope)
        if allowed and take_over(self._core, self._journal, mark, scope, receive, send):
            self._say(_TAKEOVER)
            return
        self._say(_WEBSOCKETS)
        await bridge.serve_websocket(self._core, mark, scope, receive, send)

    def _mark(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the header for a request that may open a session, by which its scope is found again."""
        is_known = b"sid=" in scope.get("query_string", b"")
        return [] if is_known else [self._scopes.note(scope)]

    def _say(self, line: str) -> None:
        """Name a door in the log when it is first used, unless the shards accept what comes new."""
        if line not in self._said and not self._serving.is_listening:
            self._said.add(line)
            uvicorn.logger().info(line)

    def _expect_shutdown(self, receive: Any) -> None:
        """Hear of uvicorn's shutdown, where the shards do not accept for it."""
        protocol = uvicorn.protocol_of_websocket(receive) or uvicorn.protocol_of_request(receive)
        connections = getattr(protocol, "connections", None)
        if connections is None or self._serving.is_listening:
            return
        known = self._farewell is not None and self._farewell.connections is connections
        # Where connections are counted, one that is none would be too many.
        if not known and protocol.config.limit_concurrency is None:
            patience = protocol.config.timeout_graceful_shutdown
            self._farewell = Farewell(self._serving, connections, patience)
