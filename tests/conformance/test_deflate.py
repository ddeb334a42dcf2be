"""`permessage-deflate` (RFC 7692): the negotiation, the messages that are compressed, and violations."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import pytest

from fixtures.stream import Stream
from fixtures.websocket import (
    BINARY,
    CLOSE,
    CONTINUATION,
    PATH,
    PING,
    PONG,
    TEXT,
    UPGRADE,
    Client,
    encode,
)

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

OFFER = "Sec-WebSocket-Extensions: permessage-deflate"
NAME = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
HELLO = bytes([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00])
LIMIT = 20_000
RSV1 = 4


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server that compresses messages from 100 bytes on."""
    return serve(per_message_deflate={"threshold": 100}, max_http_buffer_size=LIMIT)


class Deflating(Client):
    """A client that offers compression, and joins `/`."""

    def __init__(self, server: Server, offer: str = OFFER) -> None:
        super().__init__(server, "", offer)
        self.agreed = self.handshake_response.header("sec-websocket-extensions")
        self.connect()

    def packet(self) -> tuple[bool, str]:
        """The next text message, and whether it came compressed."""
        first, second = self.stream.read(2)
        assert first & 0xBF == 0x80 | TEXT
        size = second
        if size == 126:
            (size,) = struct.unpack("!H", self.stream.read(2))
        data = self.stream.read(size)
        if not first & 0x40:
            return False, data.decode()
        inflater = zlib.decompressobj(-15)
        text = inflater.decompress(data + b"\x00\x00\xff\xff")
        return True, text.decode()

    def __enter__(self) -> Deflating:
        return self


def deflate(data: bytes) -> bytes:
    """A message as a client compresses it."""
    compressor = zlib.compressobj(wbits=-15)
    out = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
    assert out.endswith(b"\x00\x00\xff\xff")
    return out[:-4]


def agreed(server: Server, *headers: str) -> str | None:
    """What the server answers to these offers."""
    with Client(server, "", *headers) as client:
        return client.handshake_response.header("sec-websocket-extensions")


def test_it_is_off_by_default(serve: Serve) -> None:
    assert agreed(serve(), OFFER) is None


def test_an_offer_is_answered_without_context_takeover(server: Server) -> None:
    assert agreed(server) is None
    assert agreed(server, OFFER) == NAME
    assert agreed(server, OFFER + "; client_max_window_bits") == NAME
    assert agreed(server, OFFER + "; server_max_window_bits=12") == NAME + "; server_max_window_bits=12"


@pytest.mark.parametrize("bits", ["7", "16", "", "x", "-8", "015"])
@pytest.mark.parametrize("side", ["server", "client"])
def test_window_bits_out_of_range_are_declined(server: Server, side: str, bits: str) -> None:
    assert agreed(server, f"{OFFER}; {side}_max_window_bits={bits}") is None
    assert agreed(server, f"{OFFER}; {side}_max_window_bits={bits}, permessage-deflate") == NAME


def test_messages_from_the_threshold_on_come_compressed(server: Server) -> None:
    with Deflating(server) as client:
        client.send('42["big",80]')
        assert client.packet() == (False, f'42["big","{"x" * 80}"]')
        client.send('42["big",120]')
        assert client.packet() == (True, f'42["big","{"x" * 120}"]')
        client.send('42["big",120,1,false]')
        assert client.packet() == (False, f'42["big","{"x" * 120}"]')


def test_a_client_that_did_not_agree_gets_plain_messages(server: Server) -> None:
    with Client(server) as client:
        client.connect()
        client.send('42["big",500]')
        assert client.text() == f'42["big","{"x" * 500}"]'


def test_messages_larger_than_the_clients_window_come_plain(server: Server) -> None:
    with Deflating(server, OFFER + "; server_max_window_bits=9") as client:
        client.send('42["big",500]')
        assert client.packet() == (True, f'42["big","{"x" * 500}"]')
        client.send('42["big",510]')
        assert client.packet() == (False, f'42["big","{"x" * 510}"]')


def test_a_burst_arrives_in_order(server: Server) -> None:
    with Deflating(server) as client:
        client.send('42["big",300,50]')
        for _ in range(50):
            assert client.packet() == (True, f'42["big","{"x" * 300}"]')
        client.send('421["message-with-ack","end"]')
        assert client.packet() == (False, '431["end"]')


@pytest.mark.parametrize("cut", [0, 1, 5, None])
def test_a_compressed_event_is_understood(server: Server, cut: int | None) -> None:
    text = f'421["message-with-ack","{"y" * 5000}"]'
    data = deflate(text.encode())
    with Deflating(server) as client:
        if cut is None:
            client.send_raw(encode(TEXT, data, rsv=RSV1))
        else:
            client.send_raw(encode(TEXT, data[:cut], fin=False, rsv=RSV1))
            client.send_raw(encode(PING, b"between"))
            client.send_raw(encode(CONTINUATION, data[cut:]))
            frame = client.frame()
            assert (frame.opcode, frame.payload) == (PONG, b"between")
        assert client.packet() == (True, f'431["{"y" * 5000}"]')


def test_a_compressed_probe_upgrades(server: Server) -> None:
    with Stream(server) as polling:
        polling.request("GET", "/socket.io/?EIO=4&transport=polling")
        session = polling.response().body.decode().split('"')[3]
        with Stream(server) as stream:
            stream.request("GET", f"{PATH}&sid={session}", *UPGRADE, OFFER)
            assert stream.response().header("sec-websocket-extensions") == NAME
            stream.send(encode(TEXT, deflate(b"2probe"), rsv=RSV1))
            assert stream.read(8) == b"\x81\x063probe"


VIOLATIONS: dict[str, tuple[int, list[bytes]]] = {
    "compressed ping": (1002, [encode(PING, HELLO, rsv=RSV1)]),
    "compressed close": (1002, [encode(CLOSE, HELLO, rsv=RSV1)]),
    "RSV1 on a continuation": (
        1002,
        [encode(TEXT, HELLO[:3], fin=False, rsv=RSV1), encode(CONTINUATION, HELLO[3:], rsv=RSV1)],
    ),
    "RSV2": (1002, [encode(TEXT, HELLO, rsv=RSV1 | 2)]),
    "RSV3": (1002, [encode(TEXT, HELLO, rsv=RSV1 | 1)]),
    "RSV1 on a reserved opcode": (1002, [encode(3, HELLO, rsv=RSV1)]),
    "no DEFLATE": (1007, [encode(TEXT, b"\xff\xff\xff", rsv=RSV1)]),
    "nothing": (1007, [encode(TEXT, b"", rsv=RSV1)]),
    "cut off": (1007, [encode(TEXT, deflate(b"4" * 500)[:-4], rsv=RSV1)]),
    "garbage behind the last block": (1007, [encode(TEXT, b"\xf3\x48\xcd\xc9\xc9\x07\x00\xff", rsv=RSV1)]),
    "no UTF-8": (1007, [encode(TEXT, deflate(b"4\xff"), rsv=RSV1)]),
    "one byte over the limit": (1009, [encode(TEXT, deflate(b"4" * (LIMIT + 1)), rsv=RSV1)]),
    "bomb": (1009, [encode(BINARY, deflate(bytes(20_000_000))[:19_000], rsv=RSV1)]),
    "bomb in fragments": (
        1009,
        [
            encode(BINARY, deflate(bytes(10_000_000))[:9000], fin=False, rsv=RSV1),
            encode(CONTINUATION, b""),
        ],
    ),
    "compressed bytes over the limit": (1009, [encode(BINARY, bytes(LIMIT + 1), rsv=RSV1)]),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_a_violation_is_closed_with_its_code(server: Server, name: str) -> None:
    code, frames = VIOLATIONS[name]
    with Deflating(server) as client:
        client.send_raw(b"".join(frames))
        assert client.close_code() == code


def test_compressed_without_agreement_is_closed_with_1002(serve: Serve, server: Server) -> None:
    for offered, one in [((), server), ((OFFER,), serve())]:
        with Client(one, "", *offered) as client:
            client.send_raw(encode(TEXT, HELLO, rsv=RSV1))
            assert client.close_code() == 1002
