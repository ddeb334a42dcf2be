"""A graceful shutdown for sessions that uvicorn does not know of.

Where uvicorn accepts, it asks its connections to end and waits until they have. A WebSocket that
was taken over is no connection of its any more, and a poll on the bridge would keep it waiting for
the next ping. So one object stands among them for all sessions of a server.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio._tasks.serving import Serving

__all__ = ["Farewell"]


class Farewell:
    """Among uvicorn's connections: hears that they are to end, and leaves when the sessions have."""

    def __init__(self, serving: Serving, connections: set[Any], patience: float | None) -> None:
        """Join ``connections``; once they are to end, handlers have ``patience`` seconds."""
        self._serving = serving
        serving.patience = patience
        self.connections = connections
        self._ending: asyncio.Task[None] | None = None
        connections.add(self)

    def shutdown(self) -> None:
        """End every session; uvicorn calls it."""
        self._serving.begin_close()
        if self._ending is None:
            self._ending = asyncio.get_running_loop().create_task(self._end())

    async def _end(self) -> None:
        try:
            await self._serving.close()
        finally:
            self.connections.discard(self)
