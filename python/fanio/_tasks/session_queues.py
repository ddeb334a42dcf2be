"""A queue for each session, whose jobs run one after the other: the option ``async_handlers=False``.

A queue has a task as long as it is not empty.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from fanio._tasks.tasks import Tasks

__all__ = ["Job", "SessionQueues", "is_cancelled"]

Job: TypeAlias = Callable[[], Coroutine[Any, Any, None]]


class SessionQueues:
    """The queues of all sessions."""

    def __init__(self, tasks: Tasks) -> None:
        """Start and count jobs with ``tasks``."""
        self._tasks = tasks
        self._queues: dict[str, deque[tuple[str, Job, int]]] = {}

    def add(self, session_id: str, sid: str, run: Job, size: int = 0) -> None:
        """Run a job after all others of its session; it counts as an event of ``sid`` with ``size`` bytes."""
        self._tasks.begin(sid, size)
        queue = self._queues.get(session_id)
        if queue is not None:
            queue.append((sid, run, size))
            return
        self._queues[session_id] = queue = deque([(sid, run, size)])
        self._tasks.start(self._work(session_id, queue))

    def drop(self, session_id: str, sid: str) -> None:
        """Drop the jobs of ``sid`` that are waiting."""
        queue = self._queues.get(session_id)
        if queue is None:
            return
        kept = [one for one in queue if one[0] != sid]
        for one, _, size in queue:
            if one == sid:
                self._tasks.end(sid, size)
        queue.clear()
        queue.extend(kept)

    async def _work(self, session_id: str, queue: deque[tuple[str, Job, int]]) -> None:
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
                # The cancellation of a handler has ended this task. The other jobs, which may include the disconnect
                # handler, run in a new task.
                self._tasks.start(self._work(session_id, queue))
            else:
                del self._queues[session_id]

    def is_busy(self) -> bool:
        """Return whether any job is running or waiting."""
        return bool(self._queues)


def is_cancelled() -> bool:
    """Return whether the current task itself is being cancelled, and not only a future that it awaits."""
    task = asyncio.current_task()
    if sys.version_info >= (3, 11) and task is not None:
        return task.cancelling() > 0
    return True
