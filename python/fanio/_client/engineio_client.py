"""``client.eio``: the Engine.IO connection of a client, for applications that use it directly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio._client.connector import Connector
    from fanio._client.state import State

__all__ = ["EngineClient"]


class EngineClient:
    """The Engine.IO connection of a client, with the names of python-engineio's client."""

    def __init__(self, state: State, connector: Connector) -> None:
        """Read ``state``, and disconnect with ``connector``."""
        self._state = state
        self._connector = connector

    @property
    def sid(self) -> str | None:
        """The session's id."""
        return self._state.sid

    @property
    def state(self) -> str:
        """Either "connected" or "disconnected"."""
        link = self._state.link
        return "connected" if link is not None and link.is_open else "disconnected"

    @property
    def ping_interval(self) -> float | None:
        """Seconds between the server's pings."""
        return self._state.link.ping_interval if self._state.link is not None else None

    @property
    def ping_timeout(self) -> float | None:
        """Seconds by which a ping may be late."""
        return self._state.link.ping_timeout if self._state.link is not None else None

    @property
    def current_transport(self) -> str | None:
        """The transport in use."""
        return self.transport()

    def transport(self) -> str | None:
        """Return "polling" or "websocket"; None without a connection."""
        return self._state.link.transport if self._state.link is not None else None

    async def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        """End the connection; ``abort`` does not send waiting packets."""
        await self._connector.disconnect(abort=abort)

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Start a coroutine function in a task and return that."""
        task: asyncio.Task[Any] = asyncio.ensure_future(target(*args, **kwargs))
        return task

    async def sleep(self, seconds: float = 0) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)

    def create_event(self) -> asyncio.Event:
        """Return an event."""
        return asyncio.Event()

    def create_queue(self, *args: Any, **kwargs: Any) -> asyncio.Queue[Any]:
        """Return a queue."""
        return asyncio.Queue(*args, **kwargs)
