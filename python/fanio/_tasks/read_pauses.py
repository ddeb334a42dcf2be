"""Pauses reading from a client that has too many events whose handlers wait.

A handler may wait for a packet that its own client has not sent yet: an acknowledgement, another event, a DISCONNECT.
So reading never stops for ever. It pauses when too many handlers of a client wait. It continues when half of them have
ended. If none ends for a while, it continues with twice the limit. docs/waiting-handlers.md describes the rule.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

__all__ = ["MAX_BYTES", "MAX_IN_FLIGHT", "Pausable", "ReadPauses", "weight"]

#: Events of one client whose handlers may wait at the same time.
MAX_IN_FLIGHT = 1000
#: Bytes that these events may have together, as the client sent them.
MAX_BYTES = 4 << 20
#: A larger event counts for several.
_BYTES_EACH = MAX_BYTES // MAX_IN_FLIGHT
#: The largest weight of one event. A single event must not pause the reading, because its handler may wait for more.
_MAX_WEIGHT = MAX_IN_FLIGHT // 2 - 1
#: The factor up to which both limits grow while no handler ends.
_MAX_FACTOR = 16
#: Seconds in which a handler must end; otherwise more is read.
_STALL = 0.25
#: After this many checks more is read in any case, so that pings are answered.
_MAX_CHECKS = 4

_logger = logging.getLogger("fanio")
_WARNING = (
    "the handlers of client %s wait, and none has ended for %s s: more of its events are read, as they may wait "
    "for one of these (at most %d events or %d MiB; docs/waiting-handlers.md says more). Other clients are not reported"
)


class Pausable(Protocol):
    """The part of the core that pauses and resumes reading."""

    def session_of(self, sid: str, /) -> str | None:
        """Return the session of a socket."""

    def pause(self, session_id: str, /) -> None:
        """Stop reading from a session."""

    def resume(self, session_id: str, /) -> None:
        """Read from a session again."""


class _BusyClient:
    """A client with many events whose handlers wait."""

    __slots__ = ("checks", "has_progress", "is_paused", "limit", "session_id", "timer")

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self.limit = MAX_IN_FLIGHT
        self.is_paused = False
        #: Whether a handler has ended since the last check.
        self.has_progress = False
        self.checks = 0
        self.timer: asyncio.TimerHandle | None = None


class ReadPauses:
    """Pauses the sessions of clients that have too many waiting handlers."""

    __slots__ = ("_clients", "_core", "_has_warned", "_loop", "_paused")

    def __init__(self, core: Pausable, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        """Pause and resume sessions of ``core``; timers run on ``loop()``."""
        self._core = core
        self._loop = loop
        self._clients: dict[str, _BusyClient] = {}
        # For each paused session id, the sids because of which it is paused.
        self._paused: dict[str, set[str]] = {}
        self._has_warned = False

    def __bool__(self) -> bool:
        """Return whether any client is busy."""
        return bool(self._clients)

    def is_ahead(self, sid: str) -> bool:
        """Return whether a client is busy."""
        return sid in self._clients

    def note_begin(self, sid: str, count: int, session_id: str | None) -> None:
        """Note that the weight of a client's waiting events has grown to ``count``, above ``MAX_IN_FLIGHT``."""
        client = self._clients.get(sid)
        if client is None:
            if session_id is None:
                return
            client = self._clients[sid] = _BusyClient(session_id)
        if count > client.limit and not client.is_paused:
            self._pause(sid, client)

    def note_end(self, sid: str, count: int) -> None:
        """Note that the weight of a client's waiting events has fallen to ``count``."""
        client = self._clients.get(sid)
        if client is None:
            return
        client.has_progress = True
        if client.is_paused and count < client.limit // 2:
            self._resume(sid, client)
        if count < MAX_IN_FLIGHT // 2:
            del self._clients[sid]

    def _pause(self, sid: str, client: _BusyClient) -> None:
        client.is_paused, client.has_progress, client.checks = True, False, 0
        self._paused.setdefault(client.session_id, set()).add(sid)
        self._core.pause(client.session_id)
        self._check_later(sid, client)

    def _check_later(self, sid: str, client: _BusyClient) -> None:
        client.timer = self._loop().call_later(_STALL, self._check, sid, client)

    def _check(self, sid: str, client: _BusyClient) -> None:
        """Continue reading if no handler has ended, or after ``_MAX_CHECKS`` checks."""
        client.checks += 1
        if client.limit >= _MAX_FACTOR * MAX_IN_FLIGHT:
            # More events would not help. The heartbeat's timeout will close the connection.
            self._check_later(sid, client)
        elif not client.has_progress:
            self._warn(sid)
            client.limit *= 2
            self._resume(sid, client)
        elif client.checks >= _MAX_CHECKS:
            self._resume(sid, client)
        else:
            client.has_progress = False
            self._check_later(sid, client)

    def _warn(self, sid: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            _logger.warning(_WARNING, sid, _STALL, _MAX_FACTOR * MAX_IN_FLIGHT, _MAX_FACTOR * MAX_BYTES >> 20)

    def _resume(self, sid: str, client: _BusyClient) -> None:
        client.is_paused = False
        if client.timer is not None:
            client.timer.cancel()
        sids = self._paused[client.session_id]
        sids.discard(sid)
        if not sids:
            del self._paused[client.session_id]
            self._core.resume(client.session_id)

    def forget(self) -> None:
        """Drop everything, because the event loop and all handlers have ended."""
        for client in self._clients.values():
            if client.timer is not None:
                client.timer.cancel()
        self._clients.clear()
        self._paused.clear()


def weight(size: int) -> int:
    """Return the weight of an event of ``size`` bytes."""
    return min(1 + size // _BYTES_EACH, _MAX_WEIGHT)
