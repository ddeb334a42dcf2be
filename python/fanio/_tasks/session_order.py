"""What has to be done one after the other for each session: ``async_handlers=False``.

Owns the queues; a queue has a task as long as something waits in it.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from fanio._tasks.tasks import Tasks

__all__ = ["Turn", "Turns", "is_cancelled"]

Turn: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class Turns:
    """The queues of all sessions."""

    def __init__(self, tasks: Tasks) -> None:
        """Run and count with ``tasks``."""
        self._tasks = tasks
        self._queues: dict[str, deque[tuple[str, Turn, int]]] = {}

    def add(self, session_id: str, sid: str, run: Turn, size: int = 0) -> None:
        """Run something of a session's after everything before it; it counts as an event of ``sid``."""
        self._tasks.begin(sid, size)
        queue = self._queues.get(session_id)
        if queue is not None:
            queue.append((sid, run, size))
            return
        self._queues[session_id] = queue = deque([(sid, run, size)])
        self._tasks.start(self._work(session_id, queue))

    def drop(self, session_id: str, sid: str) -> None:
        """Drop what waits on account of ``sid``."""
        queue = self._queues.get(session_id)
        if queue is None:
            return
        kept = [one for one in queue if one[0] != sid]
        for one, _, size in queue:
            if one == sid:
                self._tasks.end(sid, size)
        queue.clear()
        queue.extend(kept)

    async def _work(self, session_id: str, queue: deque[tuple[str, Turn, int]]) -> None:
        try:
            while queue:
                sid, run, size = queue.popleft()
                try:
                    await run()
                except asyncio.CancelledError:
                    if is_cancelled():
                        raise
                finally:
                    self._tasks.end(sid, size)
        finally:
            if queue:
                # Cancelled with one handler: a new task goes on with the rest, which may hold the client's end.
                self._tasks.start(self._work(session_id, queue))
            else:
                del self._queues[session_id]

    def is_busy(self) -> bool:
        """Return whether anything waits for its turn."""
        return bool(self._queues)


def is_cancelled() -> bool:
    """Return whether the current task is being cancelled, not only something it waited for."""
    task = asyncio.current_task()
    if sys.version_info >= (3, 11) and task is not None:
        return task.cancelling() > 0
    return True
