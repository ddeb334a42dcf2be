"""Engine.IO v4, "HTTP long-polling": GETs, POSTs, their limits, and how a session ends on them."""

from __future__ import annotations

import gzip
import zlib
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import SEPARATOR, UNKNOWN_SESSION, Polling, polling
from fixtures.stream import Stream, get
from fixtures.websocket import connected, reason

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

LIMIT = 2000
IGNORED = pytest.mark.differs("node", reason="ignores it")


def chunked(*pieces: bytes) -> bytes:
    """A chunked body."""
    parts = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (*pieces, b"")]
    return b"".join(parts)


def start_post(session: Polling, length: int, body: bytes) -> Stream:
    """A POST on a connection of its own, of which only the beginning is sent."""
    stream = Stream(session.server)
    stream.request("POST", session.path, f"Content-Length: {length}", body=body)
    return stream


def events(packets: list[str]) -> list[int]:
    """The numbers of `42["n",…]` packets."""
    return [int(packet[len('42["n",') : -1]) for packet in packets]


def test_a_post_is_answered_ok(server: Server) -> None:
    with Polling(server) as session:
        response = session.post("40")
        assert (response.status, response.body) == (200, b"ok")
        assert response.header("content-type") == "text/html"


def test_a_poll_is_answered_when_a_packet_is_there(server: Server) -> None:
    with polling(server) as session:
        session.start_get()
        session.send('42["message",1]')
        response = session.finish_get()
        assert response.text == '42["message-back",1]'
        assert response.header("content-type") == "text/plain; charset=UTF-8"
        assert response.header("cache-control") == "no-store"
        assert response.header("content-length") == str(len(response.body))


def test_packets_are_joined_by_the_record_separator(server: Server) -> None:
    with polling(server) as session:
        session.send('42["message",1]', '42["message",2]')
        packets = session.packet(), session.packet()
        assert packets == ('42["message-back",1]', '42["message-back",2]')


def test_300_packets_in_one_post_are_all_taken_in_order(server: Server) -> None:
    with polling(server) as session:
        session.send(*[f'42{n}["message-with-ack",{n}]' for n in range(300)])
        assert [session.packet() for _ in range(300)] == [f"43{n}[{n}]" for n in range(300)]


@pytest.mark.differs("node", reason="puts any number into one payload")
def test_a_payload_has_at_most_16_packets(server: Server) -> None:
    with polling(server) as session:
        session.send('42["burst",100]')
        found: list[str] = []
        while len(found) < 100:
            packets = session.packets()
            assert len(packets) <= 16
            found += packets
        assert events(found) == list(range(100))


def test_a_client_that_takes_any_number_of_packets_gets_all_that_wait(server: Server) -> None:
    """python-engineio's clients send the time in seconds with a fraction; others send letters and digits."""
    for stamp, least in (("P7x2kq1", 100), ("1764558123.25", 16)):
        with polling(server) as session, connected(server) as other:
            session.send('42["burst",100]')
            assert other.is_served()
            session.path += f"&t={stamp}"
            assert len(session.packets()) == least


@pytest.mark.differs("node", reason="does not look at the sizes")
def test_no_payload_is_longer_than_the_limit(serve: Serve) -> None:
    with polling(serve(max_http_buffer_size=LIMIT)) as session:
        session.send('42["big",700,12]')
        found = 0
        while found < 12:
            body = session.get().text
            assert len(body) <= LIMIT
            found += len(body.split(SEPARATOR))
        assert found == 12


def test_a_single_packet_over_the_limit_is_sent_alone(serve: Serve) -> None:
    with polling(serve(max_http_buffer_size=LIMIT)) as session:
        session.send('42["big",9000]')
        assert session.get().text == f'42["big","{"x" * 9000}"]'


def test_binary_is_base64_both_ways(server: Server) -> None:
    with polling(server) as session:
        session.send('451-["message",{"_placeholder":true,"num":0}]', "bAQID")
        assert session.packet() == '451-["message-back",{"_placeholder":true,"num":0}]'
        assert session.packet() == "bAQID"


def test_text_is_utf8_both_ways(server: Server) -> None:
    with polling(server) as session:
        session.send('42["message","héé – ☃ – 😀"]')
        response = session.get()
        assert response.text == '42["message-back","héé – ☃ – 😀"]'
        assert response.header("content-length") == str(len(response.body))


def test_a_chunked_post_is_read(server: Server) -> None:
    with polling(server) as session, Stream(server) as stream:
        stream.request("POST", session.path, "Transfer-Encoding: chunked")
        stream.send(chunked(b'42["mess', b'age",', b"1]"))
        assert stream.response().body == b"ok"
        assert session.packet() == '42["message-back",1]'


def test_a_post_over_the_limit_is_413_and_the_session_stays(serve: Serve) -> None:
    server = serve(max_http_buffer_size=LIMIT)
    with polling(server) as session, Stream(server) as stream:
        stream.request("POST", session.path, f"Content-Length: {LIMIT + 1}")
        stream.try_send(b"4" * (LIMIT + 1))
        response = stream.response()
        assert (response.status, response.body) == (413, b"")
        assert session.is_served()


def test_a_chunked_post_over_the_limit_is_413_and_the_session_stays(serve: Serve) -> None:
    server = serve(max_http_buffer_size=LIMIT)
    with polling(server) as session, Stream(server) as stream:
        stream.request("POST", session.path, "Transfer-Encoding: chunked")
        for _ in range(5):
            stream.try_send(b"200\r\n" + b"4" * 0x200 + b"\r\n")
        response = stream.response()
        assert (response.status, response.body) == (413, b"")
        assert session.is_served()


TOO_LARGE = f"message too large: {LIMIT + 1} bytes, the limit is {LIMIT} bytes (max_http_buffer_size)"


@pytest.mark.differs("node", reason="has no such answer")
@pytest.mark.parametrize("waits", [True, False], ids=["waiting", "next"])
def test_a_client_that_only_polls_after_413_is_made_to_come_back(serve: Serve, waits: bool) -> None:
    server, tag = serve(max_http_buffer_size=LIMIT), f"too large {waits}"
    with Polling(server) as session, connected(server) as other:
        session.connect(auth={"tag": tag})
        if waits:
            session.start_get()
        assert session.post("4" * (LIMIT + 1)).status == 413
        if waits:
            response = session.finish_get()
            assert (response.status, response.text) == (200, "6")
        assert get(server, session.path).json == UNKNOWN_SESSION
        assert other.call("reason", tag) == "transport error"
        assert other.call("detail", tag) == TOO_LARGE
    assert TOO_LARGE in server.output()


@pytest.mark.differs("node", reason="has no such words")
def test_a_chunked_body_that_is_too_large_is_reported_as_too_large(serve: Serve) -> None:
    server = serve(max_http_buffer_size=LIMIT)
    with Polling(server) as session, Stream(server) as stream, connected(server) as other:
        session.connect(auth={"tag": "chunks"})
        session.start_get()
        stream.request("POST", session.path, "Transfer-Encoding: chunked")
        stream.try_send(b"fff\r\n")
        assert stream.response().status == 413
        assert session.finish_get().text == "6"
        expected = f"message too large, the limit is {LIMIT} bytes (max_http_buffer_size)"
        assert other.call("detail", "chunks") == expected


def test_a_post_at_the_limit_is_taken(serve: Serve) -> None:
    with polling(serve(max_http_buffer_size=LIMIT)) as session:
        body = '42["message",""]'
        text = "x" * (LIMIT - len(body))
        session.send(f'42["message","{text}"]')
        assert session.packet() == f'42["message-back","{text}"]'


def test_an_octet_stream_post_closes_the_session(server: Server) -> None:
    with polling(server) as session:
        session.start_get()
        response = session.post(b"\x00\x01", "Content-Type: application/octet-stream")
        assert response.status == 400
        assert session.finish_get().status in (200, 400)
        assert session.is_closed()


def test_a_second_get_closes_the_session(server: Server) -> None:
    with polling(server) as session:
        session.start_get()
        # The first one must be waiting before the second comes.
        assert not session.getter.has_bytes(0.1)
        response = get(server, session.path)
        assert response.status == 400
        first = session.finish_get()
        assert (first.status, first.text) == (200, "1")
        assert session.is_closed()


def test_a_second_post_closes_the_session(server: Server) -> None:
    with polling(server) as session:
        with start_post(session, 20, b'42["mess') as slow:
            assert not slow.has_bytes(0.1)
            response = session.post('42["message",1]')
            assert response.status == 400
        assert session.is_closed()


def test_a_close_packet_closes_the_session(server: Server) -> None:
    with polling(server, {"tag": "close packet"}) as session:
        session.start_get()
        assert not session.getter.has_bytes(0.1)
        session.send("1")
        pending = session.finish_get()
        assert (pending.status, pending.text in ("1", "6")) == (200, True)
        assert session.is_closed()
    # Node calls it a closed transport.
    assert reason(server, "close packet") in ("client disconnect", "transport close")


def test_packets_behind_a_close_packet_are_not_taken(server: Server) -> None:
    with polling(server, {"tag": "behind close"}) as session:
        assert session.post(SEPARATOR.join(["1", '42["shout",1]'])).status == 200
        assert session.is_closed()


@pytest.mark.parametrize(
    "body",
    [
        b"9",
        b"x",
        b"\xff\xfe",
        b"4\xff",
        '4["☃'.encode()[:-1],
        b"bA",
        b"b====",
        b"b!!!!",
        pytest.param(b"0{}", marks=IGNORED),
        pytest.param(b"5", marks=IGNORED),
        b"2",
        b"4",
        b"49",
    ],
    ids=repr,
)
def test_an_invalid_packet_closes_the_session(server: Server, body: bytes) -> None:
    with polling(server) as session:
        session.start_get()
        assert not session.getter.has_bytes(0.05)
        session.post(body)
        assert session.finish_get().status in (200, 400)
        assert session.is_closed()


@pytest.mark.parametrize("body", [b"", SEPARATOR.encode(), b"\x1e" * 100_000])
@pytest.mark.differs("node", reason="takes an empty body")
def test_an_empty_packet_closes_the_session(server: Server, body: bytes) -> None:
    with polling(server) as session:
        session.post(body)
        assert session.is_closed()


def test_the_pending_poll_is_answered_when_the_server_disconnects(server: Server) -> None:
    with polling(server) as session:
        session.start_get()
        session.send('42["bye"]')
        assert session.finish_get().text == "41"


def test_many_requests_share_one_connection(server: Server) -> None:
    with polling(server) as session:
        for number in range(20):
            session.send(f'42["message",{number}]')
            assert session.get().text == f'42["message-back",{number}]'


def test_http_1_0_ends_with_its_response(server: Server) -> None:
    with Polling(server) as session, Stream(server) as stream:
        session.send("40")
        stream.send(f"GET {session.path} HTTP/1.0\r\nHost: x\r\n\r\n".encode())
        response = stream.response()
        assert response.status == 200
        assert response.text.startswith("40{")
        assert stream.read_to_end() == b""


def test_connection_close_ends_with_its_response(server: Server) -> None:
    with Polling(server) as session, Stream(server) as stream:
        session.send("40")
        stream.request("GET", session.path, "Connection: close")
        assert stream.response().text.startswith("40{")
        assert stream.read_to_end() == b""


def test_expect_100_is_answered_before_the_body(server: Server) -> None:
    with polling(server) as session, Stream(server) as stream:
        stream.request("POST", session.path, "Expect: 100-continue", "Content-Length: 15")
        assert stream.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        stream.send(b'42["message",1]')
        assert stream.response().body == b"ok"
        assert session.packet() == '42["message-back",1]'


@pytest.mark.parametrize(
    ("accepted", "name"),
    [("gzip", "gzip"), ("deflate", "deflate"), ("gzip, deflate, br", "gzip")],
)
def test_a_long_response_is_compressed(server: Server, accepted: str, name: str) -> None:
    with polling(server) as session:
        session.send('42["big",3000]')
        response = session.get(f"Accept-Encoding: {accepted}")
        assert response.header("content-encoding") == name
        data = gzip.decompress(response.body) if name == "gzip" else inflate(response.body)
        assert data.decode() == f'42["big","{"x" * 3000}"]'


def inflate(body: bytes) -> bytes:
    """Undoes HTTP's deflate, which is zlib's format."""
    return zlib.decompress(body)


@pytest.mark.parametrize(
    ("size", "header"),
    [
        (500, "Accept-Encoding: gzip"),
        (3000, "Accept-Encoding: identity"),
        (3000, "Accept-Encoding: gzip;q=0"),
        (3000, "X-Nothing: here"),
    ],
)
def test_other_responses_are_not_compressed(server: Server, size: int, header: str) -> None:
    with polling(server) as session:
        session.send(f'42["big",{size}]')
        response = session.get(header)
        assert response.header("content-encoding") is None
        assert response.text == f'42["big","{"x" * size}"]'


@pytest.mark.parametrize("options", [{"http_compression": False}, {"compression_threshold": 9000}])
def test_compression_is_an_option(serve: Serve, options: dict[str, object]) -> None:
    with polling(serve(**options)) as session:
        session.send('42["big",3000]')
        assert session.get("Accept-Encoding: gzip").header("content-encoding") is None


def test_the_threshold_is_an_option(serve: Serve) -> None:
    with polling(serve(compression_threshold=100)) as session:
        session.send('42["big",200]')
        assert session.get("Accept-Encoding: gzip").header("content-encoding") == "gzip"


def test_a_binary_broadcast_reaches_polling_and_websocket_clients(server: Server) -> None:
    packet = '451-["shouted",{"_placeholder":true,"num":0}]'
    with polling(server) as slow, connected(server) as fast:
        fast.send('451-["shout",{"_placeholder":true,"num":0}]')
        fast.send_binary(b"\x01\x02\x03")
        assert (fast.text(), fast.binary()) == (packet, b"\x01\x02\x03")
        assert (slow.packet(), slow.packet()) == (packet, "bAQID")
