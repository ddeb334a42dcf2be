"""The clients of an Engine.IO server, as the application sees them in ``server.sockets``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio._codec.engineio_packet import Packet
    from fanio.engineio.base_server import BaseServer

__all__ = ["AsyncSocket", "Sockets"]


class AsyncSocket:
    """One client. The core has its packets and heartbeats, so there is no ``queue`` here."""

    def __init__(self, server: BaseServer, sid: str, session: dict[str, Any]) -> None:
        """Represent a client of ``server``; ``session`` is its user session."""
        self.server = server
        self.sid = sid
        self.session = session
        #: Messages that wait until the handshake is answered; None after that.
        self.held: list[str | bytes] | None = None
        #: Whether the application has closed it before the handshake was answered.
        self.closing = False

    @property
    def connected(self) -> bool:
        """Whether the handshake is complete and the session is open."""
        return self.held is None and not self.closed

    @property
    def closed(self) -> bool:
        """Whether the session is closed."""
        return self.held is None and self.server._core.transport(self.sid) is None

    @property
    def upgraded(self) -> bool:
        """Whether it uses a WebSocket."""
        return self.server._core.transport(self.sid) == "websocket"

    async def send(self, pkt: Packet) -> None:
        """Send a packet; see ``AsyncServer.send_packet``."""
        await self.server._send_packet(self.sid, pkt)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Close the connection with the reason "server disconnect"."""
        self.server._close(self.sid)

    def __getattr__(self, name: str) -> Any:
        """Raise, and say where the queue is."""
        if name == "queue":
            msg = "a client's packets wait in the core: max_queue_bytes bounds them, and 'slow client' ends it"
            raise AttributeError(msg)
        raise AttributeError(name)


class Sockets(Mapping[str, "AsyncSocket"]):
    """A live view of the clients of a server, by sid."""

    def __init__(self, server: BaseServer) -> None:
        self._server = server

    def __getitem__(self, sid: str) -> AsyncSocket:
        return self._server._socket(sid)

    def __iter__(self) -> Iterator[str]:
        return iter(self._server._sids())

    def __len__(self) -> int:
        return sum(1 for _ in self._server._sids())

    def __repr__(self) -> str:
        return f"<{len(self)} sockets>"
