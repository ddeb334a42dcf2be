"""One client of an Engine.IO server, as the program sees it in ``server.sockets``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio._codec.engineio_packet import Packet
    from fanio.engineio.base_server import BaseServer

__all__ = ["AsyncSocket", "Sockets"]


class AsyncSocket:
    """One client. Its packets and heartbeats are the core's business: there is no ``queue`` here."""

    def __init__(self, server: BaseServer, sid: str, session: dict[str, Any]) -> None:
        """Show a client of ``server``; ``session`` is its user session."""
        self.server = server
        self.sid = sid
        self.session = session
        #: Messages that wait until its handshake is answered; None from then on.
        self.held: list[str | bytes] | None = None
        #: Whether the program has closed it before its handshake was answered.
        self.closing = False

    @property
    def connected(self) -> bool:
        """Whether its handshake is complete and it is still there."""
        return self.held is None and not self.closed

    @property
    def closed(self) -> bool:
        """Whether it is gone."""
        return self.held is None and self.server._core.transport(self.sid) is None

    @property
    def upgraded(self) -> bool:
        """Whether it is on a WebSocket."""
        return self.server._core.transport(self.sid) == "websocket"

    async def send(self, pkt: Packet) -> None:
        """Send it a packet; see ``AsyncServer.send_packet``."""
        await self.server._send_packet(self.sid, pkt)

    async def close(self, wait: bool = True, abort: bool = False, reason: str | None = None) -> None:
        """Close its connection, as "server disconnect"."""
        self.server._close(self.sid)

    def __getattr__(self, name: str) -> Any:
        """Say what there is not."""
        if name == "queue":
            msg = "a client's packets wait in the core: max_queue_bytes bounds them, and 'slow client' ends it"
            raise AttributeError(msg)
        raise AttributeError(name)


class Sockets(Mapping[str, "AsyncSocket"]):
    """The clients of a server."""

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
