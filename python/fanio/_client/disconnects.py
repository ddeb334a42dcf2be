"""Handlers that are told of the end of namespaces.

One end is told after the other. Such a handler may be who ends the connection for good: it must
not wait for itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio._client.dispatch import ClientDispatcher
    from fanio._tasks.tasks import Tasks

__all__ = ["Farewells"]


class Farewells:
    """Tells the handlers of one client."""

    def __init__(self, dispatcher: ClientDispatcher, tasks: Tasks) -> None:
        """Take the collaborators."""
        self._dispatcher = dispatcher
        self._tasks = tasks
        self._task: asyncio.Task[Any] | None = None
        #: Whose handlers are running.
        self._tellers = 0

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Start what tells handlers."""
        self._task = self._tasks.start(work)

    def begin_next(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Start it when what was begun before is done."""
        self.begin(self._follow(self._task, work))

    async def _follow(self, before: asyncio.Task[Any] | None, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        if before is not None and not before.done():
            await asyncio.wait([before])
        await work()

    async def tell(self, names: list[str], reason: str, *, final: bool) -> None:
        """Tell that namespaces have ended, and whether they do not come back."""
        self._tellers += 1
        try:
            for name in names:
                await self._dispatcher.trigger("disconnect", name, reason)
                if final:
                    await self.tell_final(name)
        finally:
            self._tellers -= 1

    async def tell_final(self, name: str) -> None:
        """Tell that a namespace does not come back."""
        await self._dispatcher.trigger("__disconnect_final", name)

    @property
    def are_running(self) -> bool:
        """Whether a handler is being told."""
        # A task that runs at once is not noted yet while it does.
        return self._tellers > 0 or (self._task is not None and not self._task.done())

    async def done(self) -> None:
        """Wait until all are told."""
        task, current = self._task, asyncio.current_task()
        if task is not None and task is not current and not task.done():
            await asyncio.wait([task])
