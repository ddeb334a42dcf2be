"""uvicorn's own connections: its limits and its graceful shutdown, extended to the connections of the shards.

``UvicornLimits``: uvicorn counts only its own connections and the requests that it answers. If one of its two limits is
set, each side periodically gets the numbers of the other, as often as uvicorn checks the limits.

``ShutdownHook``: where uvicorn accepts, it asks its connections to end at shutdown, and waits until they have ended. It
does not know a WebSocket that a shard has taken over, and a poll on the bridge would delay it until the next ping.
So one object among uvicorn's connections represents all sessions of a server.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio import _core
    from fanio._tasks.core_runner import CoreRunner

__all__ = ["ShutdownHook", "UvicornLimits"]

#: Seconds between two exchanges of numbers, as in uvicorn's main loop.
_TICK = 0.1


class UvicornLimits:
    """The limits of one uvicorn server."""

    def __init__(self, core: _core.Server, server: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Start to exchange numbers if ``server`` has a limit."""
        self._core = core
        self._state = server.server_state
        self._loop = loop
        self.concurrency: int | None = server.config.limit_concurrency
        self._answered = self._count_answered()
        self._timer: asyncio.TimerHandle | None = None
        if self.concurrency is not None or server.config.limit_max_requests is not None:
            self._exchange()

    def apply(self, protocol: Any) -> None:
        """Limit uvicorn's own connections, for a protocol that gets one, to the number that the shards leave."""
        if self.concurrency is not None:
            inside = self._core.crowd(len(self._state.connections) + 1)
            protocol.limit_concurrency = max(0, self.concurrency - inside)

    def end(self) -> None:
        """Stop exchanging numbers."""
        if self._timer is not None:
            self._timer.cancel()

    def _exchange(self) -> None:
        self._core.crowd(len(self._state.connections))
        answered = self._count_answered()
        self._state.total_requests += answered - self._answered
        self._answered = answered
        self._timer = self._loop.call_later(_TICK, self._exchange)

    def _count_answered(self) -> int:
        return sum(shard["requests_answered"] for shard in self._core.counters())


class ShutdownHook:
    """A member of uvicorn's connections that closes all sessions at shutdown, and leaves when they have ended."""

    def __init__(self, runner: CoreRunner, connections: set[Any], shutdown_timeout: float | None) -> None:
        """Join ``connections``; at shutdown, handlers may take ``shutdown_timeout`` seconds."""
        self._runner = runner
        runner.shutdown_timeout = shutdown_timeout
        self.connections = connections
        self._ending: asyncio.Task[None] | None = None
        connections.add(self)

    def shutdown(self) -> None:
        """Close every session. uvicorn calls this method for each of its connections."""
        self._runner.begin_close()
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        try:
            await self._runner.close()
        finally:
            self.connections.discard(self)
