"""Where ASGI connections for Socket.IO come in, and which door each one takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio._doors import accept, bridge, uvicorn
from fanio._doors.shutdown_hook import Farewell
from fanio._doors.takeover import take_over
from fanio._options.values import Door, is_door_allowed

if TYPE_CHECKING:
    from fanio import _core
    from fanio._doors.access_log import Journal
    from fanio._doors.workers import Workers
    from fanio._options.server import WireOptions
    from fanio._request.session_environs import HandshakeScopes
    from fanio._tasks.serving import Serving
    from fanio.types import Receive, Scope, Send

__all__ = ["Entrance"]

_TAKEOVER = "Socket.IO's WebSockets go to fanio's own threads once the app lets them pass (door: takeover)"
_WEBSOCKETS = "Socket.IO's WebSockets come through ASGI messages (door: bridge)"
_POLLING = "Socket.IO's polling comes through ASGI messages (door: bridge)"
_NO_WEBSOCKETS = (
    "uvicorn cannot serve WebSockets here: it has no library for them, or runs with --ws none. Socket.IO's clients are"
    " offered polling only. Get one with: pip install websockets"
)


class Entrance:
    """The ASGI side of one server."""

    def __init__(
        self,
        core: _core.Server,
        serving: Serving,
        scopes: HandshakeScopes,
        journal: Journal,
        workers: Workers,
        fastest: Door,
    ) -> None:
        """Let nothing use a faster door than ``fastest``."""
        self._core = core
        self._serving = serving
        self._scopes = scopes
        self._journal = journal
        self._workers = workers
        self._fastest = fastest
        self._said: set[str] = set()
        self._farewell: Farewell | None = None
        #: The configuration of the uvicorn that the last request came from.
        self._config: Any = None

    def may_accept(self) -> bool:
        """Return whether the shards may accept connections themselves."""
        return is_door_allowed("accept", self._fastest)

    async def serve(self, options: WireOptions, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of type "http" or "websocket".

        Args:
            options: The server's.
            scope: The connection's.
            receive: ASGI's.
            send: ASGI's.
        """
        self._look_at(receive)
        if scope["type"] == "http":
            self._say(_POLLING)
            polling_only = self._is_polling_only(options)
            limit, mark = options.max_http_buffer_size, self._mark(scope)
            await bridge.serve_http(self._core, limit, mark, scope, receive, send, polling_only)
        elif (await receive())["type"] == "websocket.connect":
            await self._serve_websocket(scope, receive, send)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = is_door_allowed("takeover", self._fastest)
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
            accept.warn_of_unasked()
            uvicorn.logger().info(line)

    def _is_polling_only(self, options: WireOptions) -> bool:
        """Return whether a WebSocket could not come to this server, and say so once to those who want one."""
        if self._serving.is_listening or not uvicorn.has_no_websockets(self._config):
            return False
        if _NO_WEBSOCKETS not in self._said and "websocket" in (options.transports or ()):
            self._said.add(_NO_WEBSOCKETS)
            uvicorn.logger().warning(_NO_WEBSOCKETS)
        return True

    def _look_at(self, receive: Any) -> None:
        """Look at the uvicorn that a request came from."""
        protocol = uvicorn.protocol_of_websocket(receive) or uvicorn.protocol_of_request(receive)
        if protocol is None:
            return
        config = getattr(protocol, "config", None)
        if config is not self._config:
            self._config = config
            self._workers.look_at(config)
        self._expect_shutdown(protocol)

    def _expect_shutdown(self, protocol: Any) -> None:
        """Hear of uvicorn's shutdown, where the shards do not accept for it."""
        connections = getattr(protocol, "connections", None)
        if connections is None or self._serving.is_listening:
            return
        known = self._farewell is not None and self._farewell.connections is connections
        # Where connections are counted, one that is none would be too many.
        if not known and protocol.config.limit_concurrency is None:
            patience = protocol.config.timeout_graceful_shutdown
            self._farewell = Farewell(self._serving, connections, patience)
