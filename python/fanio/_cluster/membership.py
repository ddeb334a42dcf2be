"""A server's place in its cluster: what it tells the others of its emits, and does for them.

Most of what other servers want is done by the core, without Python. What comes here is an event whose
acknowledgements go back, and the answers to callbacks of this server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio._cluster import values
from fanio._cluster.callbacks import Callbacks
from fanio._codec.packet import ACK

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from fanio._cluster.link import Data, Link, Who
    from fanio._server.acks import Waiter
    from fanio._server.emitter import OutgoingEvent
    from fanio.async_server import AsyncServer
    from fanio.stats import ClusterStats

__all__ = ["Membership", "is_told"]

#: What the names of rooms begin with that only this process knows, and the name of a room nobody is in.
_UNTOLD = ("\x00h", "\x00-")


def is_told(name: str) -> bool:
    """Return whether other servers can know a room by its name in the core: it is text or a whole number."""
    return not name.startswith(_UNTOLD)


class Membership:
    """The side of a server that the others see."""

    def __init__(self, server: AsyncServer, link: Link) -> None:
        """Take the server, which is there but may not run, and its link."""
        self._server = server
        self._core = server._core
        self._codec = server._codec
        self._link = link
        self._callbacks = Callbacks()
        link.receivers.update(emit=self._take_emit, callback=self._take_answer)

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take part, and handle what comes on this loop."""
        self._link.serve(loop)

    def stop(self) -> None:
        """Take part no longer."""
        self._link.stop()

    def is_full(self) -> bool:
        """Return whether so much waits to be published that the caller should wait."""
        return self._link.is_full()

    def stats(self) -> ClusterStats:
        """Return what was counted."""
        return self._link.stats()

    def concerns(self, names: Sequence[str] | None, namespace: str) -> bool:
        """Return whether clients of other servers may be meant: not when all are clients of this one."""
        if names is None:
            return True
        find = self._core.namespace_of
        return any(is_told(name) and find(name) != namespace for name in names)

    def publish(
        self, event: OutgoingEvent, data: Data, names: list[str] | None, without: list[str], callback: int | None
    ) -> bool:
        """Tell the others of an event, encoded as this server's clients get it; true when the next one should wait."""
        namespace = event.namespace
        if not self.concerns(names, namespace):
            return False
        rooms = [] if names is None else [name for name in names if is_told(name)]
        who: Who = (rooms, [name for name in without if is_told(name)])
        # The others give the room back with each answer.
        reference = None if callback is None else (rooms[0] if rooms else "", callback)
        return self._link.emit(namespace, data, who, event.volatile, event.compress, reference)

    def expect(self, waiter: Waiter) -> int:
        """Return the number under which clients of other servers answer."""
        return self._callbacks.expect(waiter)

    def drop(self, number: int) -> None:
        """Wait for these answers no longer."""
        self._callbacks.drop(number)

    # What the others want

    def _take_emit(
        self,
        namespace: str,
        data: Data,
        who: Who,
        flags: tuple[bool, bool],
        sender: str,
        callback: tuple[str, int],
        _reply: object,
    ) -> None:
        """Emit an event of another server to the clients here, and pass their answers on."""
        rooms, excepted = who
        room, number = callback

        def answer(arguments: list[Any]) -> None:
            encoded = self._codec.encode(arguments, ACK, namespace, 0)
            self._link.call_back(namespace, sender, room, number, encoded)  # type: ignore[arg-type]

        self._server._emitter.relay(namespace, data, rooms or None, excepted, flags, _Returned(answer))

    def _take_answer(self, _room: str, number: int, data: tuple[bytes, list[bytes]]) -> None:
        waiter = self._callbacks.find(number)
        if waiter is not None:
            arguments = values.read(data)
            waiter.deliver(arguments if isinstance(arguments, list) else [arguments])


class _Returned:
    """A server elsewhere, which waits for the answers of clients here."""

    __slots__ = ("deliver",)

    def __init__(self, deliver: Any) -> None:
        self.deliver = deliver

    def lose(self) -> None:
        """Do nothing: it is not told who is gone."""
