"""Packets that wait until the connect or disconnect handler of their client has run.

What a client sends to a namespace is handled in its order: an event that follows CONNECT at once,
a DISCONNECT, and the CONNECT with which the client comes back wait for the handler that runs.
There is a queue for a namespace of a connection as long as a handler runs there, or something
waits. What waits counts as events whose handlers wait (``_tasks.reading``), for the connection as
a whole: past that limit the client is not read from.
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
#: Seconds that one client's packets may take in a turn of the loop.
_BUDGET = 0.001


class _Queue:
    """The packets of one client to one namespace."""

    __slots__ = ("context", "held", "running", "waiting")

    def __init__(self) -> None:
        #: How many handlers run.
        self.running = 0
        #: What handles each packet, and its size; None as long as there was none.
        self.waiting: deque[tuple[Callable[[], None], int]] | None = None
        #: Where packets are handled: not in the context of the handler they wait for.
        self.context: contextvars.Context | None = None
        #: The client whose events the core delivers as early ones although it is connected.
        self.held: str | None = None


class WaitingPackets:
    """The queues of all clients."""

    def __init__(self, core: _core.Server, tasks: Tasks, logger: logging.Logger) -> None:
        """Count with ``tasks``, which also know the loop; ``core`` says which events are early."""
        self._core = core
        self._tasks = tasks
        self._logger = logger
        self._queues: dict[_Key, _Queue] = {}
        self._moving = 0

    def __len__(self) -> int:
        """Return how many clients have a handler that runs, or packets that wait."""
        return len(self._queues)

    @property
    def is_busy(self) -> bool:
        """Whether a packet is about to be handled; handlers that run are tasks of their own."""
        return self._moving > 0

    def handle(self, session_id: str, namespace: str, handle: Callable[[], None], size: int = 0) -> None:
        """Handle a packet of so many bytes, now or when the handlers before it have run."""
        queue = self._queues.get((session_id, namespace))
        if queue is None:
            handle()
            return
        if queue.waiting is None:
            queue.waiting, queue.context = deque(), contextvars.copy_context()
        queue.waiting.append((handle, size))
        self._tasks.begin(session_id, size, session_id)

    def begin(self, session_id: str, namespace: str) -> None:
        """Note that a handler begins: what comes from now on waits."""
        queue = self._queues.get((session_id, namespace))
        if queue is None:
            queue = self._queues[session_id, namespace] = _Queue()
        queue.running += 1

    def end(self, session_id: str, namespace: str) -> None:
        """Note that a handler has ended: the next packets are handled in the loop's next turn."""
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
        """Let the events of a client that is about to be accepted wait, if others do."""
        queue = self._queues.get((session_id, namespace))
        if queue is not None and (always or queue.waiting):
            queue.held = sid
            self._core.hold(sid)

    def _go_on(self, key: _Key, queue: _Queue) -> None:
        """Handle packets until a handler begins that waits, or the budget is used up."""
        self._moving -= 1
        latest = monotonic() + _BUDGET
        # This counts as a handler: one that begins and ends in here must not call it again.
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
