"""Calls that wait until the backlog of a client is small enough to send to it, and the log line for slow clients.

Owns the order of the calls that wait for one client: the first call sends first. The core decides whether a call has to
wait. It reports (``DRAINED``) when the client has received enough, or is gone.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fanio import _core

if TYPE_CHECKING:
    from fanio._tasks.tasks import Tasks

__all__ = ["Backlogs"]

#: Seconds between two attempts of a call on another event loop than the server's.
_PAUSE = 0.005
_ADVICE = "see docs/slow-clients.md"

Push = Callable[[bool], int]


class _Core(Protocol):
    def flush(self) -> None: ...
    def is_crowded(self) -> bool: ...


class Backlogs:
    """The calls that wait, by client."""

    def __init__(self, core: _Core, tasks: Tasks, logger: logging.Logger) -> None:
        """Send with ``core``; ``tasks`` has the server's event loop."""
        self._core = core
        self._tasks = tasks
        #: Logs slow clients. A Socket.IO server replaces the logger of its Engine.IO server by its own.
        self.logger = logger
        #: For each sid, the futures of the calls that wait. The first call is next, or is sending just now.
        self.waiting: dict[str, deque[asyncio.Future[None]]] = {}
        #: For each session id, the sids for which calls wait.
        self._sids: dict[str, set[str]] = {}
        #: The sids whose first call waits for memory, not for its client.
        self._crowded: deque[str] = deque()

    def receivers(self) -> dict[int, Callable[..., None]]:
        """Return the functions that handle the core's events."""
        return {_core.DRAINED: self._drained, _core.SLOW: self._slow}

    def flush_if_asked(self, asked: int) -> None:
        """Call ``flush`` soon if the core has asked for that."""
        if asked & _core.FLUSH:
            self._tasks.call_once_soon(self._core.flush)

    async def send(self, sid: str, session_id: str | None, push: Push, asked: int) -> int:
        """Send when the backlog of the client is small enough, or the client is gone.

        Args:
            sid: The client.
            session_id: The client's session; None if it is gone, and then this does not wait.
            push: Sends. If its argument is True, it may return WAIT instead.
            asked: The result of a first call of ``push``; WAIT if ``push`` was not called because other calls wait.

        Returns:
            The result of the last call of ``push``.
        """
        home = self._tasks.loop
        if session_id is None:
            return self._pushed(push(False))
        if asyncio.get_running_loop() is not home:
            return await self._try_often(home, push)
        ready: asyncio.Future[None] = home.create_future()
        self._sids.setdefault(session_id, set()).add(sid)
        queue = self.waiting.setdefault(sid, deque())
        queue.append(ready)
        try:
            while True:
                if asked & _core.CROWDED:
                    self._wait_for_memory(sid, home)
                await ready
                asked = self._pushed(push(True))
                if not asked & _core.WAIT:
                    return asked
                queue[0] = ready = home.create_future()
        finally:
            # Also if the call is cancelled.
            was_ready = ready.done() and queue[0] is ready
            queue.remove(ready)
            if not queue:
                self._forget(sid, session_id)
            elif was_ready:
                self._next(sid)

    def _forget(self, sid: str, session_id: str) -> None:
        """Remove a client for which no call waits any more."""
        del self.waiting[sid]
        sids = self._sids[session_id]
        sids.discard(sid)
        if not sids:
            del self._sids[session_id]

    def _pushed(self, asked: int) -> int:
        self.flush_if_asked(asked)
        return asked

    async def _try_often(self, home: asyncio.AbstractEventLoop, push: Push) -> int:
        """Send from another event loop, which the server's cannot wake."""
        asked = self._pushed(push(True))
        while asked & _core.WAIT:
            await asyncio.sleep(_PAUSE)
            asked = self._pushed(push(not home.is_closed()))
        return asked

    def _next(self, sid: str) -> None:
        """Let the next call send."""
        queue = self.waiting.get(sid)
        if queue and not queue[0].done():
            queue[0].set_result(None)

    def _wait_for_memory(self, sid: str, home: asyncio.AbstractEventLoop) -> None:
        self._crowded.append(sid)
        if len(self._crowded) == 1:
            home.call_later(_PAUSE, self._check_memory, home)

    def _check_memory(self, home: asyncio.AbstractEventLoop) -> None:
        """Let one call continue that waits for memory. Only one, because it may use all that is free."""
        if self._core.is_crowded():
            home.call_later(_PAUSE, self._check_memory, home)
            return
        self._next(self._crowded.popleft())
        if self._crowded:
            home.call_soon(self._check_memory, home)

    def client_left(self, sid: str) -> None:
        """Let the calls continue that wait for a client that has left; they send nothing."""
        self._next(sid)

    def release(self) -> None:
        """Let all calls continue, because the core has stopped; they send nothing."""
        for sid in self.waiting:
            self._next(sid)

    def _drained(self, _kind: int, session_id: str) -> None:
        """Handle a DRAINED event."""
        for sid in self._sids.get(session_id, ()):
            self._next(sid)

    def _slow(
        self,
        _kind: int,
        session_id: str,
        sockets: list[tuple[str, str]],
        size: int,
        packets: int,
        age: float,
        idle: float,
    ) -> None:
        """Handle a SLOW event: log the backlog of a client that is closed."""
        name = ", ".join(f"{sid} [{namespace}]" for sid, namespace in sockets) or session_id
        self._warn(
            "closed %s as slow client: %d bytes in %d packets waited for it, the oldest for %.1f s;"
            " it has taken nothing for %.1f s; %s",
            name,
            size,
            packets,
            age,
            idle,
            _ADVICE,
        )

    def _warn(self, message: str, *args: Any) -> None:
        # Without the option `logger`, the server's logger shows only errors.
        logger = self.logger if self.logger.isEnabledFor(logging.WARNING) else logging.getLogger("fanio.server")
        logger.warning(message, *args)
