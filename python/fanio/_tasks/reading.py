"""How far a client may be ahead of its handlers before it is not read from for a while.

What a handler waits for may be something that its own client has yet to send: an acknowledgement, another
event, its end. So reading never stops for good. It pauses when the events of handlers that wait are many, and
goes on when half of them have ended; or after a while in which none has ended, with twice as many allowed.
docs/waiting-handlers.md describes the rule.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

__all__ = ["MAX_BYTES", "MAX_IN_FLIGHT", "Pausable", "Reading", "weight"]

#: Events of one client whose handlers may wait at the same time.
MAX_IN_FLIGHT = 1000
#: Bytes that these events may have, as the client sent them.
MAX_BYTES = 4 << 20
#: A larger event counts for several.
_BYTES_EACH = MAX_BYTES // MAX_IN_FLIGHT
#: What one event counts for at most: alone it never stops the reading, for which it may be waiting.
_MAX_WEIGHT = MAX_IN_FLIGHT // 2 - 1
#: Both limits grow up to so many times as much, while no handler ends.
_MOST = 16
#: Seconds in which a handler must end, or more is read.
_STALL = 0.25
#: So often it is looked whether one has ended, before something is read in any case: pings want an answer.
_LOOKS = 4

_logger = logging.getLogger("fanio")
_WARNING = (
    "the handlers of client %s wait, and none has ended for %s s: more of its events are read, as they may wait "
    "for one of these (at most %d events or %d MiB; docs/waiting-handlers.md says more). Other clients are not reported"
)


class Pausable(Protocol):
    """Stops reading from sessions, and goes on with it."""

    def session_of(self, sid: str, /) -> str | None:
        """Return the session of a socket."""

    def pause(self, session_id: str, /) -> None:
        """Read no more from a session."""

    def resume(self, session_id: str, /) -> None:
        """Read from a session again."""


class _Lead:
    """A client that is ahead of its handlers."""

    __slots__ = ("has_progress", "is_paused", "limit", "looks", "session_id", "timer")

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.limit = MAX_IN_FLIGHT
        self.is_paused = False
        #: Whether a handler has ended since it was last looked.
        self.has_progress = False
        self.looks = 0
        self.timer: asyncio.TimerHandle | None = None


class Reading:
    """Pauses the sessions of clients that are ahead of their handlers."""

    __slots__ = ("_core", "_has_warned", "_leads", "_loop", "_paused")

    def __init__(self, core: Pausable, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        """Pause and resume sessions of ``core``; timers run on ``loop()``."""
        self._core = core
        self._loop = loop
        self._leads: dict[str, _Lead] = {}
        # Session id to the sids on whose account it is paused.
        self._paused: dict[str, set[str]] = {}
        self._has_warned = False

    def __bool__(self) -> bool:
        """Return whether any client is ahead."""
        return bool(self._leads)

    def is_ahead(self, sid: str) -> bool:
        """Return whether a client is known to be ahead."""
        return sid in self._leads

    def note_begin(self, sid: str, count: int, session_id: str | None) -> None:
        """Note that events of a client now count for so much, which is more than ``MAX_IN_FLIGHT``."""
        lead = self._leads.get(sid)
        if lead is None:
            if session_id is None:
                return
            lead = self._leads[sid] = _Lead(session_id)
        if count > lead.limit and not lead.is_paused:
            self._pause(sid, lead)

    def note_end(self, sid: str, count: int) -> None:
        """Note that the events of a client now count for so much less."""
        lead = self._leads.get(sid)
        if lead is None:
            return
        lead.has_progress = True
        if lead.is_paused and count < lead.limit // 2:
            self._resume(sid, lead)
        if count < MAX_IN_FLIGHT // 2:
            del self._leads[sid]

    def _pause(self, sid: str, lead: _Lead) -> None:
        lead.is_paused, lead.has_progress, lead.looks = True, False, 0
        self._paused.setdefault(lead.session_id, set()).add(sid)
        self._core.pause(lead.session_id)
        self._look_later(sid, lead)

    def _look_later(self, sid: str, lead: _Lead) -> None:
        lead.timer = self._loop().call_later(_STALL, self._look, sid, lead)

    def _look(self, sid: str, lead: _Lead) -> None:
        """Read on if no handler has ended, or if it has been long enough."""
        lead.looks += 1
        if lead.limit >= _MOST * MAX_IN_FLIGHT:
            # Whoever does not get on with so many is not going to: the heartbeat ends the connection.
            self._look_later(sid, lead)
        elif not lead.has_progress:
            self._warn(sid)
            lead.limit *= 2
            self._resume(sid, lead)
        elif lead.looks >= _LOOKS:
            self._resume(sid, lead)
        else:
            lead.has_progress = False
            self._look_later(sid, lead)

    def _warn(self, sid: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(_WARNING, sid, _STALL, _MOST * MAX_IN_FLIGHT, _MOST * MAX_BYTES >> 20)

    def _resume(self, sid: str, lead: _Lead) -> None:
        lead.is_paused = False
        if lead.timer is not None:
            lead.timer.cancel()
        sids = self._paused[lead.session_id]
        sids.discard(sid)
        if not sids:
            del self._paused[lead.session_id]
            self._core.resume(lead.session_id)

    def forget(self) -> None:
        """Drop everything: the loop has ended, and all handlers with it."""
        for lead in self._leads.values():
            if lead.timer is not None:
                lead.timer.cancel()
        self._leads.clear()
        self._paused.clear()


def weight(size: int) -> int:
    """Return what an event of so many bytes counts for."""
    return min(1 + size // _BYTES_EACH, _MAX_WEIGHT)
