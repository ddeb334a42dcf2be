"""The core on an asyncio loop: started when first served, drained, stopped.

Owns the reader of the core's descriptor and the end of a server: sessions closed, disconnect
handlers run, threads ended. Nothing starts at import or construction, so that a process may fork
before it serves.
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
from fanio._tasks.heap import Heap

if TYPE_CHECKING:
    import logging

    from fanio._request.admission import Admission
    from fanio._tasks.tasks import Tasks

__all__ = ["Program", "Serving"]

#: The most events that are taken in one turn of the loop. When some are left in the core, its
#: descriptor stays readable and the next turn takes them.
_BATCH = 256
#: Seconds that a turn's events and the first steps of their handlers may take, so that a flood
#: leaves the loop to others in between.
_BUDGET = 0.002
#: How often an end that is waited for is looked at, in seconds.
_TICK = 0.1

HandOff = Callable[[int, bytes], None]


def _never() -> bool:
    return False


def _nothing() -> None:
    pass


@dataclass
class Program:
    """What a server does with the core's events."""

    #: What takes each kind of event.
    receivers: Mapping[int, Callable[..., None]]
    #: The handlers of clients that come and go; an end waits for them.
    running: set[asyncio.Task[Any]]
    #: Called when the core has started, on its loop or before that runs.
    start: Callable[[], None] = _nothing
    #: Called before each batch of events.
    begin: Callable[[], None] = _nothing
    #: Whether anything else must be done before an end.
    is_busy: Callable[[], bool] = _never
    #: Called when the core has ended.
    end: Callable[[], None] = _nothing


class Serving:
    """The running side of one server."""

    def __init__(
        self,
        core: _core.Server,
        tasks: Tasks,
        admission: Admission,
        logger: logging.Logger,
    ) -> None:
        """Take what every server has; ``attach`` brings what its program is."""
        self._core = core
        self._tasks = tasks
        self._logger = logger
        self._lock = threading.Lock()
        self._fd: int | None = None
        # The descriptors of shards that are lent.
        self._lent: set[int] = set()
        self._heap = Heap()
        # Events of a batch that took too long.
        self._left: list[tuple[object, ...]] = []
        self._stopped: concurrent.futures.Future[None] | None = None
        self._doors: dict[int, HandOff] = {}
        self.loop: asyncio.AbstractEventLoop | None = None
        #: Seconds that handlers have once the server closes; None for as long as they take.
        self.patience: float | None = None
        self._closing_since = 0.0
        self._program = Program({}, set())
        #: Called when the core has ended, before the program's own.
        self.at_end: list[Callable[[], None]] = []
        self._receivers: dict[int, Callable[..., None]] = {
            _core.ADMISSION: admission.ask,
            _core.REFUSED: admission.refused,
            _core.HANDOFF: self._hand_off,
            _core.LENT: self._lend,
            _core.STOPPED: self._note_stopped,
            _core.TOO_LARGE: admission.too_large,
        }

    def hear(self, receivers: Mapping[int, Callable[..., None]]) -> None:
        """Bring more kinds of the core's events to those who take them."""
        self._receivers.update(receivers)

    def attach(self, program: Program) -> None:
        """Bring the core's events to a program."""
        self.hear(program.receivers)
        self._program = program

    @property
    def is_running(self) -> bool:
        """Whether the core runs."""
        return self._fd is not None

    @property
    def is_closing(self) -> bool:
        """Whether the core has been asked to close every session, and no new one is opened."""
        return self._stopped is not None

    @property
    def is_listening(self) -> bool:
        """Whether the core accepts connections itself."""
        return bool(self._doors)

    def start_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the core, unless it runs, and take its events on this loop.

        Raises:
            RuntimeError: When it is served on another loop that still runs.
        """
        with self._lock:
            if self.loop is loop and self._fd is not None:
                return
            if self._fd is not None and self.loop is not None and not self.loop.is_closed():
                msg = "this AsyncServer is already served on another event loop"
                raise RuntimeError(msg)
            # One wake of the shards serves everything that is sent in a turn of the loop.
            self._fd = self._core.start(defer=True)
            self._stopped = None
            self.loop = loop
            self._tasks.bind(loop)
            loop.add_reader(self._fd, self._drain)
            # What an earlier loop, which was just closed, had still to do.
            self._lent.clear()
            if self._left:
                loop.call_soon(self._go_on)
        self._program.start()

    def listen(self, fd: int, path: str, hand_off: HandOff, **listener_options: Any) -> None:
        """Give the core a listening socket of its own.

        Args:
            fd: The socket.
            path: Where Socket.IO is served.
            hand_off: Gets what is for other paths.
            **listener_options: More of the core's ``listen``.
        """
        number = len(self._doors)
        self._doors[number] = hand_off
        self._core.listen(fd, path, number, **listener_options)

    def _drain(self) -> None:
        """Take a batch, unless one is still being handled."""
        if self._left:
            return
        self._handle(self._core.drain(_BATCH))

    def _handle(self, batch: Iterable[tuple[object, ...]]) -> None:
        """Handle events until the budget is used up; the rest has its turn after the loop's."""
        receivers = self._receivers
        if not self._heap.is_busy:
            self._heap.note_start(self._tasks.loop)
        latest = monotonic() + _BUDGET
        events = iter(batch)
        try:
            self._program.begin()
            for event in events:
                try:
                    receivers[event[0]](*event)  # type: ignore[index]
                except Exception:
                    self._logger.exception("an event of the core could not be handled")
                if monotonic() > latest:
                    break
        finally:
            self._left = list(events)
            if self._left:
                self._tasks.loop.call_soon(self._go_on)
            self._core.flush()

    def _go_on(self) -> None:
        left, self._left = self._left, []
        self._handle(left)

    def _lend(self, _kind: int, shard: int, fd: int) -> None:
        """Take the turns of a shard that lends itself."""
        if self.loop is not None and fd not in self._lent:
            self._lent.add(fd)
            self.loop.add_reader(fd, self._turn, shard, fd)

    def _turn(self, shard: int, fd: int) -> None:
        """Take a turn of a shard, unless the events of the last are still being handled."""
        if self._left:
            return
        if self._core.turn(shard):
            self._handle(self._core.drain(_BATCH))
        elif self.loop is not None:
            self._lent.discard(fd)
            self.loop.remove_reader(fd)

    def _hand_off(self, _kind: int, fd: int, data: bytes, listener: int) -> None:
        self._doors[listener](fd, data)

    def _note_stopped(self, *_event: Any) -> None:
        if self._stopped is not None and not self._stopped.done():
            self._stopped.set_result(None)

    def begin_close(self) -> None:
        """Accept no more, and close every session."""
        if self._fd is None or self._stopped is not None:
            return
        self._stopped = concurrent.futures.Future()
        self._closing_since = monotonic()
        self._core.unlisten()
        self._core.shutdown()

    async def close(self, give_up: Callable[[], bool] = _never) -> None:
        """Close every session, wait for the disconnect handlers, end the core's threads.

        ``give_up`` is asked now and then; when it says so, nothing is waited for any more.
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
            late = self.patience is not None and monotonic() - self._closing_since > self.patience
            return late or give_up()

        if self._stopped is not None:
            stopped = asyncio.wrap_future(self._stopped)
            while not stopped.done() and not is_over():
                await asyncio.wait([stopped], timeout=_TICK)
        while not is_over():
            waiting = self._program.running - {asyncio.current_task()}
            if waiting:
                await asyncio.wait(waiting, timeout=_TICK)
            elif self._program.is_busy():
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
                for reader in (fd, *self._lent):
                    self.loop.remove_reader(reader)
            self._lent.clear()
            self._heap.stop()
            self._core.stop()
            self._tasks.unbind()
            for function in self.at_end:
                function()
            self._program.end()
            self._left = []
            self._doors.clear()
            self.loop = None
