"""Frames that no real client sends: every violation of RFC 6455, alone and in floods.

The `serve` fixture looks behind each test that the server lives and serves another client.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import polling
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
    connected,
    encode,
    reason,
)

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

LIMIT = 20_000
ZERO_KEY = b"\x00\x00\x00\x00"


def head(first: int, second: int, *rest: bytes) -> bytes:
    """The literal beginning of a frame."""
    return bytes([first, second]) + b"".join(rest)


def length64(value: int) -> bytes:
    """A 64-bit length."""
    return struct.pack("!Q", value)


def code_after(server: Server, *data: bytes) -> int:
    """The close code that a connected client gets for these bytes."""
    with connected(server) as client:
        client.send_raw(b"".join(data))
        return client.close_code()


PROTOCOL_ERRORS = {
    "unmasked text": [encode(TEXT, b"3", mask=False)],
    "unmasked ping": [encode(PING, b"", mask=False)],
    "reserved bit 1": [encode(TEXT, b"3", rsv=4)],
    "reserved bit 2": [encode(TEXT, b"3", rsv=2)],
    "reserved bit 3": [encode(TEXT, b"3", rsv=1)],
    "compressed without negotiation": [encode(TEXT, b"\x32\x00\x00", rsv=4)],
    "reserved bit on a continuation": [encode(TEXT, b"3", fin=False), encode(0, b"", rsv=4)],
    "reserved bit on a ping": [encode(PING, rsv=4)],
    **{f"opcode {code:x}": [encode(code, b"x")] for code in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)},
    "fragmented ping": [encode(PING, b"a", fin=False)],
    "fragmented pong": [encode(PONG, b"a", fin=False)],
    "fragmented close": [encode(CLOSE, fin=False)],
    "ping of 126 bytes": [encode(PING, b"x" * 126)],
    "pong of 126 bytes": [encode(PONG, b"x" * 126)],
    "close of 126 bytes": [encode(CLOSE, b"\x03\xe8" + b"x" * 124)],
    "ping that declares 2^16 bytes": [head(0x89, 0xFF, length64(1 << 16))],
    "continuation without start": [encode(CONTINUATION, b"x")],
    "unfinished continuation without start": [encode(CONTINUATION, b"x", fin=False)],
    "text within a text": [encode(TEXT, b"3", fin=False), encode(TEXT, b"3")],
    "binary within a text": [encode(TEXT, b"3", fin=False), encode(BINARY, b"3")],
    "continuation after the end": [
        encode(TEXT, b"3", fin=False),
        encode(CONTINUATION, b""),
        encode(CONTINUATION, b""),
    ],
    "close body of 1 byte": [encode(CLOSE, b"\x03")],
}


@pytest.mark.parametrize("frames", PROTOCOL_ERRORS.values(), ids=PROTOCOL_ERRORS.keys())
def test_a_frame_against_the_rules_is_1002(server: Server, frames: list[bytes]) -> None:
    assert code_after(server, *frames) == 1002


@pytest.mark.parametrize("frames", PROTOCOL_ERRORS.values(), ids=PROTOCOL_ERRORS.keys())
def test_the_same_as_the_first_bytes_behind_the_handshake(server: Server, frames: list[bytes]) -> None:
    request = [f"GET {PATH} HTTP/1.1", f"Host: {server.authority}", *UPGRADE, "", ""]
    with Stream(server) as stream:
        stream.send("\r\n".join(request).encode() + b"".join(frames))
        answer = stream.read_to_end()
    assert answer.startswith(b"HTTP/1.1 101 ")
    assert b"\x88\x02\x03\xea" in answer[-8:]


@pytest.mark.parametrize(
    "code",
    [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535],
)
def test_an_invalid_close_code_is_1002(server: Server, code: int) -> None:
    assert code_after(server, encode(CLOSE, struct.pack("!H", code))) == 1002


@pytest.mark.parametrize("code", [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 4999])
def test_a_close_is_answered(server: Server, code: int) -> None:
    with connected(server) as client:
        client.send_raw(encode(CLOSE, struct.pack("!H", code) + "tschüß".encode()))
        assert client.close_code() in (code, 1000)
        assert client.stream.read_to_end() == b""


def test_a_close_without_a_code_is_answered(server: Server) -> None:
    with connected(server) as client:
        client.send_raw(encode(CLOSE))
        assert client.close_code() in (1000, 1005)
        assert client.stream.read_to_end() == b""


def test_nothing_behind_a_close_is_taken(server: Server) -> None:
    with connected(server) as other, connected(server) as client:
        client.send_raw(
            encode(CLOSE, b"\x03\xe8")
            + encode(TEXT, b'42["shout","too late"]')
            + encode(CLOSE, b"\x03\xe8")
            + b"\xff" * 100
        )
        assert client.close_code() in (1000, 1005)
        assert other.is_served()


OVERSIZE = {
    "declared": [head(0x81, 0xFE, struct.pack("!H", LIMIT + 1))],
    "declared with 64 bits": [head(0x81, 0xFF, length64(1 << 16))],
    "top bit of the length": [head(0x81, 0xFF, length64(1 << 63))],
    "2^63-1": [head(0x82, 0xFF, length64((1 << 63) - 1))],
    "2^64-1": [head(0x82, 0xFF, length64((1 << 64) - 1))],
    "wraps to 0 with the mask": [head(0x82, 0xFF, length64((1 << 64) - 4))],
    "over many frames": [
        encode(TEXT, b"4" * 1000, fin=False),
        *[encode(CONTINUATION, b"x" * 1000, fin=False)] * 20,
    ],
    "the last fragment declares it": [
        encode(TEXT, b"4" * LIMIT, fin=False),
        head(0x80, 0x81),
    ],
    "fragments that wrap": [
        encode(TEXT, b"4" * 100, fin=False),
        head(0x80, 0xFF, length64((1 << 64) - 100)),
    ],
}


@pytest.mark.parametrize("frames", OVERSIZE.values(), ids=OVERSIZE.keys())
def test_a_message_over_the_limit_is_1009(serve: Serve, frames: list[bytes]) -> None:
    code = code_after(serve(max_http_buffer_size=LIMIT), *frames)
    # RFC 6455 5.2: the top bit of a 64-bit length must be 0, so 1002 is as right there.
    top_bit = any(frame[2:3] >= b"\x80" and frame[1:2] == b"\xff" for frame in frames)
    assert code == 1009 or (top_bit and code == 1002)


def test_a_message_at_the_limit_is_taken(serve: Serve) -> None:
    start, end = '42["message","', '"]'
    text = "x" * (LIMIT - len(start) - len(end))
    message = (start + text + end).encode()
    answer = f'42["message-back","{text}"]'
    with connected(serve(max_http_buffer_size=LIMIT)) as client:
        client.send_raw(encode(TEXT, message))
        assert client.text() == answer
        client.send_raw(encode(TEXT, message[:7], fin=False))
        client.send_raw(encode(CONTINUATION, message[7:]))
        assert client.text() == answer


@pytest.mark.parametrize("form", [16, 64])
@pytest.mark.differs("node", reason="takes any form")
def test_a_length_in_a_longer_form_than_needed_is_1002(server: Server, form: int) -> None:
    assert code_after(server, encode(TEXT, b'42["message",1]', form=form)) == 1002


@pytest.mark.differs("node", reason="takes any form")
def test_a_64_bit_length_below_2_16_is_1002(server: Server) -> None:
    assert code_after(server, encode(TEXT, b'42["message","' + b"x" * 200 + b'"]', form=64)) == 1002


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_every_form_of_length_is_read(server: Server, size: int) -> None:
    with connected(server) as client:
        client.send(f'42["message","{"x" * size}"]')
        assert client.text() == f'42["message-back","{"x" * size}"]'


BAD_UTF8 = {
    "alone": [encode(TEXT, b'42["message","\xff"]')],
    "overlong": [encode(TEXT, b'42["message","\xc0\xaf"]')],
    "surrogate": [encode(TEXT, b'42["message","\xed\xa0\x80"]')],
    "above U+10FFFF": [encode(TEXT, b'42["message","\xf4\x90\x80\x80"]')],
    "cut off at the end": [encode(TEXT, b'42["message","\xe2\x98')],
    "second fragment": [
        encode(TEXT, b'42["message","', fin=False),
        encode(CONTINUATION, b'\xff"]'),
    ],
    "split over fragments": [
        encode(TEXT, b'42["message","\xe2', fin=False),
        encode(CONTINUATION, b'\x28\xa1"]'),
    ],
    "close reason": [encode(CLOSE, b"\x03\xe8\xff\xfe")],
}


@pytest.mark.parametrize("frames", BAD_UTF8.values(), ids=BAD_UTF8.keys())
def test_bytes_that_are_not_utf8_are_1007(server: Server, frames: list[bytes]) -> None:
    assert code_after(server, *frames) == 1007


def test_a_character_may_be_split_over_fragments(server: Server) -> None:
    message = '42["message","a☃😀é"]'.encode()
    with connected(server) as client:
        client.send_raw(encode(TEXT, b"", fin=False))
        for at in range(len(message)):
            client.send_raw(encode(CONTINUATION, message[at : at + 1], fin=False))
        client.send_raw(encode(CONTINUATION, b""))
        assert client.text() == '42["message-back","a☃😀é"]'


def test_control_frames_may_come_between_fragments(server: Server) -> None:
    with connected(server) as client:
        client.send_raw(encode(TEXT, b'42["mess', fin=False))
        client.send_raw(encode(PING, b"one"))
        client.send_raw(encode(PONG, b"unasked"))
        client.send_raw(encode(CONTINUATION, b'age",1]'))
        frame = client.frame()
        assert (frame.opcode, frame.payload) == (PONG, b"one")
        assert client.text() == '42["message-back",1]'


@pytest.mark.differs("node", reason="counts fragments")
def test_fragments_of_one_byte_up_to_the_limit(serve: Serve) -> None:
    start, end = b'42["message","', b'"]'
    message = start + b"x" * (LIMIT - len(start) - len(end)) + end
    with connected(serve(max_http_buffer_size=LIMIT)) as client:
        frames = [encode(CONTINUATION, message[at : at + 1], fin=False) for at in range(1, LIMIT)]
        first = encode(TEXT, message[:1], fin=False)
        client.send_raw(first + b"".join(frames) + encode(CONTINUATION))
        assert len(client.text()) == LIMIT + len("-back")


@pytest.mark.differs("node", reason="counts fragments")
def test_a_flood_of_empty_fragments_costs_nothing(server: Server) -> None:
    flood = (head(0x00, 0x80, ZERO_KEY)) * 10_000
    with connected(server) as client:
        client.send_raw(encode(TEXT, b'42["message",', fin=False))
        for _ in range(30):
            client.send_raw(flood)
        client.send_raw(encode(CONTINUATION, b"1]"))
        assert client.text() == '42["message-back",1]'


def test_an_endless_message_hurts_nobody(server: Server) -> None:
    with connected(server) as client, connected(server) as other:
        client.send_raw(encode(TEXT, b'42["message"', fin=False))
        for _ in range(100):
            client.send_raw(encode(CONTINUATION, b",1" * 100, fin=False))
        assert other.is_served()


def test_a_ping_is_answered_with_its_payload(server: Server) -> None:
    with connected(server) as client:
        for payload in (b"", b"x", b"\x00\xff" * 62):
            client.send_raw(encode(PING, payload))
            frame = client.frame()
            assert (frame.fin, frame.opcode, frame.payload) == (True, PONG, payload)


def test_a_ping_flood_without_reading_hurts_nobody(server: Server) -> None:
    flood = encode(PING, b"x" * 125) * 1000
    with connected(server) as client, connected(server) as other:
        client.stream.socket.settimeout(0.5)
        try:
            for _ in range(200):
                client.send_raw(flood)
        except TimeoutError:
            pass
        assert other.is_served()


def test_a_pong_flood_is_ignored(server: Server) -> None:
    with connected(server) as client:
        for _ in range(20):
            client.send_raw(encode(PONG, b"x" * 125) * 1000)
        assert client.is_served()


def test_bytes_may_come_one_at_a_time(server: Server) -> None:
    with connected(server) as client:
        client.stream.send_slowly(encode(TEXT, b'42["message","slowly"]'))
        assert client.text() == '42["message-back","slowly"]'


def test_the_handshake_may_come_one_byte_at_a_time(server: Server) -> None:
    request = [f"GET {PATH} HTTP/1.1", f"Host: {server.authority}", *UPGRADE, "", ""]
    with Stream(server) as stream:
        stream.send_slowly("\r\n".join(request).encode())
        assert stream.response().status == 101
        assert stream.read(2)[0] == 0x81


def test_all_frames_may_come_in_one_segment(server: Server) -> None:
    frames = [encode(TEXT, f'42{n}["message-with-ack",{n}]'.encode()) for n in range(500)]
    with connected(server) as client:
        client.send_raw(b"".join(frames))
        assert [client.text() for _ in range(500)] == [f"43{n}[{n}]" for n in range(500)]


@pytest.mark.differs("node", reason="loses them")
def test_the_first_packets_may_come_with_the_handshake(server: Server) -> None:
    request = [f"GET {PATH} HTTP/1.1", f"Host: {server.authority}", *UPGRADE, "", ""]
    frames = encode(TEXT, b"3") + encode(TEXT, b"40")
    with Stream(server) as stream:
        stream.send("\r\n".join(request).encode() + frames)
        assert stream.response().status == 101
        stream.read_until(b'40{"sid":"')


@pytest.mark.parametrize("cut", [1, 2, 5, 9])
def test_an_end_in_the_middle_of_a_frame_hurts_nobody(server: Server, cut: int) -> None:
    data = encode(TEXT, b'42["message",1]')
    with connected(server) as client:
        client.send_raw(data[:cut])
        client.stream.socket.shutdown(1)
        client.close_code()
    with connected(server) as client:
        client.send_raw(data[:cut])
        client.stream.reset()


def test_a_client_that_half_closes_is_let_go(server: Server) -> None:
    with connected(server) as client:
        client.stream.socket.shutdown(1)
        client.stream.read_to_end()


def test_messages_before_an_end_are_taken(server: Server) -> None:
    with connected(server) as other:
        with connected(server) as client:
            client.send('42["shout","last words"]')
            client.stream.socket.shutdown(1)
        assert other.text() == '42["shouted","last words"]'


def test_resets_in_every_state_hurt_nobody(server: Server) -> None:
    for _ in range(20):
        stream = Stream(server)
        stream.reset()
        stream = Stream(server)
        stream.request("GET", PATH, *UPGRADE)
        stream.reset()
        Client(server).stream.reset()
        connected(server).stream.reset()


@pytest.mark.differs("node", reason="queues without a limit")
def test_a_client_that_does_not_read_is_closed_as_slow(serve: Serve) -> None:
    server = serve(write_timeout=1)
    with connected(server, {"tag": "does not read"}) as client, connected(server) as other:
        client.stream.socket.settimeout(0.5)
        try:
            for _ in range(60):
                client.send('42["big",500000]')
        except (TimeoutError, ConnectionError):
            pass
        assert other.is_served()
        assert reason(server, "does not read") == "slow client"


@pytest.mark.differs("node", reason="queues without a limit")
def test_a_client_that_does_not_poll_is_closed_as_slow(serve: Serve) -> None:
    server = serve(write_timeout=1)
    with polling(server, {"tag": "does not poll"}) as session:
        session.post('42["big",500000,10]')
        assert reason(server, "does not poll") == "slow client"
