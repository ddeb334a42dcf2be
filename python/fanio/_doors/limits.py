"""uvicorn's limits on connections and requests, counted over both its own and the shards'.

uvicorn sees only the connections it was handed, and counts only the requests it answers. Where one
of its two limits is set, each side is told of the other's numbers: as often as uvicorn looks.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio import _core

__all__ = ["Limits"]

#: Seconds between two looks, as in uvicorn's main loop.
_TICK = 0.1


class Limits:
    """The limits of one uvicorn server."""

    def __init__(self, core: _core.Server, server: Any, loop: asyncio.AbstractEventLoop) -> None:
        """Start to count, when ``server`` has a limit."""
        self._core = core
        self._state = server.server_state
        self._loop = loop
        self.concurrency: int | None = server.config.limit_concurrency
        self._answered = self._count_answered()
        self._timer: asyncio.TimerHandle | None = None
        if self.concurrency is not None or server.config.limit_max_requests is not None:
            self._look()

    def apply(self, protocol: Any) -> None:
        """Tell a protocol that gets a connection what is left of the limit for uvicorn's own."""
        if self.concurrency is not None:
            inside = self._core.crowd(len(self._state.connections) + 1)
            protocol.limit_concurrency = max(0, self.concurrency - inside)

    def end(self) -> None:
        """Count no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._core.crowd(len(self._state.connections))
        answered = self._count_answered()
        self._state.total_requests += answered - self._answered
        self._answered = answered
        self._timer = self._loop.call_later(_TICK, self._look)

    def _count_answered(self) -> int:
        return sum(shard["requests_answered"] for shard in self._core.counters())
