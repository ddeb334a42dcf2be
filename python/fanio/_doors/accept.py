"""The door "accept": the shards accept connections on uvicorn's listening sockets.

uvicorn remains the server: it binds, logs, handles signals and runs the application. When it calls ``create_server``
of its event loop, and its application is an ASGIApp without a wrapper, the sockets are given to the shards. The shards
serve Socket.IO themselves. They pass every other connection, with the bytes they have read, to uvicorn's own protocol
on the event loop. In all other cases the call is not changed.

There are two callers: the event loop of ``fanio.run`` (``loop.py``), and the functions that ``watch_loop`` sets on the
event loop when plain uvicorn starts an ASGIApp.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from fanio._doors import uvicorn
from fanio._doors.uvicorn_connections import UvicornLimits

if TYPE_CHECKING:
    from fanio.engineio.base_server import BaseServer

__all__ = [
    "ProtocolFactory",
    "ServedApp",
    "ShardListener",
    "create_server_with_shards",
    "warn_if_not_used",
    "watch_loop",
]

_BACKLOG = 100
_METHODS = ("create_server", "create_unix_server")

ProtocolFactory = Callable[[], asyncio.BaseProtocol]
Create = Callable[..., Awaitable[Any]]


class ServedApp(Protocol):
    """The application that the shards serve: an ``ASGIApp``."""

    @property
    def engine(self) -> BaseServer:
        """The Engine.IO server."""

    @property
    def core_path(self) -> str:
        """The path of Socket.IO, without the last slash."""


async def create_server_with_shards(
    app: ServedApp | None,
    create: Create,
    factory: ProtocolFactory,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Create a server as ``create`` does; return a ShardListener when the shards can accept for it.

    Args:
        app: The application, if the shards may see its requests first; else None.
        create: ``create_server`` or ``create_unix_server`` of an event loop.
        factory: The first argument of ``create``.
        args: Its other arguments.
        kwargs: Its keyword arguments.
    """
    plain = kwargs.get("ssl") is None and kwargs.get("start_serving", True)
    if app is None or not plain or not uvicorn.can_accept_for(factory):
        return await create(factory, *args, **kwargs)
    inner = await create(factory, *args, **{**kwargs, "start_serving": False})
    return ShardListener(app, inner, factory, kwargs.get("backlog") or _BACKLOG)


class ShardListener(asyncio.AbstractServer):
    """Listening sockets on which the shards accept connections, with the interface of an asyncio server."""

    def __init__(self, app: ServedApp, inner: Any, factory: ProtocolFactory, backlog: int) -> None:
        """Give the sockets of ``inner`` to the shards.

        Args:
            app: The application. Requests for other paths than its own go to a protocol from ``factory``.
            inner: The event loop's server. Its sockets are bound, but it does not accept.
            factory: uvicorn's protocol factory.
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
        self._server._runner.shutdown_timeout = config.timeout_graceful_shutdown
        log = self._server._access_log.core_options(config)
        for listening in self.sockets:
            with socket.socket(fileno=os.dup(listening.fileno())) as duplicate:
                duplicate.listen(backlog)
                self._server._runner.listen(
                    duplicate.detach(), app.core_path, self.hand_off, log=log, **uvicorn.listener_options(config)
                )
        self._limits = UvicornLimits(self._server._core, self._uvicorn, self._loop)
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
            # Before the transport reads anything, so that the bytes stay in order.
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
        """Do nothing: the shards accept since the object was made."""

    async def serve_forever(self) -> None:
        """Wait until the server is closed."""
        await self.wait_closed()

    def close(self) -> None:
        """Stop accepting connections, and close every session."""
        if self._open:
            self._open = False
            self._limits.end()
            self._server._runner.begin_close()
            self._inner.close()

    async def wait_closed(self) -> None:
        """Wait until the sessions are closed and their disconnect handlers have run."""
        await self._server._runner.close(self._is_forced)


def watch_loop(app: ServedApp, receive: Any) -> Callable[[], None]:
    """Prepare, during uvicorn's lifespan startup, to take the sockets on which uvicorn is about to listen.

    Replaces two methods of the running event loop until uvicorn has created its servers. Only uvicorn's servers for
    this application are affected.

    Args:
        app: The application that is starting.
        receive: The ``receive`` of its lifespan.

    Returns:
        A function that restores the methods, if that has not happened yet.
    """
    config = uvicorn.config_of_lifespan(receive)
    if config is not None:
        app.engine._workers.inspect_config(config)
    if config is None or uvicorn.unwrapped_app(config) is not app:
        return _nothing
    return _LoopWatch(app, config).end


def warn_if_not_used() -> None:
    """Warn if uvicorn serves requests although it never called the replaced methods of the running event loop."""
    loop = asyncio.get_running_loop()
    if any(watching.loop is loop for watching in _watching):
        uvicorn.warn_of_unknown_uvicorn("it listens without asking its event loop for a server")


def _nothing() -> None:
    pass


class _LoopWatch:
    """Replaces an event loop's methods that create servers, until ``end``."""

    def __init__(self, app: ServedApp, config: Any) -> None:
        self._app = app
        self._config = config
        self.loop: Any = asyncio.get_running_loop()
        self._replacements = {name: self._wrap(getattr(self.loop, name)) for name in _METHODS}
        for name, function in self._replacements.items():
            setattr(self.loop, name, function)
        _watching.add(self)

    def _wrap(self, create: Create) -> Create:
        async def create_watched(factory: ProtocolFactory, *args: Any, **kwargs: Any) -> Any:
            mine = uvicorn.config_of_factory(factory) is self._config
            server = await create_server_with_shards(self._app if mine else None, create, factory, args, kwargs)
            if mine:
                # uvicorn creates its servers one after the other in this iteration of the event loop.
                self.loop.call_soon(self.end)
            return server

        return create_watched

    def end(self) -> None:
        """Restore the methods."""
        _watching.discard(self)
        for name, function in self._replacements.items():
            # If another library has wrapped the method since, it stays and no longer changes any call.
            if vars(self.loop).get(name) is function:
                delattr(self.loop, name)


#: The watches for which uvicorn has not created a server yet.
_watching: set[_LoopWatch] = set()
