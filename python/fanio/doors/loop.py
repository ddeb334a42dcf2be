"""The event loop whose listening sockets the core's shards accept on.

uvicorn stays the server: it binds, logs, handles signals and runs the app. When it asks this
loop for a server, and its app is an ASGIApp that nothing else wraps, the socket is given to the
shards; they serve Socket.IO themselves and hand every other request back, with the bytes already
read, to uvicorn's own protocol on this loop. In every other case the call passes through
untouched, and Socket.IO requests come by way of the bridge.

Use: ``uvicorn --loop fanio.loop:new_event_loop`` (uvicorn 0.36 or later); ``fanio.run`` does it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from fanio.asgi import ASGIApp

if TYPE_CHECKING:
    from fanio.async_server import AsyncServer

__all__ = ["Door", "new_event_loop"]

_FACTORY = "Server.startup.<locals>.create_protocol"
_BACKLOG = 100

ProtocolFactory = Callable[[], asyncio.BaseProtocol]


class _DoorLoop:
    """Mixed into a loop class: gives uvicorn's listening sockets to the shards."""

    async def create_server(self, protocol_factory: ProtocolFactory, *args: Any, **kwargs: Any) -> Any:
        """Create a server as the loop does; a Door when the shards can accept for it."""
        create = super().create_server  # type: ignore[misc]
        return await _open(self, create, protocol_factory, args, kwargs)

    async def create_unix_server(self, protocol_factory: ProtocolFactory, *args: Any, **kwargs: Any) -> Any:
        """Create a server as the loop does; a Door when the shards can accept for it."""
        create = super().create_unix_server  # type: ignore[misc]
        return await _open(self, create, protocol_factory, args, kwargs)


async def _open(
    loop: Any,
    create: Callable[..., Any],
    factory: ProtocolFactory,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    config = uvicorn_config(factory)
    app = outermost_app(config)
    if app is None or kwargs.get("ssl") is not None or not kwargs.get("start_serving", True):
        return await create(factory, *args, **kwargs)
    inner = await create(factory, *args, **{**kwargs, "start_serving": False})
    server = app.engineio_server
    server._trust(forwarded_allow_ips(config))
    server._serve_on(loop)
    door = Door(loop, inner, factory, server)
    door.open(app.core_path, kwargs.get("backlog") or _BACKLOG)
    logging.getLogger("uvicorn.error").info("Socket.IO on %s/ is served by fanio's own threads", app.core_path)
    return door


def uvicorn_config(factory: Any) -> Any:
    """Return the configuration of the uvicorn server that made this factory; None otherwise."""
    if getattr(factory, "__qualname__", "") != _FACTORY:
        return None
    if not getattr(factory, "__module__", "").startswith("uvicorn."):
        return None
    return _closure(factory).get("config")


def _closure(function: Any) -> dict[str, Any]:
    names = function.__code__.co_freevars
    return {name: cell.cell_contents for name, cell in zip(names, function.__closure__ or (), strict=True)}


def outermost_app(config: Any) -> ASGIApp | None:
    """Return uvicorn's app when it is an ASGIApp that nothing but uvicorn's own wraps.

    Anything else around it may be there to turn requests away, and must see them.
    """
    app = getattr(config, "loaded_app", None)
    if type(app).__qualname__ == "ProxyHeadersMiddleware" and type(app).__module__ == (
        "uvicorn.middleware.proxy_headers"
    ):
        app = app.app  # type: ignore[union-attr]
    plain = isinstance(app, ASGIApp) and type(app).__call__ is ASGIApp.__call__
    return app if plain else None


def forwarded_allow_ips(config: Any) -> list[str]:
    """Return the proxies that uvicorn was told to trust."""
    if not getattr(config, "proxy_headers", False):
        return []
    listed = getattr(config, "forwarded_allow_ips", None) or []
    names = listed.split(",") if isinstance(listed, str) else listed
    return [name.strip() for name in names]


class Door(asyncio.AbstractServer):
    """Listening sockets that the shards accept on, in the shape of an asyncio server."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        inner: Any,
        factory: ProtocolFactory,
        server: AsyncServer,
    ) -> None:
        """Stand before ``inner``, which has bound its sockets and does not serve."""
        self._loop = loop
        self._inner = inner
        self._factory = factory
        self._server = server
        self._open = False
        self._tasks: set[asyncio.Task[None]] = set()
        uvicorn_server = _closure(factory).get("self")
        self._is_forced = lambda: bool(getattr(uvicorn_server, "force_exit", False))

    def open(self, path: str, backlog: int) -> None:
        """Give the sockets to the shards, for requests at ``path`` and below."""
        for listening in self.sockets:
            with socket.socket(fileno=os.dup(listening.fileno())) as duplicate:
                duplicate.listen(backlog)
                self._server._serving.listen(duplicate.detach(), path, self.hand_off)
        self._open = True

    @property
    def sockets(self) -> Sequence[Any]:
        """The listening sockets."""
        return tuple(self._inner.sockets or ())

    def hand_off(self, fd: int, data: bytes) -> None:
        """Serve a connection with uvicorn's protocol, from the bytes that were read already."""
        stream = socket.socket(fileno=fd)
        if not self._open:
            stream.close()
            return
        stream.setblocking(False)
        protocol: Any = self._factory()
        made = protocol.connection_made

        def connection_made(transport: asyncio.BaseTransport) -> None:
            # Before any new read, so that the bytes come in order.
            made(transport)
            protocol.data_received(data)

        protocol.connection_made = connection_made
        task = self._loop.create_task(self._connect(protocol, stream))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, protocol: Any, stream: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(lambda: protocol, stream)
        except OSError:
            stream.close()

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop."""
        return self._loop

    def is_serving(self) -> bool:
        """Return whether connections are accepted."""
        return self._open

    async def start_serving(self) -> None:
        """Do nothing: it serves since it was opened."""

    async def serve_forever(self) -> None:
        """Wait until the server is closed."""
        await self.wait_closed()

    def close(self) -> None:
        """Accept no more, and close every session."""
        if self._open:
            self._open = False
            self._server._serving.begin_close()
            self._inner.close()

    async def wait_closed(self) -> None:
        """Wait until the sessions are closed and their disconnect handlers have run."""
        await self._server._serving.close(self._is_forced)


class _SelectorLoop(_DoorLoop, asyncio.SelectorEventLoop):
    """The standard loop with the door."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new loop: uvloop's when that is installed, else asyncio's."""
    try:
        import uvloop  # noqa: PLC0415 (optional)
    except ImportError:
        return _SelectorLoop()

    class UvLoop(_DoorLoop, uvloop.Loop):  # type: ignore[misc]
        """uvloop with the door."""

    return UvLoop()
