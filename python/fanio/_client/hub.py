"""The core's hub of one asyncio loop: its descriptor is read here, its events find their owner.

A hub lives as long as a client uses it; the client shard (the I/O thread of the process) lives as
long as a hub does.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar, Protocol
from weakref import WeakKeyDictionary

from fanio import _core

__all__ = ["Hub", "Listener"]

#: Events taken per turn of the loop.
_BATCH = 256

_logger = logging.getLogger("fanio.client")


class Listener(Protocol):
    """Who hears of a connection in the core."""

    def take(self, event: tuple[Any, ...]) -> None:
        """Take an event of the core."""


class User(Protocol):
    """Who keeps a hub running."""

    def loop_ended(self) -> None:
        """Drop everything: the loop ends, and nothing may be started on it any more."""


class Hub:
    """What all clients of one loop share."""

    _all: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Use ``Hub.of``: there is one for each loop."""
        self._loop = loop
        self._core: _core.ClientHub | None = None
        self._listeners: dict[int, Listener] = {}
        self._users: set[User] = set()
        #: Is cancelled with all other tasks when the loop ends.
        self._watch: asyncio.Task[None] | None = None
        #: What that task waits for.
        self._end: asyncio.Future[None] | None = None

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> Hub:
        """Return the hub of a loop."""
        hub = cls._all.get(loop)
        if hub is None:
            hub = cls._all[loop] = cls(loop)
        return hub

    @property
    def is_ending(self) -> bool:
        """Whether the loop cancels its tasks."""
        return self._end is not None and self._end.cancelled()

    def hold(self, user: User) -> None:
        """Keep the hub running, until ``release``."""
        self._users.add(user)
        if self._core is None:
            self._core = _core.ClientHub()
            self._loop.add_reader(self._core.fd(), self._drain)
            self._end = self._loop.create_future()
            self._watch = self._loop.create_task(self._watch_loop(self._core, self._end))
            # A loop that nobody closes is not to be reported as this task's loss.
            self._watch._log_destroy_pending = False  # type: ignore[attr-defined]

    def release(self, user: User) -> None:
        """Let the hub end when nobody holds it any more."""
        self._users.discard(user)
        if not self._users and self._core is not None:
            core, self._core = self._core, None
            if not self._loop.is_closed():
                self._loop.remove_reader(core.fd())
                if self._watch is not None:
                    self._watch.cancel()
            self._listeners.clear()
            core.stop()

    async def _watch_loop(self, core: _core.ClientHub, end: asyncio.Future[None]) -> None:
        """Stop when the loop cancels its tasks: those of later events nobody would wait for."""
        try:
            await end
        finally:
            if core is self._core:
                for user in list(self._users):
                    user.loop_ended()

    def connect(self, listener: Listener, options: dict[str, object]) -> _core.ClientConnection:
        """Open a connection whose events go to ``listener``.

        Raises:
            RuntimeError: When nobody holds the hub.
        """
        if self._core is None:
            msg = "the hub is not held"
            raise RuntimeError(msg)
        connection = self._core.connect(options)
        self._listeners[connection.id] = listener
        return connection

    def forget(self, connection: _core.ClientConnection) -> None:
        """Drop what the connection still tells."""
        self._listeners.pop(connection.id, None)

    def _drain(self) -> None:
        if self._core is None:
            return
        for event in self._core.drain(_BATCH):
            listener = self._listeners.get(event[1])  # type: ignore[call-overload]
            if listener is not None:
                self._deliver(listener, event)

    @staticmethod
    def _deliver(listener: Listener, event: tuple[Any, ...]) -> None:
        try:
            listener.take(event)
        except Exception:
            # One bad event must not take the others with it.
            _logger.exception("an event of the core could not be handled")
