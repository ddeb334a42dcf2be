"""Clients for which much waits: who sends to one of them waits here, and who is too slow is logged.

Owns the order of those who wait for one client: first come, first served. The core says whether
one has to wait and when the client has taken what was sent to it, or is gone (``DRAINED``).
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

#: Seconds between two attempts of a sender on another loop than the one that serves.
_PAUSE = 0.005
_ADVICE = "see docs/slow-clients.md"

Push = Callable[[bool], int]


class _Core(Protocol):
    def flush(self) -> None: ...
    def is_crowded(self) -> bool: ...


class Backlogs:
    """Who waits for which client."""

    def __init__(self, core: _Core, tasks: Tasks, logger: logging.Logger) -> None:
        """Take the collaborators; ``tasks`` knows the serving loop."""
        self._core = core
        self._tasks = tasks
        #: Where slow clients are logged; a server on top of the one that made this puts its own.
        self.logger = logger
        #: Those who wait, by sid: who comes later has to queue. The first is next, or is sending just now.
        self.waiting: dict[str, deque[asyncio.Future[None]]] = {}
        #: The sids for which somebody waits, by session id.
        self._sids: dict[str, set[str]] = {}
        #: The sids whose first waits for memory, not for its client.
        self._crowded: deque[str] = deque()

    def receivers(self) -> dict[int, Callable[..., None]]:
        """Return what takes the core's events."""
        return {_core.DRAINED: self._drained, _core.SLOW: self._slow}

    def flush_for(self, asked: int) -> None:
        """Call ``flush`` soon when the core has asked for that."""
        if asked & _core.FLUSH:
            self._tasks.call_in_turn(self._core.flush)

    async def send(self, sid: str, session_id: str | None, push: Push, asked: int) -> int:
        """Send when the client has taken what was sent before, or is gone.

        Args:
            sid: The client.
            session_id: Its session; None when it has none any more, and nothing is waited for.
            push: Sends, unless its argument allows it to return WAIT instead.
            asked: What it has returned before; WAIT alone when it was not called, as others wait already.

        Returns:
            What ``push`` returned at last.
        """
        home = self._tasks.loop
        if session_id is None:
            return self._pushed(push(False))
        if asyncio.get_running_loop() is not home:
            return await self._try_often(home, push)
        turn: asyncio.Future[None] = home.create_future()
        self._sids.setdefault(session_id, set()).add(sid)
        queue = self.waiting.setdefault(sid, deque())
        queue.append(turn)
        try:
            while True:
                if asked & _core.CROWDED:
                    self._wait_for_memory(sid, home)
                await turn
                asked = self._pushed(push(True))
                if not asked & _core.WAIT:
                    return asked
                queue[0] = turn = home.create_future()
        finally:
            # Also when the sender is cancelled.
            had_turn = turn.done() and queue[0] is turn
            queue.remove(turn)
            if not queue:
                self._forget(sid, session_id)
            elif had_turn:
                self._next(sid)

    def _forget(self, sid: str, session_id: str) -> None:
        """Note that nobody waits for a client any more."""
        del self.waiting[sid]
        sids = self._sids[session_id]
        sids.discard(sid)
        if not sids:
            del self._sids[session_id]

    def _pushed(self, asked: int) -> int:
        self.flush_for(asked)
        return asked

    async def _try_often(self, home: asyncio.AbstractEventLoop, push: Push) -> int:
        """Send from a loop that cannot be told when it may."""
        asked = self._pushed(push(True))
        while asked & _core.WAIT:
            await asyncio.sleep(_PAUSE)
            asked = self._pushed(push(not home.is_closed()))
        return asked

    def _next(self, sid: str) -> None:
        """Let the next one send."""
        queue = self.waiting.get(sid)
        if queue and not queue[0].done():
            queue[0].set_result(None)

    def _wait_for_memory(self, sid: str, home: asyncio.AbstractEventLoop) -> None:
        self._crowded.append(sid)
        if len(self._crowded) == 1:
            home.call_later(_PAUSE, self._look, home)

    def _look(self, home: asyncio.AbstractEventLoop) -> None:
        """Let one go on that has waited for memory; it may take all there is."""
        if self._core.is_crowded():
            home.call_later(_PAUSE, self._look, home)
            return
        self._next(self._crowded.popleft())
        if self._crowded:
            home.call_soon(self._look, home)

    def left(self, sid: str) -> None:
        """Let everybody go on who waits for a client that has left: nothing is sent to it."""
        self._next(sid)

    def release(self) -> None:
        """Let everybody go on: the core has ended and takes nothing any more."""
        for sid in self.waiting:
            self._next(sid)

    def _drained(self, _kind: int, session_id: str) -> None:
        """Take a DRAINED event."""
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
        """Take a SLOW event: say once what waited for a client that is closed."""
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
        # Without `logger=` the server's logger shows errors only.
        logger = self.logger if self.logger.isEnabledFor(logging.WARNING) else logging.getLogger("fanio.server")
        logger.warning(message, *args)
