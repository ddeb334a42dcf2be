"""The connections of all clients on one event loop, and the delivery of the core's events to them.

The core has one ``ClientHub`` for each event loop. This file waits for its descriptor and passes each event to the link
of its connection. The hub exists while a client holds it. The I/O thread of the clients runs while there is a hub.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, ClassVar, Protocol
from weakref import WeakKeyDictionary

from fanio import _core

__all__ = ["Listener", "LoopConnections"]

#: Events that are handled in one iteration of the event loop.
_BATCH = 256

_logger = logging.getLogger("fanio.client")


class Listener(Protocol):
    """An object that gets the events of one connection."""

    def take(self, event: tuple[Any, ...]) -> None:
        """Handle an event of the core."""


class User(Protocol):
    """A client that holds the connections of an event loop."""

    def loop_ended(self) -> None:
        """Drop everything: the event loop ends, and no task can be started on it."""


class LoopConnections:
    """The state that all clients of one event loop share."""

    _all: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, LoopConnections]] = WeakKeyDictionary()

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do not call this; use ``LoopConnections.of``."""
        self._loop = loop
        self._core: _core.ClientHub | None = None
        self._listeners: dict[int, Listener] = {}
        self._users: set[User] = set()
        #: A task that asyncio cancels, like all others, when the event loop ends.
        self._watch: asyncio.Task[None] | None = None
        #: The future for which this task waits.
        self._end: asyncio.Future[None] | None = None

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> LoopConnections:
        """Return the object of an event loop, which is made at the first call."""
        found = cls._all.get(loop)
        if found is None:
            found = cls._all[loop] = cls(loop)
        return found

    @property
    def is_ending(self) -> bool:
        """Whether the event loop is cancelling its tasks."""
        return self._end is not None and self._end.cancelled()

    def hold(self, user: User) -> None:
        """Start the core's hub if necessary, and keep it until ``release``."""
        self._users.add(user)
        if self._core is None:
            self._core = _core.ClientHub()
            self._loop.add_reader(self._core.fd(), self._drain)
            self._end = self._loop.create_future()
            self._watch = self._loop.create_task(self._watch_loop(self._core, self._end))
            # asyncio must not complain about this task if the application never closes the event loop.
            self._watch._log_destroy_pending = False  # type: ignore[attr-defined]

    def release(self, user: User) -> None:
        """Stop the core's hub if this was the last client."""
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
        """Stop all clients when the event loop cancels its tasks, because tasks for later events would be lost."""
        try:
            await end
        finally:
            if core is self._core:
                for user in list(self._users):
                    user.loop_ended()

    def connect(self, listener: Listener, options: dict[str, object]) -> _core.ClientConnection:
        """Open a connection whose events go to ``listener``.

        Raises:
            RuntimeError: When ``hold`` was not called.
        """
        if self._core is None:
            msg = "no client holds this event loop's connections: call hold() first"
            raise RuntimeError(msg)
        connection = self._core.connect(options)
        self._listeners[connection.id] = listener
        return connection

    def forget(self, connection: _core.ClientConnection) -> None:
        """Drop all further events of a connection."""
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
            # An exception must not stop the delivery of the other events.
            _logger.exception("an event of the core could not be handled")
