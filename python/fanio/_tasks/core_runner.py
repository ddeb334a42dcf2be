"""Runs the core on an asyncio event loop: starts it, handles its events, stops it.

Owns the reader of the core's descriptor, and the end of a server: it closes the sessions, waits for the disconnect
handlers, and ends the core's threads. The core starts when the server is first served, not at import or construction,
so that a process may fork before.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._tasks.heap import HeapTrimmer

if TYPE_CHECKING:
    import logging

    from fanio._request.admission import Admission
    from fanio._tasks.tasks import Tasks

__all__ = ["CoreRunner", "ServerHooks"]

#: Events that are handled in one iteration of the event loop at most. If more are left in the core, its descriptor
#: stays readable, and the next iteration handles them.
_BATCH = 256
#: Seconds that the events of one iteration, with the first steps of their handlers, may take, so that other tasks can
#: run during a flood.
_BUDGET = 0.002
#: Seconds between two checks while the server waits for its end.
_TICK = 0.1

HandOff = Callable[[int, bytes], None]


def _never() -> bool:
    return False


def _nothing() -> None:
    pass


@dataclass
class ServerHooks:
    """The functions of one kind of server (Socket.IO or Engine.IO) that the runner calls."""

    #: The function for each kind of core event.
    receivers: Mapping[int, Callable[..., None]]
    #: The tasks of connect and disconnect handlers. The end of the server waits for them.
    running: set[asyncio.Task[Any]]
    #: Called when the core has started.
    start: Callable[[], None] = _nothing
    #: Called before each batch of events.
    begin: Callable[[], None] = _nothing
    #: Returns whether the end of the server must wait for other work.
    is_busy: Callable[[], bool] = _never
    #: Called when the core has stopped.
    end: Callable[[], None] = _nothing


class CoreRunner:
    """Runs the core of one server."""

    def __init__(
        self,
        core: _core.Server,
        tasks: Tasks,
        admission: Admission,
        logger: logging.Logger,
    ) -> None:
        """Run ``core`` with the parts that every server has; ``attach`` adds those of one kind of server."""
        self._core = core
        self._tasks = tasks
        self._logger = logger
        self._lock = threading.Lock()
        self._fd: int | None = None
        # The descriptors of shards in inline mode.
        self._inline: set[int] = set()
        self._heap = HeapTrimmer()
        # Events of a batch for which no time was left.
        self._remaining: list[tuple[object, ...]] = []
        self._stopped: concurrent.futures.Future[None] | None = None
        self._doors: dict[int, HandOff] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        #: Seconds that handlers have once the server closes; None for as long as they take.
        self.shutdown_timeout: float | None = None
        self._closing_since = 0.0
        self._hooks = ServerHooks({}, set())
        #: Called when the core has stopped, before ``ServerHooks.end``.
        self.on_end: list[Callable[[], None]] = []
        self._receivers: dict[int, Callable[..., None]] = {
            _core.ADMISSION: admission.ask,
            _core.REFUSED: admission.refused,
            _core.HANDOFF: self._hand_off,
            _core.INLINE: self._begin_inline,
            _core.STOPPED: self._note_stopped,
            _core.TOO_LARGE: admission.too_large,
        }

    def add_receivers(self, receivers: Mapping[int, Callable[..., None]]) -> None:
        """Set the functions for more kinds of core events."""
        self._receivers.update(receivers)

    def attach(self, program: ServerHooks) -> None:
        """Bring the core's events to a program."""
        self.add_receivers(program.receivers)
        self._hooks = program

    @property
    def is_running(self) -> bool:
        """Whether the core runs."""
        return self._fd is not None

    @property
    def is_closing(self) -> bool:
        """Whether the core was told to close every session and to open no new one."""
        return self._stopped is not None

    @property
    def is_listening(self) -> bool:
        """Whether the core accepts connections itself."""
        return bool(self._doors)

    def start_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the core, unless it runs, and handle its events on this event loop.

        Raises:
            RuntimeError: When it is served on another event loop that is not closed.
        """
        with self._lock:
            if self.loop is loop and self._fd is not None:
                return
            if self._fd is not None and self.loop is not None and not self.loop.is_closed():
                msg = "this AsyncServer is already served on another event loop"
                raise RuntimeError(msg)
            # defer: the shards are woken once for everything that is sent in one iteration of the event loop.
            self._fd = self._core.start(defer=True)
            self._stopped = None
            self.loop = loop
            self._tasks.bind(loop)
            loop.add_reader(self._fd, self._drain)
            # Events that an earlier event loop, which is closed now, has not handled.
            self._inline.clear()
            if self._remaining:
                loop.call_soon(self._go_on)
        self._hooks.start()

    def listen(self, fd: int, path: str, hand_off: HandOff, **listener_options: Any) -> None:
        """Give the core a listening socket.

        Args:
            fd: The socket, which the core owns from now on.
            path: The path of Socket.IO.
            hand_off: Called with the descriptor and the read bytes of a connection for another path.
            **listener_options: More arguments of the core's ``listen``.
        """
        number = len(self._doors)
        self._doors[number] = hand_off
        self._core.listen(fd, path, number, **listener_options)

    def _drain(self) -> None:
        """Handle a batch of events, unless some of the last batch remain."""
        if self._remaining:
            return
        self._handle(self._core.drain(_BATCH))

    def _handle(self, batch: Iterable[tuple[object, ...]]) -> None:
        """Handle events until the time budget is used up; the next iteration of the event loop handles the rest."""
        receivers = self._receivers
        if not self._heap.is_busy:
            self._heap.note_start(self._tasks.loop)
        latest = monotonic() + _BUDGET
        events = iter(batch)
        try:
            self._hooks.begin()
            for event in events:
                try:
                    receivers[event[0]](*event)  # type: ignore[index]
                except Exception:
                    self._logger.exception("an event of the core could not be handled")
                if monotonic() > latest:
                    break
        finally:
            self._remaining = list(events)
            if self._remaining:
                self._tasks.loop.call_soon(self._go_on)
            self._core.flush()

    def _go_on(self) -> None:
        left, self._remaining = self._remaining, []
        self._handle(left)

    def _begin_inline(self, _kind: int, shard: int, fd: int) -> None:
        """Run the turns of a shard on this thread until it leaves inline mode."""
        if self.loop is not None and fd not in self._inline:
            self._inline.add(fd)
            self.loop.add_reader(fd, self._turn, shard, fd)

    def _turn(self, shard: int, fd: int) -> None:
        """Take a turn of a shard, unless the events of the last are still being handled."""
        if self._remaining:
            return
        if self._core.turn(shard):
            self._handle(self._core.drain(_BATCH))
        elif self.loop is not None:
            self._inline.discard(fd)
            self.loop.remove_reader(fd)

    def _hand_off(self, _kind: int, fd: int, data: bytes, listener: int) -> None:
        self._doors[listener](fd, data)

    def _note_stopped(self, *_event: Any) -> None:
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(None)

    def begin_close(self) -> None:
        """Stop accepting connections, and close every session."""
        if self._fd is None or self._stopped is not None:
            return
        self._stopped = concurrent.futures.Future()
        self._closing_since = monotonic()
        self._core.unlisten()
        self._core.shutdown()

    async def close(self, give_up: Callable[[], bool] = _never) -> None:
        """Close every session, wait for the disconnect handlers, and end the core's threads.

        ``give_up`` is called repeatedly. As soon as it returns True, waiting ends.
        """
        loop = self.loop
        if loop is None or self._fd is None:
            return
        if loop is asyncio.get_running_loop():
            await self._close(give_up)
        elif loop.is_running():
            ending = asyncio.run_coroutine_threadsafe(self._close(give_up), loop)
            await asyncio.wrap_future(ending)
        else:
            self._end()

    async def _close(self, give_up: Callable[[], bool]) -> None:
        self.begin_close()

        def is_over() -> bool:
            late = self.shutdown_timeout is not None and monotonic() - self._closing_since > self.shutdown_timeout
            return late or give_up()

        if self._stopped is not None:
            stopped = asyncio.wrap_future(self._stopped)
            while not stopped.done() and not is_over():
                await asyncio.wait([stopped], timeout=_TICK)
        while not is_over():
            waiting = self._hooks.running - {asyncio.current_task()}
            if waiting:
                await asyncio.wait(waiting, timeout=_TICK)
            elif self._hooks.is_busy():
                await asyncio.sleep(_TICK / 10)
            else:
                break
        self._end()

    def _end(self) -> None:
        with self._lock:
            fd, self._fd = self._fd, None
            if fd is None:
                return
            if self.loop is not None and not self.loop.is_closed():
                for reader in (fd, *self._inline):
                    self.loop.remove_reader(reader)
            self._inline.clear()
            self._heap.stop()
            self._core.stop()
            self._tasks.unbind()
            for function in self.on_end:
                function()
            self._hooks.end()
            self._remaining = []
            self._doors.clear()
            self.loop = None
