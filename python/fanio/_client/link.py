"""One Engine.IO connection to a server, from its opening to its end.

Converts the core's events to calls of its owner and to two futures: ``opening`` and ``ended``. Handlers, namespaces and
reconnection are the owner's.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, Protocol

from fanio import _core
from fanio._client.client_loop import settle
from fanio._client.packet_class import PacketConnection

if TYPE_CHECKING:
    from fanio._client.loop_connections import LoopConnections
    from fanio._client.packet_class import ClientPacketCodec

__all__ = ["Link", "LinkError", "LinkOwner"]


class LinkError(Exception):
    """A connection could not be opened.

    Attributes:
        message: What happened.
        status: The status of the HTTP response that refused the connection, if there was one.
        body: The beginning of the body of this response.
    """

    def __init__(self, message: str, status: int | None = None, body: bytes = b"") -> None:
        """Keep the facts of the core's FAILED event."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.body = body

    def data(self) -> Any:
        """Return the argument of the ``connect_error`` handler: the server's JSON, or else the message."""
        said = self.said()
        return self.message if said is None else said

    def said(self) -> Any:
        """Return the JSON value in the response's body; None without one."""
        with contextlib.suppress(ValueError):
            return json.loads(self.body)
        return None


class LinkOwner(Protocol):
    """The interface of a link's owner."""

    def packet(self, kind: int, namespace: str, *data: Any) -> None:
        """Handle a packet; ``kind`` is a constant of the core."""

    def lost(self, link: Link, reason: str, detail: str) -> None:
        """Handle the end of a link that was open."""


class Link:
    """A connection that is opening, open or ended."""

    def __init__(
        self,
        connections: LoopConnections,
        owner: LinkOwner,
        options: dict[str, object],
        packets: ClientPacketCodec | None = None,
    ) -> None:
        """Begin to open a connection; ``packets`` is the codec of a packet class, if one is used."""
        loop = asyncio.get_running_loop()
        self._connections = connections
        self._owner = owner
        self.opening: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._drained: asyncio.Future[None] | None = None
        self.sid: str | None = None
        self.transport: str | None = None
        self.ping_interval = 0.0
        self.ping_timeout = 0.0
        core = connections.connect(self, options)
        self._packets: PacketConnection | None = None
        if packets is not None:
            self._packets = PacketConnection(core, packets)
        #: The core's connection, or the ``PacketConnection`` in front of it.
        self.core: Any = self._packets or core

    @property
    def is_open(self) -> bool:
        """Whether packets can be sent."""
        return self.transport is not None and not self.ended.done()

    def take(self, event: tuple[Any, ...]) -> None:
        """Handle an event of the core."""
        kind = event[0]
        if kind == _core.OPEN:
            self._open(*event[2:])
        elif kind == _core.UPGRADED:
            self.transport = "websocket"
        elif kind == _core.DRAINED:
            self._release_waiters()
        elif kind == _core.FAILED:
            self._fail(LinkError(*event[2:]))
        elif kind == _core.CLOSED:
            self._close(*event[2:])
        elif kind == _core.MESSAGE and self._packets is not None:
            self._read(self._packets, *event[2:])
        else:
            self._owner.packet(kind, *event[2:])

    def _read(self, packets: PacketConnection, data: str | bytes) -> None:
        try:
            found = packets.read(data)
        except Exception as error:  # the application's class may raise any exception
            self.break_off(f"the server sent what is no packet: {error!r}")
            return
        if found is not None:
            self._owner.packet(*found)

    def _open(self, sid: str, transport: str, ping_interval: int, ping_timeout: int) -> None:
        self.sid = sid
        self.transport = transport
        self.ping_interval = ping_interval / 1000
        self.ping_timeout = ping_timeout / 1000
        settle(self.opening)

    def _fail(self, error: LinkError) -> None:
        self._connections.forget(self.core)
        settle(self.ended)
        settle(self.opening, error=error)

    def _close(self, reason: str, detail: str) -> None:
        self._connections.forget(self.core)
        self._release_waiters()
        if not self.ended.done():
            settle(self.ended)
            self._owner.lost(self, reason, detail)

    def _release_waiters(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            settle(drained)

    async def drained(self, limit: int) -> None:
        """Wait until at most half of ``limit`` bytes wait to be sent, or the connection has ended."""
        if self.ended.done():
            return
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
            self.core.await_drained(limit)
        # All callers share one future, so the cancellation of one must not cancel it.
        await asyncio.shield(self._drained)

    def break_off(self, detail: str) -> None:
        """End the connection because the server broke the protocol; the owner gets the reason "parse error"."""
        self.core.abort()
        self._close("parse error", detail)

    def abort(self) -> None:
        """End the connection at once, without calling the owner."""
        self._connections.forget(self.core)
        self.core.abort()
        self._release_waiters()
        settle(self.ended)
        settle(self.opening, error=LinkError("the connection was closed by the application"))
        if self.opening.done() and not self.opening.cancelled():
            # asyncio would complain about the exception if nothing waits for the future.
            self.opening.exception()
