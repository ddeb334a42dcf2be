"""One connection to a server, from its opening to its end.

Turns the core's events into calls on its owner and two futures: ``opening`` and ``ended``.
Knows neither handlers nor reconnection.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, Protocol

from fanio import _core
from fanio._client.futures import settle
from fanio._client.packet_class import PacketConnection

if TYPE_CHECKING:
    from fanio._client.hub import Hub
    from fanio._client.packet_class import ClientPacketCodec

__all__ = ["Link", "LinkError", "LinkOwner"]


class LinkError(Exception):
    """A connection could not be opened.

    Attributes:
        message: What happened.
        status: The status of the HTTP response that refused it, if there was one.
        body: The beginning of that response's body.
    """

    def __init__(self, message: str, status: int | None = None, body: bytes = b"") -> None:
        """Take what the core tells."""
        super().__init__(message)
        self.message = message
        self.status = status
        self.body = body

    def data(self) -> Any:
        """Return what a ``connect_error`` handler gets: the server's words if it had any."""
        said = self.said()
        return self.message if said is None else said

    def said(self) -> Any:
        """Return the server's words; None when it had none."""
        with contextlib.suppress(ValueError):
            return json.loads(self.body)
        return None


class LinkOwner(Protocol):
    """What a link tells."""

    def packet(self, kind: int, namespace: str, *data: Any) -> None:
        """Take a packet: its kind (of the core), its namespace, its data."""

    def lost(self, link: Link, reason: str, detail: str) -> None:
        """Take the end of a link that was open."""


class Link:
    """A connection, open or not."""

    def __init__(
        self, hub: Hub, owner: LinkOwner, options: dict[str, object], packets: ClientPacketCodec | None = None
    ) -> None:
        """Begin to open; ``packets`` reads and writes them when the core does not."""
        loop = asyncio.get_running_loop()
        self._hub = hub
        self._owner = owner
        self.opening: asyncio.Future[None] = loop.create_future()
        self.ended: asyncio.Future[None] = loop.create_future()
        self._drained: asyncio.Future[None] | None = None
        self.sid: str | None = None
        self.transport: str | None = None
        self.ping_interval = 0.0
        self.ping_timeout = 0.0
        core = hub.connect(self, options)
        self._packets: PacketConnection | None = None
        if packets is not None:
            self._packets = PacketConnection(core, packets)
        #: The connection in the core, or what stands before it.
        self.core: Any = self._packets or core

    @property
    def is_open(self) -> bool:
        """Whether packets can be sent."""
        return self.transport is not None and not self.ended.done()

    def take(self, event: tuple[Any, ...]) -> None:
        """Take an event of the core."""
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
        except Exception as error:  # the class is the program's
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
        self._hub.forget(self.core)
        settle(self.ended)
        settle(self.opening, error=error)

    def _close(self, reason: str, detail: str) -> None:
        self._hub.forget(self.core)
        self._release_waiters()
        if not self.ended.done():
            settle(self.ended)
            self._owner.lost(self, reason, detail)

    def _release_waiters(self) -> None:
        drained, self._drained = self._drained, None
        if drained is not None:
            settle(drained)

    async def drained(self, limit: int) -> None:
        """Wait until no more than the half of ``limit`` bytes waits to be sent, or all is over."""
        if self.ended.done():
            return
        if self._drained is None:
            self._drained = asyncio.get_running_loop().create_future()
            self.core.await_drained(limit)
        # One future for all who wait: that one of them is cancelled is not the others' business.
        await asyncio.shield(self._drained)

    def break_off(self, detail: str) -> None:
        """End it, as the server broke the protocol: the owner hears of a parse error."""
        self.core.abort()
        self._close("parse error", detail)

    def abort(self) -> None:
        """End at once; the owner hears nothing more."""
        self._hub.forget(self.core)
        self.core.abort()
        self._release_waiters()
        settle(self.ended)
        settle(self.opening, error=LinkError("the connection was closed by the application"))
        if self.opening.done() and not self.opening.cancelled():
            # Nobody may be waiting.
            self.opening.exception()
