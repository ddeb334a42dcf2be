"""Very many idle WebSocket clients in one process. Use: python crowd.py PORT COUNT.

Raw sockets on epoll, from several addresses so that the ports suffice. It opens them all, joins
`/`, lets the first one shout twice, counts what each one gets, and writes one line of JSON.
"""

from __future__ import annotations

import json
import resource
import select
import socket
import sys
import time
from collections import Counter

WAVE = 400
SECONDS = 90
PER_ADDRESS = 9000
MARKS = (b"one", b"two", b"the last one")
REQUEST = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
    b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def frame(text: bytes) -> bytes:
    """A masked text frame; the key is zero, so the payload stays as it is."""
    return bytes([0x81, 0x80 | len(text)]) + b"\x00\x00\x00\x00" + text


def shouted(mark: bytes) -> bytes:
    """The frame that everybody must get."""
    text = b'42["shouted","' + mark + b'"]'
    return bytes([0x81, len(text)]) + text


class Crowd:
    """The clients, by file descriptor."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.poll = select.epoll()
        self.sockets: dict[int, socket.socket] = {}
        self.received: dict[int, bytearray] = {}
        self.joined: set[int] = set()
        self.deadline = time.monotonic() + SECONDS

    def open(self) -> None:
        """Starts one more client."""
        one = socket.socket()
        one.setsockopt(socket.IPPROTO_IP, 24, 1)  # IP_BIND_ADDRESS_NO_PORT
        one.bind((f"127.0.0.{2 + len(self.sockets) // PER_ADDRESS}", 0))
        one.connect(("127.0.0.1", self.port))
        one.setblocking(False)
        one.send(REQUEST)
        self.sockets[one.fileno()] = one
        self.received[one.fileno()] = bytearray()
        self.poll.register(one.fileno(), select.EPOLLIN)

    def turn(self) -> None:
        """Reads what is there."""
        if time.monotonic() > self.deadline:
            raise TimeoutError(f"{len(self.joined)} of {len(self.sockets)} had joined")
        for number, _ in self.poll.poll(0.1):
            data = self.sockets[number].recv(65536)
            if not data:
                raise EOFError(f"closed after {bytes(self.received[number])!r}")
            self.received[number] += data
            if number not in self.joined:
                self.advance(number)

    def advance(self, number: int) -> None:
        """Joins once the session is open; notes when it has joined."""
        data = self.received[number]
        if b'"maxPayload"' in data and data.endswith(b"}"):
            data.clear()
            self.sockets[number].send(frame(b"40"))
        elif data.startswith(b"\x81") and b'40{"sid"' in data and data.endswith(b"}"):
            data.clear()
            self.joined.add(number)

    def open_all(self, count: int) -> None:
        """Opens so many, at most a wave of them at once."""
        while len(self.joined) < count:
            while len(self.sockets) < count and len(self.sockets) - len(self.joined) < WAVE:
                self.open()
            self.turn()

    def shout(self, *marks: bytes) -> None:
        """The first client shouts; reads until everybody has as many bytes as that makes."""
        first = next(iter(self.sockets))
        for mark in marks:
            self.sockets[first].send(frame(b'42["shout","' + mark + b'"]'))
        size = sum(len(shouted(mark)) for mark in marks)
        while any(len(data) < size for data in self.received.values()):
            self.turn()


def main() -> None:
    """Opens the crowd and reports."""
    port, count = int(sys.argv[1]), int(sys.argv[2])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    crowd = Crowd(port)
    crowd.open_all(count)
    # What came twice would stand before the last one.
    crowd.shout(*MARKS)
    expected = b"".join(map(shouted, MARKS))
    found = Counter(bytes(data) == expected for data in crowd.received.values())
    print(json.dumps({"joined": len(crowd.joined), "right": found[True], "wrong": found[False]}))


if __name__ == "__main__":
    main()
