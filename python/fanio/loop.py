"""An event loop that gives uvicorn's listening sockets to the shards.

Use ``uvicorn --loop fanio.loop:new_event_loop`` (uvicorn 0.36 or later); ``fanio.run`` sets this option.
Unlike the automatic way (``_doors/accept.py``), it does not need the lifespan protocol.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from fanio._doors import uvicorn
from fanio._doors.accept import create_server_with_shards
from fanio._doors.lifespan import UNWRAPPED
from fanio.asgi import ASGIApp
from fanio.async_server import AsyncServer
from fanio.engineio import AsyncServer as EngineServer

if TYPE_CHECKING:
    from fanio._doors.accept import ProtocolFactory

__all__ = ["new_event_loop"]

#: uvicorn's exit status for an application that does not start. Its supervisor then starts no other worker.
_STARTUP_FAILURE = 3


class _DoorLoop:
    """A mixin for loop classes that gives uvicorn's listening sockets to the shards."""

    async def create_server(self, protocol_factory: ProtocolFactory, *args: Any, **kwargs: Any) -> Any:
        """Create a server as the loop does; return a ``ShardListener`` if the shards can accept for it."""
        create = super().create_server  # type: ignore[misc]
        return await create_server_with_shards(served_app(protocol_factory), create, protocol_factory, args, kwargs)

    async def create_unix_server(self, protocol_factory: ProtocolFactory, *args: Any, **kwargs: Any) -> Any:
        """Create a server as the loop does; return a ``ShardListener`` if the shards can accept for it."""
        create = super().create_unix_server  # type: ignore[misc]
        return await create_server_with_shards(served_app(protocol_factory), create, protocol_factory, args, kwargs)


def served_app(factory: ProtocolFactory) -> ASGIApp | None:
    """Return the app of a uvicorn server if the shards may get its requests before the app does.

    Raises:
        SystemExit: When uvicorn runs a server without an ``ASGIApp``. Without a lifespan, nothing has
            refused it before.
    """
    config = uvicorn.config_of_factory(factory)
    app = uvicorn.unwrapped_app(config)
    if isinstance(app, (AsyncServer, EngineServer)):
        uvicorn.logger().error(UNWRAPPED)
        sys.exit(_STARTUP_FAILURE)
    if isinstance(app, ASGIApp):
        app.engine._workers.inspect_config(config)
    return app if isinstance(app, ASGIApp) and app.may_accept() else None


class _SelectorLoop(_DoorLoop, asyncio.SelectorEventLoop):
    """The standard event loop with the mixin."""


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop: uvloop's if it is installed, else asyncio's."""
    try:
        import uvloop  # noqa: PLC0415 (optional)
    except ImportError:
        return _SelectorLoop()

    class UvLoop(_DoorLoop, uvloop.Loop):  # type: ignore[misc]
        """uvloop's event loop with the mixin."""

    return UvLoop()
