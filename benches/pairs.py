"""Clients on socket pairs, for benchmarks in one process: fanio's shards at one end, the benchmark at the other.

python-socketio gets the same clients with its transport replaced by a bare ``send`` on the pair: no Engine.IO queue and
no task per client, which flatters it. What it costs with them is measured in ``load``.
"""

from __future__ import annotations

import asyncio
import select
import selectors
import socket
import struct
from typing import Any

import socketio
from engineio import packet as engineio_packet

import fanio

__all__ = ["FanioMsgpackPairs", "FanioPairs", "PythonSocketIOPairs", "server_frame"]

HEAD = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SECONDS = 20


#: A CONNECT with each serializer, and what its answer begins with.
CONNECTS = {
    "default": (1, b"40", b'40{"sid"'),
    "msgpack": (2, b"\x82\xa4type\x00\xa3nsp\xa1/", b"\xa4data\x81\xa3sid"),
}


def server_frame(data: bytes, opcode: int = 1) -> bytes:
    """Return a frame, of text by default, as a server sends it."""
    if len(data) < 126:
        return bytes([0x80 | opcode, len(data)]) + data
    return bytes([0x80 | opcode, 0x7E]) + struct.pack(">H", len(data)) + data


def client_frame(data: bytes, opcode: int = 1) -> bytes:
    """Return a frame as a client sends it; the key is zero, so the payload stays as it is."""
    if len(data) < 126:
        return bytes([0x80 | opcode, 0x80 | len(data)]) + bytes(4) + data
    return bytes([0x80 | opcode, 0xFE]) + struct.pack(">H", len(data)) + bytes(4) + data


class Pairs:
    """The benchmark's ends: reads what a server sends until each has so many bytes."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.ends: list[socket.socket] = []
        self.poll = select.epoll()

    def pair(self) -> socket.socket:
        """Make a pair, keep one end and return the other."""
        mine, other = socket.socketpair()
        mine.setblocking(False)
        other.setblocking(False)
        self.ends.append(mine)
        self.poll.register(mine.fileno(), select.EPOLLIN)
        return other

    def run(self, work: Any) -> Any:
        """Run a coroutine on the loop."""
        return self.loop.run_until_complete(work)

    def receive(self, size: int) -> None:
        """Read until every end has got ``size`` bytes."""
        left = {end.fileno(): size for end in self.ends}
        ends = {end.fileno(): end for end in self.ends}
        while left:
            ready = self.poll.poll(SECONDS)
            assert ready, "nothing more comes"
            for fd, _ in ready:
                left[fd] -= len(ends[fd].recv(1 << 20))
                assert left[fd] >= 0, "more came than was sent"
                if not left[fd]:
                    del left[fd]

    def close(self) -> None:
        """Close the ends and the loop."""
        for end in self.ends:
            end.close()
        self.poll.close()
        self.loop.close()


class FanioPairs(Pairs):
    """fanio with one shard."""

    serializer = "default"

    def __init__(self, clients: int) -> None:
        super().__init__()
        self.sio = fanio.AsyncServer(
            shards=1, cors_allowed_origins="*", max_queue_bytes=1 << 30, serializer=self.serializer
        )
        opcode, connect, self.answer = CONNECTS[self.serializer]
        self.connect = client_frame(connect, opcode)
        self.sids: list[str] = []
        self.sio.on("connect", self._connect)
        self.run(self._open(clients))
        for end in self.ends:
            self._read_until(end, self.answer)

    async def _connect(self, sid: str, environ: dict[str, Any]) -> None:
        self.sids.append(sid)

    async def _open(self, clients: int) -> None:
        self.sio._runner.start_on(self.loop)
        for _ in range(clients):
            self.sio._core.adopt(self.pair().detach(), "/socket.io/", HEAD, None, False)
        for end in self.ends:
            self._read_until(end, b'"maxPayload"')
            end.send(self.connect)
        await asyncio.wait_for(self._all_joined(clients), SECONDS)

    async def _all_joined(self, clients: int) -> None:
        while len(self.sids) < clients:
            await asyncio.sleep(0.001)

    @staticmethod
    def _read_until(end: socket.socket, text: bytes) -> None:
        seen = b""
        selector = selectors.DefaultSelector()
        selector.register(end, selectors.EVENT_READ)
        while text not in seen:
            assert selector.select(SECONDS), f"no {text} came"
            seen += end.recv(65536)
        selector.close()

    def close(self) -> None:
        """End the shard as well."""
        for end in self.ends:
            end.close()
        self.run(self.sio.shutdown())
        super().close()


class FanioMsgpackPairs(FanioPairs):
    """The same with msgpack."""

    serializer = "msgpack"


class PythonSocketIOPairs(Pairs):
    """python-socketio on bare pairs."""

    def __init__(self, clients: int) -> None:
        super().__init__()
        self.sio = socketio.AsyncServer(async_mode="asgi")
        self.streams: dict[str, socket.socket] = {}
        self.sids: list[str] = []
        self.sio.on("connect", self._connect)
        self.sio.eio.send_packet = self._send_packet
        self.sio.eio.send = self._send
        self.run(self._open(clients))
        self.receive(len(server_frame(b'40{"sid":"' + b"x" * 20 + b'"}')))

    async def _open(self, clients: int) -> None:
        for number in range(clients):
            self.streams[f"eio{number}"] = self.pair()
            await self.sio._handle_eio_connect(f"eio{number}", {})
            await self.sio._handle_eio_message(f"eio{number}", "0")

    async def _connect(self, sid: str, environ: dict[str, Any]) -> None:
        self.sids.append(sid)

    async def _send_packet(self, eio_sid: str, packet: engineio_packet.Packet) -> None:
        self.streams[eio_sid].send(server_frame(packet.encode().encode()))

    async def _send(self, eio_sid: str, data: str) -> None:
        await self._send_packet(eio_sid, engineio_packet.Packet(engineio_packet.MESSAGE, data))

    def close(self) -> None:
        """Close the other ends too."""
        for stream in self.streams.values():
            stream.close()
        super().close()
