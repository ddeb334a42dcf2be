"""AsyncServer: an Engine.IO server for applications with a protocol of their own.

The API is python-engineio's. The core's shards handle the transports; every message reaches the application.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._codec import standard_json
from fanio._doors.lifespan import refuse_unwrapped
from fanio._log import server_logger
from fanio._options.checks import warn_unknown
from fanio._options.server import WIRE, WireOptions
from fanio._options.values import flag
from fanio._tasks.core_runner import ServerHooks
from fanio._tasks.session_queues import SessionQueues
from fanio.engineio._sessions import Sessions
from fanio.engineio.base_server import IGNORED, BaseServer

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable, Iterable, Mapping

    from typing_extensions import Unpack

    from fanio._options.keys import MoreOptions
    from fanio.engineio.async_socket import AsyncSocket
    from fanio.types import CookieOption, CorsOption, JsonModule, Receive, Scope, Send

__all__ = ["AsyncServer"]


class AsyncServer(BaseServer):
    """An Engine.IO server for asyncio.

    Handlers: ``connect(sid, environ)``, which refuses the client with 401 if it raises or returns False or a message;
    ``message(sid, data)``, whose data is text, bytes or the value of JSON text; ``disconnect(sid[, reason])``.
    ``on`` describes the others.
    """

    def __init__(
        self,
        async_mode: str | None = None,
        ping_interval: float | tuple[float, float] = 25,
        ping_timeout: float = 20,
        max_http_buffer_size: int = 1_000_000,
        allow_upgrades: bool = True,
        http_compression: bool = True,
        compression_threshold: int = 1024,
        cookie: CookieOption | None = None,
        cors_allowed_origins: CorsOption | None = None,
        cors_credentials: bool = True,
        logger: bool | logging.Logger = False,
        json: JsonModule | None = None,
        async_handlers: bool = True,
        monitor_clients: bool | None = None,
        transports: str | Iterable[str] | None = None,
        **kwargs: Unpack[MoreOptions],
    ) -> None:
        """Create a server; its threads start when it is served.

        Args:
            async_mode: None or "asgi".
            ping_interval: Seconds between pings; also ``(interval, grace)``.
            ping_timeout: Seconds for the answer to a ping.
            max_http_buffer_size: Bytes of one message or POST body.
            allow_upgrades: Whether polling may move to a WebSocket.
            http_compression: Whether polling responses are compressed.
            compression_threshold: Bytes from which polling responses are compressed.
            cookie: A name, or a dictionary with ``name`` and attributes.
            cors_allowed_origins: None is the same origin; a string, a list, "*", [] or a function.
            cors_credentials: Whether accepted origins may send credentials.
            logger: True logs at INFO to ``engineio.server``, False only errors; or a logger.
            json: A module to use instead of the standard one, for this server.
            async_handlers: Whether each message is handled in a task of its own; False handles a client's
                messages one after the other.
            monitor_clients: Has no effect: the shards watch the clients.
            transports: "polling", "websocket" or a list.
            **kwargs: More options; ``fanio._options.keys.MoreOptions`` and README.md have their units and defaults.

        Raises:
            TypeError: When an option has the wrong type.
            ValueError: When an option has a value that is not supported.
        """
        if async_mode not in (None, "asgi"):
            msg = "Invalid async_mode specified: only 'asgi' is supported"
            raise ValueError(msg)
        given: Mapping[str, Any] = kwargs
        warn_unknown(set(given) - WIRE - IGNORED, WIRE, "AsyncServer")
        options = WireOptions(
            ping_interval=ping_interval,
            ping_timeout=ping_timeout,
            max_http_buffer_size=max_http_buffer_size,
            allow_upgrades=allow_upgrades,
            http_compression=http_compression,
            compression_threshold=compression_threshold,
            cookie=cookie,
            cors_allowed_origins=cors_allowed_origins,
            cors_credentials=cors_credentials,
            transports=transports,
            **{name: given[name] for name in WIRE & set(given)},
        )
        super().__init__(options, server_logger("engineio.server", logger), flag("async_handlers", async_handlers))
        self._json = json
        self._workers.inspect_stack()
        queues = SessionQueues(self._tasks)
        self._sessions = sessions = Sessions(self, queues, json or standard_json)
        receivers: dict[int, Callable[..., None]] = {
            _core.OPEN: sessions.open,
            _core.MESSAGE: sessions.message,
            _core.CLOSED: sessions.closed,
        }
        self._runner.attach(ServerHooks(receivers, sessions.running, is_busy=queues.is_busy))
        self._admission.check, self._admission.undo = sessions.connect, sessions.missed
        self._tell_core()

    # Running

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raise: an ASGI server needs an ``ASGIApp`` around this server."""
        await refuse_unwrapped(scope, receive, send)

    # Clients

    def _socket(self, sid: str) -> AsyncSocket:
        return self._sessions.sockets[sid]

    def _sids(self) -> Iterable[str]:
        return tuple(self._sessions.sockets)

    def _close(self, sid: str) -> None:
        socket = self._sessions.sockets.get(sid)
        if socket is not None and socket.held is not None:
            socket.closing = True
        else:
            super()._close(sid)
