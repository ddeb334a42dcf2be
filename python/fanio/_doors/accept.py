"""The first door: the shards accept connections on uvicorn's listening sockets.

uvicorn stays the server: it binds, logs, handles signals and runs the app. When it asks its loop
for a server, and its app is an ASGIApp that nothing else wraps, the sockets are given to the
shards; they serve Socket.IO themselves and hand every other request back, with the bytes already
read, to uvicorn's own protocol on the loop. In every other case the call passes through untouched.

Two ways lead here: the loop of ``fanio.run`` (``loop.py``), and ``watch``, by which an ASGIApp
that plain uvicorn starts sees the next servers of the loop it runs on.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from fanio._doors import uvicorn
from fanio._doors.limits import Limits

if TYPE_CHECKING:
    from fanio.engineio.base_server import BaseServer

__all__ = ["Listening", "ProtocolFactory", "Served", "open_listening", "warn_of_unasked", "watch"]

_BACKLOG = 100
_METHODS = ("create_server", "create_unix_server")

ProtocolFactory = Callable[[], asyncio.BaseProtocol]
Create = Callable[..., Awaitable[Any]]


class Served(Protocol):
    """What the shards serve: an ``ASGIApp``."""

    @property
    def engine(self) -> BaseServer:
        """The Engine.IO server."""

    @property
    def core_path(self) -> str:
        """The path it is served at, without the last slash."""


async def open_listening(
    app: Served | None,
    create: Create,
    factory: ProtocolFactory,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Create a server as ``create`` does; a Listening when the shards can accept for it.

    Args:
        app: What the server's requests are for, when the shards may see them first.
        create: A loop's ``create_server`` or ``create_unix_server``.
        factory: Its first argument.
        args: Its other arguments.
        kwargs: Its keyword arguments.
    """
    plain = kwargs.get("ssl") is None and kwargs.get("start_serving", True)
    if app is None or not plain or not uvicorn.can_accept_for(factory):
        return await create(factory, *args, **kwargs)
    inner = await create(factory, *args, **{**kwargs, "start_serving": False})
    return Listening(app, inner, factory, kwargs.get("backlog") or _BACKLOG)


class Listening(asyncio.AbstractServer):
    """Listening sockets that the shards accept on, in the shape of an asyncio server."""

    def __init__(self, app: Served, inner: Any, factory: ProtocolFactory, backlog: int) -> None:
        """Give the sockets of ``inner``, which are bound and not served, to the shards.

        Args:
            app: What is served; requests off its path go to a protocol of ``factory``.
            inner: The loop's server.
            factory: uvicorn's.
            backlog: Connections that may wait to be accepted.
        """
        self._loop = asyncio.get_running_loop()
        self._inner = inner
        self._factory = factory
        self._server = app.engine
        self._uvicorn = uvicorn.server_of_factory(factory)
        self._tasks: set[asyncio.Task[None]] = set()
        config = self._uvicorn.config
        self._server._trust(uvicorn.forwarded_allow_ips(config))
        self._server._environs.extra_scope = uvicorn.scope_of_server(self._uvicorn)
        self._server._serve_on(self._loop)
        self._server._serving.patience = config.timeout_graceful_shutdown
        log = self._server._journal.lines(config)
        for listening in self.sockets:
            with socket.socket(fileno=os.dup(listening.fileno())) as duplicate:
                duplicate.listen(backlog)
                self._server._serving.listen(
                    duplicate.detach(), app.core_path, self.hand_off, log=log, **uvicorn.manners(config)
                )
        self._limits = Limits(self._server._core, self._uvicorn, self._loop)
        self._open = True
        uvicorn.logger().info("Socket.IO on %s/ is served by fanio's own threads (door: accept)", app.core_path)

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
        self._limits.apply(protocol)
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

    def _is_forced(self) -> bool:
        return bool(getattr(self._uvicorn, "force_exit", False))

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop."""
        return self._loop

    def is_serving(self) -> bool:
        """Return whether connections are accepted."""
        return self._open

    async def start_serving(self) -> None:
        """Do nothing: it serves since it was made."""

    async def serve_forever(self) -> None:
        """Wait until the server is closed."""
        await self.wait_closed()

    def close(self) -> None:
        """Accept no more, and close every session."""
        if self._open:
            self._open = False
            self._limits.end()
            self._server._serving.begin_close()
            self._inner.close()

    async def wait_closed(self) -> None:
        """Wait until the sessions are closed and their disconnect handlers have run."""
        await self._server._serving.close(self._is_forced)


def watch(app: Served, receive: Any) -> Callable[[], None]:
    """Take the sockets that uvicorn is about to listen on, from inside its lifespan startup.

    Puts functions before two methods of the running loop, which take themselves away when uvicorn
    has its servers. They concern uvicorn's servers for this very app only.

    Args:
        app: The app that was asked to start.
        receive: What its lifespan got from the server.

    Returns:
        A function that takes the functions away, if they are still there.
    """
    config = uvicorn.config_of_lifespan(receive)
    if config is not None:
        app.engine._workers.look_at(config)
    if config is None or uvicorn.unwrapped_app(config) is not app:
        return _nothing
    return _Watch(app, config).end


def warn_of_unasked() -> None:
    """Say that uvicorn serves, when it should have asked the running loop for a server before that."""
    loop = asyncio.get_running_loop()
    if any(watching.loop is loop for watching in _watching):
        uvicorn.warn_of_shape("it listens without asking its event loop for a server")


def _nothing() -> None:
    pass


class _Watch:
    """Stands before a loop's methods that create servers."""

    def __init__(self, app: Served, config: Any) -> None:
        self._app = app
        self._config = config
        self.loop: Any = asyncio.get_running_loop()
        self._placed = {name: self._stand_before(getattr(self.loop, name)) for name in _METHODS}
        for name, function in self._placed.items():
            setattr(self.loop, name, function)
        _watching.add(self)

    def _stand_before(self, create: Create) -> Create:
        async def create_watched(factory: ProtocolFactory, *args: Any, **kwargs: Any) -> Any:
            mine = uvicorn.config_of_factory(factory) is self._config
            server = await open_listening(self._app if mine else None, create, factory, args, kwargs)
            if mine:
                # Several sockets come one after the other in this turn of the loop.
                self.loop.call_soon(self.end)
            return server

        return create_watched

    def end(self) -> None:
        """Take the functions away."""
        _watching.discard(self)
        for name, function in self._placed.items():
            # Somebody may have put another one before it since: then it stays, and passes through.
            if vars(self.loop).get(name) is function:
                delattr(self.loop, name)


#: Those that uvicorn has not asked for a server yet.
_watching: set[_Watch] = set()
