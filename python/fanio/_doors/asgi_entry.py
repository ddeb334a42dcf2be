"""Receives Socket.IO's requests and WebSockets from an ASGI server, and chooses the door for each one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio._doors import accept, bridge, uvicorn
from fanio._doors.takeover import take_over
from fanio._doors.uvicorn_connections import ShutdownHook
from fanio._options.values import Door, is_door_allowed

if TYPE_CHECKING:
    from fanio import _core
    from fanio._doors.access_log import AccessLog
    from fanio._doors.workers import Workers
    from fanio._options.server import WireOptions
    from fanio._request.session_environs import HandshakeScopes
    from fanio._tasks.core_runner import CoreRunner
    from fanio.types import Receive, Scope, Send

__all__ = ["AsgiEntry"]

_TAKEOVER = "Socket.IO's WebSockets go to fanio's own threads once the app lets them pass (door: takeover)"
_WEBSOCKETS = "Socket.IO's WebSockets come through ASGI messages (door: bridge)"
_POLLING = "Socket.IO's polling comes through ASGI messages (door: bridge)"
_NO_WEBSOCKETS = (
    "uvicorn cannot serve WebSockets here: it has no library for them, or runs with --ws none. Socket.IO's clients are"
    " offered polling only. Get one with: pip install websockets"
)


class AsgiEntry:
    """Serves the ASGI connections of one server."""

    def __init__(
        self,
        core: _core.Server,
        runner: CoreRunner,
        scopes: HandshakeScopes,
        access_log: AccessLog,
        workers: Workers,
        fastest: Door,
    ) -> None:
        """Use no faster door than ``fastest``."""
        self._core = core
        self._runner = runner
        self._scopes = scopes
        self._access_log = access_log
        self._workers = workers
        self._fastest = fastest
        self._logged: set[str] = set()
        self._shutdown_hook: ShutdownHook | None = None
        #: The configuration of the uvicorn server of the last request.
        self._config: Any = None

    def may_accept(self) -> bool:
        """Return whether the shards may accept connections themselves."""
        return is_door_allowed("accept", self._fastest)

    async def serve(self, options: WireOptions, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection of type "http" or "websocket".

        Args:
            options: The server's options.
            scope: The ASGI scope of the connection.
            receive: ASGI's function of this name.
            send: ASGI's function of this name.
        """
        self._inspect_server(receive)
        if scope["type"] == "http":
            self._say(_POLLING)
            polling_only = self._is_polling_only(options)
            limit, header = options.max_http_buffer_size, self._scope_header(scope)
            await bridge.serve_http(self._core, limit, header, scope, receive, send, polling_only)
        elif (await receive())["type"] == "websocket.connect":
            await self._serve_websocket(scope, receive, send)

    async def _serve_websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        allowed = is_door_allowed("takeover", self._fastest)
        header = self._scope_header(scope)
        if allowed and take_over(self._core, self._access_log, header, scope, receive, send):
            self._say(_TAKEOVER)
            return
        self._say(_WEBSOCKETS)
        await bridge.serve_websocket(self._core, header, scope, receive, send)

    def _scope_header(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """Return the header by which the scope is found again, if the request may open a session."""
        is_known = b"sid=" in scope.get("query_string", b"")
        return [] if is_known else [self._scopes.note(scope)]

    def _say(self, line: str) -> None:
        """Log the door when it is first used, unless the shards accept new connections."""
        if line not in self._logged and not self._runner.is_listening:
            self._logged.add(line)
            accept.warn_if_not_used()
            uvicorn.logger().info(line)

    def _is_polling_only(self, options: WireOptions) -> bool:
        """Return whether this server cannot serve WebSockets; warn once if they are allowed."""
        if self._runner.is_listening or not uvicorn.lacks_websockets(self._config):
            return False
        if _NO_WEBSOCKETS not in self._logged and "websocket" in (options.transports or ()):
            self._logged.add(_NO_WEBSOCKETS)
            uvicorn.logger().warning(_NO_WEBSOCKETS)
        return True

    def _inspect_server(self, receive: Any) -> None:
        """Read the configuration of the uvicorn server of a request."""
        protocol = uvicorn.protocol_of_websocket(receive) or uvicorn.protocol_of_request(receive)
        if protocol is None:
            return
        config = getattr(protocol, "config", None)
        if config is not self._config:
            self._config = config
            self._workers.inspect_config(config)
        self._expect_shutdown(protocol)

    def _expect_shutdown(self, protocol: Any) -> None:
        """Add the shutdown hook to uvicorn's connections, unless the shards accept for it."""
        connections = getattr(protocol, "connections", None)
        if connections is None or self._runner.is_listening:
            return
        known = self._shutdown_hook is not None and self._shutdown_hook.connections is connections
        # Where uvicorn limits its connections, the hook would count as one of them.
        if not known and protocol.config.limit_concurrency is None:
            shutdown_timeout = protocol.config.timeout_graceful_shutdown
            self._shutdown_hook = ShutdownHook(self._runner, connections, shutdown_timeout)
