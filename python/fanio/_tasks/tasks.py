"""Starts the tasks of handlers, keeps them alive until they end, and counts the events of each client.

``event_handling`` calls the handlers, ``worker`` runs many events in one task, ``read_pauses`` limits a client.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from fanio._tasks.event_handling import EventItem, EventOwner, make_event_handler
from fanio._tasks.read_pauses import MAX_IN_FLIGHT, Pausable, ReadPauses, weight
from fanio._tasks.worker import Serve, SingleEvent, Worker

__all__ = ["EventTasks", "Tasks"]

#: After a handler has waited, this many of its next events get a task of their own from the start.
_OWN_TASKS = 16

#: nest_asyncio replaces asyncio's task class by this one, so that a handler may run the event loop recursively. Then no
#: task may be started eagerly inside one of our callbacks, because asyncio could not call that callback again.
_NESTABLE_TASK = getattr(asyncio.tasks, "_PyTask", None)


def _is_to_be_created(loop: asyncio.AbstractEventLoop) -> bool:
    """Return whether each coroutine needs a task made by the event loop, for nest_asyncio or for a task factory."""
    return loop.get_task_factory() is not None or asyncio.Task is _NESTABLE_TASK


class Tasks:
    """The tasks of one server or client, on its event loop."""

    def __init__(
        self, core: Pausable, session_of: Callable[[str], str | None] | None = None, *, shares: bool = True
    ) -> None:
        """Make no tasks yet.

        Args:
            core: Pauses and resumes sessions.
            session_of: Returns the session id of a sid; None uses that of ``core``.
            shares: Whether events whose handlers do not wait may share a task.
        """
        self._shares = shares
        self._find_session = session_of or core.session_of
        self._loop: asyncio.AbstractEventLoop | None = None
        self._event_tasks: list[EventTasks] = []
        self._running: set[asyncio.Task[Any]] = set()
        #: The number of tasks that have not started. Later events must not be handled before them.
        self._not_started = 0
        self._in_flight: dict[str, int] = {}
        self._read_pauses = ReadPauses(core, lambda: self.loop)

    def bind(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start tasks on this event loop from now on."""
        self.unbind()
        if loop is not self._loop:
            self._loop, self._not_started = loop, 0
            # The tasks of another event loop do not continue.
            self._running = set()
            self._in_flight = {}
            self._read_pauses.forget()

    def unbind(self) -> None:
        """End what was made to start tasks with."""
        for event_tasks in self._event_tasks:
            event_tasks.stop()

    def event_tasks(self, owner: EventOwner) -> EventTasks:
        """Return what starts the tasks of an owner's events."""
        self._event_tasks.append(EventTasks(self, make_event_handler(owner, self.end_waiting)))
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
        self._not_started += 1
        loop.call_soon(self._note_begin)
        return task

    def _note_begin(self) -> None:
        self._not_started -= 1

    def call_once_soon(self, function: Callable[[], None]) -> None:
        """Call a function once in this turn of the serving loop; at once where that does not run.

        Its thread may run another loop in between, or none: there nothing would call it for long.
        """
        loop = self.loop
        if asyncio._get_running_loop() is loop:
            loop.call_soon(function)
        else:
            function()

    def start_threadsafe(self, coroutine: Coroutine[Any, Any, Any]) -> None:
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
        """Hold a reference to a task until it ends, because asyncio does not."""
        if not task.done():
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def begin_waiting(self, sid: str, task: asyncio.Task[Any], size: int = 0) -> None:
        """Note that the handler of a client's event of ``size`` bytes waits, in this task."""
        self._running.add(task)
        self.begin(sid, size)

    def end_waiting(self, sid: str, task: asyncio.Task[Any], size: int = 0) -> None:
        """Note that a handler which has waited has ended."""
        self._running.discard(task)
        self.end(sid, size)

    def begin(self, sid: str, size: int = 0, session_id: str | None = None) -> None:
        """Begin to count an event of ``size`` bytes for a client; ``session_id`` is its session, if known."""
        count = self._in_flight.get(sid, 0) + weight(size)
        self._in_flight[sid] = count
        if count > MAX_IN_FLIGHT:
            known = session_id if session_id or self._read_pauses.is_ahead(sid) else self._find_session(sid)
            self._read_pauses.note_begin(sid, count, known)

    def end(self, sid: str, size: int = 0) -> None:
        """End counting an event for a client."""
        count = self._in_flight.get(sid, 0) - weight(size)
        if count > 0:
            self._in_flight[sid] = count
        else:
            self._in_flight.pop(sid, None)
        if self._read_pauses:
            self._read_pauses.note_end(sid, count)

    def in_flight(self, sid: str) -> int:
        """Return the weight of the events of a client that are being handled; a large event counts for several."""
        return self._in_flight.get(sid, 0)


class EventTasks:
    """Starts the handling of one owner's events. Each event is handled at once until its handler waits."""

    def __init__(self, tasks: Tasks, serve: Serve) -> None:
        """Handle events with ``serve``; count with ``tasks`` the events whose handlers wait."""
        self._tasks = tasks
        self._serve = serve
        self._worker: Worker | None = None

    def start(self, sid: str, item: EventItem, size: int = 0) -> None:
        """Handle an event of ``size`` bytes of a client."""
        loop = self._tasks._loop or self._tasks.loop
        handler = item[0]
        if handler.waits:
            handler.waits -= 1
        elif not self._tasks._not_started and self._tasks._shares and not _is_to_be_created(loop):
            worker = self._worker
            if worker is None or worker.is_last:
                self._worker = worker = Worker(loop, self._serve)
            try:
                waits = worker.run(item)
            except RuntimeError:
                # Another task is running, so the worker cannot run. The event gets a task of its own.
                pass
            else:
                if waits:
                    # An ordinary task costs less than a worker whose handler waits.
                    handler.waits = _OWN_TASKS
                    self._tasks.begin_waiting(sid, worker.task, size)
                    worker.go_on()
                return
        alone = SingleEvent(item)
        alone.task = self._tasks._create(loop, self._run(alone))
        alone.has_waited = not alone.task.done()
        if alone.has_waited:
            self._tasks.begin_waiting(sid, alone.task, size)

    async def run_here(self, item: EventItem) -> None:
        """Handle one event in the current task."""
        await self._serve(SingleEvent(item))

    async def _run(self, alone: SingleEvent) -> None:
        await self._serve(alone)

    def stop(self) -> None:
        """End the worker's task that waits for the next event."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop()
