"""Tasks of handlers: started, kept alive until they end, and counted per client.

Knows neither events nor handlers.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from fanio._tasks.event_loop import EventItem, Owner, loop_of
from fanio._tasks.reading import MAX_IN_FLIGHT, Pausable, Reading, weight
from fanio._tasks.worker import Alone, Serve, Worker

__all__ = ["EventTasks", "Tasks"]

#: So many events of a handler that has waited get a task of their own from the start.
_OWN_TASKS = 16

#: What nest_asyncio puts in the place of the tasks in C, so that a handler may run the loop until
#: something is done. Nothing may then be started inside a callback of ours, which could not be called again.
_NESTABLE_TASK = getattr(asyncio.tasks, "_PyTask", None)


def _is_to_be_created(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether the loop must see a task for each coroutine: a task factory of the program's must, too."""
    return loop.get_task_factory() is not None or asyncio.Task is _NESTABLE_TASK


class Tasks:
    """The tasks of one server, on the loop that serves it."""

    def __init__(
        self, core: Pausable, session_of: Callable[[str], str | None] | None = None, *, shares: bool = True
    ) -> None:
        """Ask ``core`` to pause and resume sessions; ``session_of`` says which is a client's.

        Args:
            core: Where sessions are paused.
            session_of: Says which is a client's.
            shares: Whether events whose handlers do not wait may share a task.
        """
        self._shares = shares
        self._find_session = session_of or core.session_of
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event_tasks: list[EventTasks] = []
        self._running: set[asyncio.Task[Any]] = set()
        #: How many tasks have not begun: later events must not be handled before them.
        self._unbegun = 0
        self._in_flight: dict[str, int] = {}
        self._reading = Reading(core, lambda: self.loop)

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start tasks on this loop from now on."""
        self.unbind()
        if loop is not self._loop:
            self._loop, self._unbegun = loop, 0
            # The tasks of another loop do not go on.
            self._running = set()
            self._in_flight = {}
            self._reading.forget()

    def unbind(self) -> None:
        """End what was made to start tasks with."""
        for event_tasks in self._event_tasks:
            event_tasks.stop()

    def of_events(self, owner: Owner) -> EventTasks:
        """Return what starts the tasks of an owner's events."""
        self._event_tasks.append(EventTasks(self, loop_of(owner, self.end_waiting)))
        return self._event_tasks[-1]

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The serving loop."""
        return self._loop or asyncio.get_running_loop()

    def start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start a task and keep it until it ends."""
        loop = self.loop
        task = self._create(loop, coroutine)
        self.keep(task)
        return task

    def _create(self, loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Return a new task; what never waits is done here and now where Python can start it eagerly."""
        if sys.version_info >= (3, 12) and not _is_to_be_created(loop):
            return asyncio.Task(coroutine, loop=loop, eager_start=True)
        task = loop.create_task(coroutine)
        self._unbegun += 1
        loop.call_soon(self._note_begin)
        return task

    def _note_begin(self) -> None:
        self._unbegun -= 1

    def call_in_turn(self, function: Callable[[], None]) -> None:
        """Call a function once in this turn of the serving loop; at once where that does not run.

        Its thread may run another loop in between, or none: there nothing would call it for long.
        """
        loop = self.loop
        if asyncio._get_running_loop() is loop:
            loop.call_soon(function)
        else:
            function()

    def start_anywhere(self, coroutine: Coroutine[Any, Any, Any]) -> None:
        """Start a task on the serving loop, from any thread."""
        loop = self.loop
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is loop:
            self.start(coroutine)
        else:
            loop.call_soon_threadsafe(self.start, coroutine)

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Keep a task until it ends: the loop alone does not."""
        if not task.done():
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def begin_waiting(self, sid: str, task: asyncio.Task[Any], size: int = 0) -> None:
        """Note that a client's event of so many bytes waits, in this task."""
        self._running.add(task)
        self.begin(sid, size)

    def end_waiting(self, sid: str, task: asyncio.Task[Any], size: int = 0) -> None:
        """Note that an event that has waited ends."""
        self._running.discard(task)
        self.end(sid, size)

    def begin(self, sid: str, size: int = 0, session_id: str | None = None) -> None:
        """Count an event of a client, which has so many bytes; ``session_id`` is its session, if known."""
        count = self._in_flight.get(sid, 0) + weight(size)
        self._in_flight[sid] = count
        if count > MAX_IN_FLIGHT:
            known = session_id if session_id or self._reading.is_ahead(sid) else self._find_session(sid)
            self._reading.note_begin(sid, count, known)

    def end(self, sid: str, size: int = 0) -> None:
        """Count an event of a client off."""
        count = self._in_flight.get(sid, 0) - weight(size)
        if count > 0:
            self._in_flight[sid] = count
        else:
            self._in_flight.pop(sid, None)
        if self._reading:
            self._reading.note_end(sid, count)

    def in_flight(self, sid: str) -> int:
        """Return how many events of a client are being handled; large ones count for several."""
        return self._in_flight.get(sid, 0)


class EventTasks:
    """Starts the tasks of events of one kind: each is handled at once until it waits."""

    def __init__(self, tasks: Tasks, serve: Serve) -> None:
        """Handle events with ``serve``, and count with ``tasks`` those that wait."""
        self._tasks = tasks
        self._serve = serve
        self._worker: Worker | None = None

    def start(self, sid: str, item: EventItem, size: int = 0) -> None:
        """Handle an event of a client, which has so many bytes."""
        loop = self._tasks._loop or self._tasks.loop
        handler = item[0]
        if handler.waits:
            handler.waits -= 1
        elif not self._tasks._unbegun and self._tasks._shares and not _is_to_be_created(loop):
            worker = self._worker
            if worker is None or worker.is_last:
                self._worker = worker = Worker(loop, self._serve)
            try:
                waits = worker.run(item)
            except RuntimeError:
                # Called in a task.
                pass
            else:
                if waits:
                    # A plain task costs less than one that a worker leaves behind.
                    handler.waits = _OWN_TASKS
                    self._tasks.begin_waiting(sid, worker.task, size)
                    worker.go_on()
                return
        alone = Alone(item)
        alone.task = self._tasks._create(loop, self._run(alone))
        alone.has_waited = not alone.task.done()
        if alone.has_waited:
            self._tasks.begin_waiting(sid, alone.task, size)

    async def run_here(self, item: EventItem) -> None:
        """Handle one event in the task that awaits this."""
        await self._serve(Alone(item))

    async def _run(self, alone: Alone) -> None:
        await self._serve(alone)

    def stop(self) -> None:
        """End the task that waits for an event."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
