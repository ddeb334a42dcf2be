"""Door 1: an event loop on which the core accepts the connections of a uvicorn server.

uvicorn binds, logs, handles signals and runs the application's lifespan as ever. When it asks this loop for a server
and the application is an `ASGIApp`, the listening sockets go to the core, which serves Socket.IO itself and gives
every other request, with the bytes it has read, to uvicorn's own protocol on this loop.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fanio.asgi import ASGIApp

if TYPE_CHECKING:
    from fanio.server import AsyncServer

__all__ = ["new_event_loop"]

try:
    import uvloop

    _Base: Any = uvloop.Loop
except ImportError:  # uvloop is not made for every platform
    _Base = asyncio.SelectorEventLoop

_listeners = itertools.count(1)


class Loop(_Base):  # type: ignore[misc]
    """A uvloop or asyncio loop whose servers may be the core's."""

    async def create_server(self, protocol_factory: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        """Create a TCP server; the core accepts for it when it can."""
        return await self._create(super().create_server, protocol_factory, args, kwargs)

    async def create_unix_server(self, protocol_factory: Callable[[], Any], *args: Any, **kwargs: Any) -> Any:
        """Create a Unix server; the core accepts for it when it can."""
        return await self._create(super().create_unix_server, protocol_factory, args, kwargs)

    async def _create(self, create: Any, factory: Callable[[], Any], args: Any, kwargs: Any) -> Any:
        app = _socketio_app(factory)
        if app is None or kwargs.get("ssl") is not None:
            return await create(factory, *args, **kwargs)
        server = await create(factory, *args, **{**kwargs, "start_serving": False})
        return CoreServer(self, server, app, factory)


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop, for ``uvicorn --loop fanio.loop:new_event_loop``."""
    return Loop()


def _socketio_app(factory: Callable[[], Any]) -> ASGIApp | None:
    """Return the ASGIApp that a uvicorn protocol factory serves, if that is what it is.

    Only an outermost ASGIApp counts: anything around it, such as middleware, must see every request. Around it stands
    at most uvicorn's own ProxyHeadersMiddleware, whose work the core does.
    """
    if getattr(factory, "__qualname__", "") != "Server.startup.<locals>.create_protocol":
        return None
    names = factory.__code__.co_freevars
    cells = dict(zip(names, factory.__closure__ or (), strict=True))
    config = cells["config"].cell_contents if "config" in cells else None
    app = getattr(config, "loaded_app", None)
    if type(app).__name__ == "ProxyHeadersMiddleware":
        app = app.app  # type: ignore[union-attr]
    return app if isinstance(app, ASGIApp) else None


class CoreServer:
    """What uvicorn gets for its listening sockets: closing it closes the core's sessions.

    Args:
        loop: The serving loop.
        server: The server that owns the listening sockets and does not accept.
        app: The application.
        factory: Makes uvicorn's protocols.
    """

    def __init__(self, loop: Any, server: Any, app: ASGIApp, factory: Callable[[], Any]) -> None:
        self._loop = loop
        self._server = server
        self._factory = factory
        self._sio: AsyncServer = app.engineio_server
        self._closing: asyncio.Task[None] | None = None
        self._sio.serve_on(loop)
        for sock in server.sockets:
            listener = next(_listeners)
            self._sio.on_hand_off(listener, self._take)
            self._sio.core.listen(os.dup(sock.fileno()), app.engineio_path, listener)

    @property
    def sockets(self) -> Any:
        """The listening sockets."""
        return self._server.sockets

    def get_loop(self) -> Any:
        """Return the serving loop."""
        return self._loop

    def is_serving(self) -> bool:
        """Return whether connections are accepted."""
        return self._closing is None

    def close(self) -> None:
        """Stop accepting and close every session."""
        if self._closing is None:
            self._server.close()
            self._closing = self._loop.create_task(self._sio.shutdown())

    async def wait_closed(self) -> None:
        """Wait until every session is closed and its disconnect handler has run."""
        if self._closing is not None:
            await self._closing

    def _take(self, fd: int, data: bytes) -> None:
        """Serve a connection whose first request is not for Socket.IO."""
        sock = socket.socket(fileno=fd)
        protocol = self._factory()
        made = protocol.connection_made

        def connection_made(transport: Any) -> None:
            made(transport)
            # What the core has read comes before anything the loop will read.
            protocol.data_received(data)

        protocol.connection_made = connection_made
        task = self._loop.create_task(self._loop.connect_accepted_socket(lambda: protocol, sock))
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
