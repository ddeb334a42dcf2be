"""Packets that wait until the connect or disconnect handler of their client has run.

Packets of a client for a namespace are handled in order. So an event directly after CONNECT, a DISCONNECT, and the next
CONNECT wait while a handler runs. A namespace of a connection has a queue as long as a handler runs or packets wait.
Waiting packets count like events whose handlers wait (``_tasks.read_pauses``), for the whole connection. Above its
limit, the client is not read from.
"""

from __future__ import annotations

import contextvars
from collections import deque
from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import logging

    from fanio import _core
    from fanio._tasks.tasks import Tasks

__all__ = ["WaitingPackets"]

_Key: TypeAlias = tuple[str, str]
#: Seconds that the packets of one client may take in one iteration of the event loop.
_BUDGET = 0.001


class _Queue:
    """The packets of one client to one namespace."""

    __slots__ = ("context", "held", "running", "waiting")

    def __init__(self) -> None:
        #: The number of running handlers.
        self.running = 0
        #: For each packet, the function that handles it and its size; None until the first packet waits.
        self.waiting: deque[tuple[Callable[[], None], int]] | None = None
        #: The context in which packets are handled, so that it is not the running handler's.
        self.context: contextvars.Context | None = None
        #: The sid of a connected client whose events the core still delivers as early events.
        self.held: str | None = None


class WaitingPackets:
    """The queues of all clients."""

    def __init__(self, core: _core.Server, tasks: Tasks, logger: logging.Logger) -> None:
        """Count packets with ``tasks``; ``core`` delivers events as early events while they must wait."""
        self._core = core
        self._tasks = tasks
        self._logger = logger
        self._queues: dict[_Key, _Queue] = {}
        self._moving = 0

    def __len__(self) -> int:
        """Return the number of queues: clients with a running handler or waiting packets."""
        return len(self._queues)

    @property
    def is_busy(self) -> bool:
        """Whether a packet is about to be handled. Running handlers do not count, because they are tasks."""
        return self._moving > 0

    def handle(self, session_id: str, namespace: str, handle: Callable[[], None], size: int = 0) -> None:
        """Handle a packet of ``size`` bytes, now or after the handlers before it."""
        queue = self._queues.get((session_id, namespace))
        if queue is None:
            handle()
            return
        if queue.waiting is None:
            queue.waiting, queue.context = deque(), contextvars.copy_context()
        queue.waiting.append((handle, size))
        self._tasks.begin(session_id, size, session_id)

    def begin(self, session_id: str, namespace: str) -> None:
        """Note that a handler begins. Packets from now on wait."""
        queue = self._queues.get((session_id, namespace))
        if queue is None:
            queue = self._queues[session_id, namespace] = _Queue()
        queue.running += 1

    def end(self, session_id: str, namespace: str) -> None:
        """Note that a handler has ended. The next packets are handled in the next iteration of the event loop."""
        key = session_id, namespace
        queue = self._queues[key]
        queue.running -= 1
        if queue.running:
            return
        if queue.waiting:
            self._moving += 1
            self._tasks.loop.call_soon(self._go_on, key, queue, context=queue.context)
            return
        del self._queues[key]
        if queue.held is not None:
            self._core.release(queue.held)

    def hold(self, session_id: str, namespace: str, sid: str, *, always: bool = False) -> None:
        """Make the events of a client that is about to be accepted wait, if its packets wait already or ``always``."""
        queue = self._queues.get((session_id, namespace))
        if queue is not None and (always or queue.waiting):
            queue.held = sid
            self._core.hold(sid)

    def _go_on(self, key: _Key, queue: _Queue) -> None:
        """Handle packets until a handler waits, or the time budget is used up."""
        self._moving -= 1
        latest = monotonic() + _BUDGET
        # This method counts as a handler, so that a handler that ends at once does not call it again.
        queue.running += 1
        while queue.waiting and queue.running == 1:
            handle, size = queue.waiting.popleft()
            try:
                handle()
            except Exception:
                self._logger.exception("a packet of a client could not be handled")
            self._tasks.end(key[0], size)
            if monotonic() > latest:
                break
        self.end(*key)
