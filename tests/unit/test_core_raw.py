"""The core with `parser: "raw"`: messages pass unchanged in both directions."""

from __future__ import annotations

import json
import select
import socket
from typing import TYPE_CHECKING, Any

import pytest

from fanio import _core
from fanio._options.server import WireOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

HEAD = (
    b"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, BINARY, CLOSE = 1, 2, 8


class Raw:
    """A core, and the other ends of streams that it serves."""

    def __init__(self) -> None:
        self.core = _core.Server({**WireOptions(shards=1).core(), "parser": "raw"})
        self.fd = self.core.start()
        self.events: list[tuple[Any, ...]] = []
        self.streams: list[socket.socket] = []

    def event(self) -> tuple[Any, ...]:
        """Returns the next event."""
        while not self.events:
            assert select.select([self.fd], [], [], 10)[0], "no event"
            self.events += self.core.drain(100)
        return self.events.pop(0)

    def stream(self) -> socket.socket:
        """Returns a stream that the core has adopted."""
        ours, theirs = socket.socketpair()
        self.streams.append(ours)
        ours.settimeout(10)
        self.core.adopt(theirs.detach(), "/engine.io", b"", ("192.0.2.1", 4000), False)
        return ours

    def websocket(self) -> Client:
        """Returns a client whose session is open."""
        return Client(self)

    def request(self, method: str, query: str, body: str = "") -> str:
        """Makes a request of its own and returns the body of the answer."""
        with self.stream() as stream:
            head = f"{method} /engine.io/?EIO=4&transport=polling{query} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
            stream.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
            answer = b""
            while piece := stream.recv(65536):
                answer += piece
        return answer.partition(b"\r\n\r\n")[2].decode()


class Client:
    """A WebSocket client of a raw core."""

    def __init__(self, raw: Raw) -> None:
        self.stream = raw.stream()
        self.stream.sendall(HEAD)
        self.frames = _core.FrameReader()
        self.messages: list[tuple[int, bytes]] = []
        answer = b""
        while b"\r\n\r\n" not in answer:
            answer += self.stream.recv(65536)
        self.messages += self.frames.feed(answer.partition(b"\r\n\r\n")[2])
        opened = json.loads(self.read()[1][1:])
        self.session = opened["sid"]

    def send(self, opcode: int, data: bytes) -> None:
        """Sends one message."""
        self.stream.sendall(_core.encode_frame(opcode, data))

    def read(self) -> tuple[int, bytes]:
        """Returns the next message."""
        while not self.messages:
            self.messages += self.frames.feed(self.stream.recv(65536))
        return self.messages.pop(0)


@pytest.fixture
def raw() -> Iterator[Raw]:
    """A running core."""
    running = Raw()
    yield running
    running.core.stop()
    for stream in running.streams:
        stream.close()


def test_a_session_is_announced_with_its_request(raw: Raw) -> None:
    client = raw.websocket()
    expected = (_core.OPEN, client.session, HEAD, ("192.0.2.1", 4000), False, "websocket")
    assert raw.event() == expected
    assert raw.core.transport(client.session) == "websocket"


def test_messages_pass_undecoded(raw: Raw) -> None:
    client = raw.websocket()
    raw.event()
    for opcode, data, message in [
        (TEXT, b"4", ""),
        (TEXT, '40{"é"'.encode(), '0{"é"'),
        (TEXT, b"451-[", "51-["),
        (BINARY, b"\x00\xff", b"\x00\xff"),
    ]:
        client.send(opcode, data)
        assert raw.event() == (_core.MESSAGE, client.session, message)


def test_messages_of_one_send_stay_together(raw: Raw) -> None:
    client = raw.websocket()
    raw.event()
    raw.core.send(client.session, ["a", b"\x01", ""])
    raw.core.send(client.session, [b"z"])
    raw.core.send(client.session, [])
    raw.core.send("nobody", ["x"])
    assert [client.read() for _ in range(4)] == [(TEXT, b"4a"), (BINARY, b"\x01"), (TEXT, b"4"), (BINARY, b"z")]


def test_the_end_of_a_session_has_a_reason(raw: Raw) -> None:
    lost, closed = raw.websocket(), raw.websocket()
    raw.event(), raw.event()
    lost.stream.close()
    assert raw.event() == (_core.CLOSED, lost.session, "transport close")
    raw.core.send(closed.session, ["bye"])
    raw.core.close(closed.session, "server disconnect")
    assert raw.event() == (_core.CLOSED, closed.session, "server disconnect")
    assert [closed.read() for _ in range(2)] == [(TEXT, b"4bye"), (CLOSE, b"")]
    assert raw.core.transport(closed.session) is None


def test_polling_carries_messages_as_records(raw: Raw) -> None:
    session = json.loads(raw.request("GET", "")[1:])["sid"]
    assert raw.event()[0::5] == (_core.OPEN, "polling")
    assert raw.request("POST", f"&sid={session}", "4hi\x1ebAP8=\x1e42[") == "ok"
    assert [raw.event()[2] for _ in range(3)] == ["hi", b"\x00\xff", "2["]
    raw.core.send(session, [b"\x00\xff", "there"])
    assert raw.request("GET", f"&sid={session}") == "bAP8=\x1e4there"


def test_a_paused_session_is_not_read(raw: Raw) -> None:
    client = raw.websocket()
    raw.event()
    raw.core.pause(client.session)
    raw.core.send(client.session, ["paused"])
    assert client.read() == (TEXT, b"4paused")
    client.send(TEXT, b"4late")
    raw.core.send(client.session, ["still"])
    assert client.read() == (TEXT, b"4still")
    assert not raw.core.drain(10)
    raw.core.resume(client.session)
    raw.core.send(client.session, ["on"])
    assert raw.event() == (_core.MESSAGE, client.session, "late")


def test_the_parser_has_two_names() -> None:
    with pytest.raises(TypeError, match="'raw' or 'socketio'"):
        _core.Server({"parser": "cooked"})
