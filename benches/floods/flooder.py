"""Clients that send without pause and read nothing: ``python flooder.py kind clients port``.

Plain sockets and one thread, so that a flood costs its sender as little as it can: the frames are made once, masked
with zeros. A client that is closed comes again.
"""

from __future__ import annotations

import contextlib
import json
import selectors
import socket
import struct
import sys
import zlib
from typing import Any

_SECONDS = 10.0
#: An event of 990 kB, as many small objects.
_ROWS = [{"id": number % 1000, "name": "somebody", "ok": True, "tags": []} for number in range(18_300)]
_TEXT, _PING = 0x81, 0x89


def frame(first: int, payload: bytes) -> bytes:
    """Return one masked frame."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", first, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", first, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", first, 0x80 | 127, size)
    return head + bytes(4) + payload


def event(*args: Any, ack: str = "") -> bytes:
    """Return the text of an event."""
    return b"42" + ack.encode() + json.dumps(args, separators=(",", ":")).encode()


def deflated(payload: bytes) -> bytes:
    """Return one compressed frame."""
    compressor = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = compressor.compress(payload) + compressor.flush(zlib.Z_SYNC_FLUSH)
    return frame(_TEXT | 0x40, body[:-4])


FLOODS: dict[str, bytes] = {
    "large": frame(_TEXT, event("big", _ROWS)),
    "unhandled": frame(_TEXT, event("unknown", _ROWS)),
    "deflate": deflated(event("big", ["0123456789abcdef" * 61_800])),
    "echo": frame(_TEXT, event("echo", "x" * 20, ack="7")) * 1000,
    "ping": frame(_PING, b"abcd") * 5000,
}


def connect(port: int, deflate: bool = False) -> socket.socket:
    """Return a WebSocket that has joined the default namespace."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=_SECONDS)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n" if deflate else ""
    connection.sendall(
        f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{offer}"
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    read_until(connection, b"\r\n\r\n")
    connection.sendall(frame(_TEXT, b"40"))
    read_until(connection, b'40{"sid"')
    return connection


def read_until(connection: socket.socket, what: bytes) -> bytes:
    """Read until something has come."""
    data = b""
    while what not in data:
        more = connection.recv(65536)
        if not more:
            raise ConnectionError(data)
        data += more
    return data


class Flooder:
    """One client."""

    def __init__(self, kind: str, port: int) -> None:
        self.connection = connect(port, kind == "deflate")
        self.connection.setblocking(False)
        self.data = memoryview(FLOODS[kind])
        self.at = 0

    def is_closed(self) -> bool:
        """Send what the kernel takes; return whether the server has closed the connection."""
        try:
            self.at = (self.at + self.connection.send(self.data[self.at :])) % len(self.data)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False


def main(kind: str, clients: int, port: int) -> None:
    """Flood until killed."""
    selector = selectors.DefaultSelector()
    for _ in range(clients):
        flooder = Flooder(kind, port)
        selector.register(flooder.connection, selectors.EVENT_WRITE, flooder)
    print("ready", flush=True)
    while True:
        for key, _ in selector.select():
            flooder = key.data
            if flooder.is_closed():
                selector.unregister(flooder.connection)
                flooder.connection.close()
                with contextlib.suppress(OSError):
                    flooder = Flooder(kind, port)
                    selector.register(flooder.connection, selectors.EVENT_WRITE, flooder)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
