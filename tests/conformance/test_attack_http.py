"""Requests that no real client sends: slow, huge, ambiguous or pipelined; heads and paths of every kind.

The `serve` fixture looks behind each test that the server lives and serves another client.
"""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import PATH, Polling, polling
from fixtures.stream import Stream, exchange, get
from fixtures.websocket import KEY, UPGRADE, Client, connected, refused
from fixtures.websocket import PATH as WEBSOCKET_PATH

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Pool, Server

HOST = b"Host: x\r\n"
LINE = f"GET {PATH} HTTP/1.1\r\n".encode()
STRICT = pytest.mark.differs("node", reason="Node's HTTP parser decides otherwise")


def answer(server: Server, data: bytes) -> bytes:
    """All the server says to these bytes until it closes."""
    with Stream(server) as stream:
        stream.try_send(data)
        return stream.read_to_end()


def assert_refused(data: bytes, *statuses: int) -> None:
    """An error status, or an end without a word, and never a session."""
    assert b"0{" not in data
    if data:
        assert data.startswith(b"HTTP/1.1 "), data[:100]
        assert int(data.split()[1]) in (statuses or (400,)), data[:100]


@STRICT
def test_a_head_that_never_ends_is_cut_off(serve: Serve) -> None:
    server = serve(head_timeout=0.5)
    with Stream(server) as silent, Stream(server) as slow:
        slow.send(LINE + b"Host: x\r\nX-Slow: ")
        assert_refused(slow.read_to_end(), 408)
        assert_refused(silent.read_to_end(), 408)


BARE = {
    "a whole head": b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\nHost: x\n\n",
    "the first line": b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\n",
    "a later line": LINE + HOST + b"X: y\n",
    "no request at all": b"nonsense\n",
}


@STRICT
@pytest.mark.parametrize("data", BARE.values(), ids=BARE.keys())
def test_bare_line_feeds_are_refused_before_the_head_ends(serve: Serve, data: bytes) -> None:
    # Nothing else ends the wait within this test.
    with Stream(serve(head_timeout=600)) as stream:
        stream.send_slowly(data)
        assert_refused(stream.read_to_end(), 400)


@STRICT
def test_a_byte_now_and_then_does_not_extend_the_head(serve: Serve) -> None:
    with Stream(serve(head_timeout=0.5)) as stream:
        stream.send(LINE)
        stream.socket.settimeout(0.1)
        for _ in range(100):
            if not stream.try_send(b"X"):
                break
            try:
                if not stream.more():
                    break
            except TimeoutError:
                continue
        else:
            pytest.fail("the head was read for ever")


@STRICT
def test_a_body_that_never_ends_is_cut_off(serve: Serve) -> None:
    server = serve(body_timeout=0.5)
    with polling(server) as session, Stream(server) as stream:
        stream.request("POST", session.path, "Content-Length: 100", body=b"42")
        assert_refused(stream.read_to_end(), 408)


@STRICT
def test_a_response_that_is_read_slowly_is_sent_to_its_end(pool: Pool) -> None:
    size, seconds = 400_000, 2
    options = {"send_buffer": 4096, "http_compression": False}
    server = pool.get("wire", options, {"timeout_keep_alive": seconds})
    with polling(server) as session:
        session.getter.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        session.send(f'42["big",{size}]')
        session.start_get()
        until = time.monotonic() + 1.5 * seconds
        while time.monotonic() < until:
            # Slower than the time between two requests may be, but never still for so long.
            session.getter.more(10_000)
            time.sleep(seconds / 10)
        assert session.finish_get().text == f'42["big","{"x" * size}"]'


def test_idle_connections_hurt_nobody(server: Server) -> None:
    streams = [Stream(server) for _ in range(300)]
    with connected(server) as client:
        assert client.is_served()
    for stream in streams:
        stream.close()


HEADS = {
    "a long target": (
        b"GET /socket.io/?EIO=4&transport=polling&x=" + b"x" * 100_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        (400, 414, 431),
    ),
    "10,000 headers": (LINE + HOST + b"X: y\r\n" * 10_000 + b"\r\n", (400, 431)),
    "101 headers": (LINE + HOST + b"X: y\r\n" * 100 + b"\r\n", (400, 431)),
    "a header of 64 kB": (LINE + HOST + b"X: " + b"y" * 65_536 + b"\r\n\r\n", (400, 431)),
    "a line without end": (b"GET /socket.io/" + b"x" * 50_000, (400, 414, 431)),
    "a folded header": (LINE + HOST + b"X: a\r\n b\r\n\r\n", (400,)),
    "NUL in a header": (LINE + HOST + b"X: a\x00b\r\n\r\n", (400,)),
    "NUL in the target": (b"GET /socket.io/\x00?EIO=4&transport=polling HTTP/1.1\r\n" + HOST + b"\r\n", (400, 404)),
    "bare line feeds": (LINE.replace(b"\r", b"") + b"Host: x\n\n\r\n\r\n", (400,)),
    "a space before the colon": (LINE + HOST + b"X : a\r\n\r\n", (400,)),
    "a header without a name": (LINE + HOST + b": a\r\n\r\n", (400,)),
    "a header without a colon": (LINE + HOST + b"nonsense\r\n\r\n", (400,)),
    "two hosts": (LINE + HOST + HOST + b"\r\n", (400,)),
    "no host": (LINE + b"X: y\r\n\r\n", (400,)),
    "no header at all": (LINE + b"\r\n", (400,)),
    "no host beside an absolute target": (LINE.replace(b"/socket.io", b"http://x/socket.io") + b"X: y\r\n\r\n", (400,)),
    "HTTP/0.9": (b"GET /socket.io/?EIO=4&transport=polling\r\n\r\n\r\n", (400,)),
    "HTTP/2.0": (LINE.replace(b"1.1", b"2.0") + HOST + b"\r\n", (400, 505)),
    "HTTP/9.9": (LINE.replace(b"1.1", b"9.9") + HOST + b"\r\n", (400, 505)),
    "the HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 404, 405, 505)),
    "a TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 300 + b"\r\n\r\n", (400,)),
    "nonsense": (b"\x00\xff\xfe nonsense\r\n\r\n", (400,)),
    "an empty method": (b" " + LINE + HOST + b"\r\n", (400,)),
}


@STRICT
@pytest.mark.parametrize(("data", "statuses"), HEADS.values(), ids=HEADS.keys())
def test_a_head_against_the_rules_is_refused(server: Server, data: bytes, statuses: tuple[int, ...]) -> None:
    assert_refused(answer(server, data), *statuses)


def test_a_hundred_headers_are_read(server: Server) -> None:
    assert get(server, PATH, *[f"X-{n}: y" for n in range(99)]).status == 200


@STRICT
def test_a_head_just_below_16_kib_is_read(server: Server) -> None:
    assert get(server, PATH, "X: " + "y" * 16_000).status == 200


LENGTHS = {
    "two lengths": "Content-Length: 2\r\nContent-Length: 3",
    "two equal lengths": "Content-Length: 2\r\nContent-Length: 2",
    "a list of lengths": "Content-Length: 2, 2",
    "a signed length": "Content-Length: +2",
    "a negative length": "Content-Length: -1",
    "a hexadecimal length": "Content-Length: 0x2",
    "an empty length": "Content-Length: ",
    "a length over 64 bits": "Content-Length: 18446744073709551618",
    "length and chunked": "Content-Length: 2\r\nTransfer-Encoding: chunked",
    "chunked and length": "Transfer-Encoding: chunked\r\nContent-Length: 2",
    "another coding": "Transfer-Encoding: gzip",
    "chunked and another": "Transfer-Encoding: chunked, gzip",
    "chunked twice": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "xchunked": "Transfer-Encoding: xchunked",
}


@STRICT
@pytest.mark.parametrize("lines", LENGTHS.values(), ids=LENGTHS.keys())
def test_an_ambiguous_length_is_refused_and_the_stream_ends(server: Server, lines: str) -> None:
    smuggled = f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n"
    with polling(server) as session:
        head = f"POST {session.path} HTTP/1.1\r\nHost: x\r\n{lines}\r\n\r\n"
        data = answer(server, (head + "42" + smuggled).encode())
        assert_refused(data, 400, 413, 501)
        assert data.count(b"HTTP/1.1 ") <= 1


CHUNKS = {
    "not a number": b"zz\r\n42\r\n0\r\n\r\n",
    "negative": b"-2\r\n42\r\n0\r\n\r\n",
    "over 64 bits": b"fffffffffffffffff\r\n42\r\n0\r\n\r\n",
    "2^64-1": b"ffffffffffffffff\r\n42\r\n0\r\n\r\n",
    "no line end": b"2\r\n42xx0\r\n\r\n",
    "bare line feeds": b"2\n42\n0\n\n",
    "empty": b"\r\n42\r\n0\r\n\r\n",
    "a size and a space": b"1 \r\n6\r\n0\r\n\r\n",
    "a size and a tab": b"1\t\r\n6\r\n0\r\n\r\n",
    "a space before an extension": b"1 ;a=b\r\n6\r\n0\r\n\r\n",
    "a space before a size": b" 1\r\n6\r\n0\r\n\r\n",
    "a space behind the last size": b"1\r\n6\r\n0 \r\n\r\n",
    "a lone CR in an extension": b"1;a\rb\r\n6\r\n0\r\n\r\n",
    "a long extension": b"2;" + b"x" * 100_000 + b"\r\n42\r\n0\r\n\r\n",
}


@STRICT
@pytest.mark.parametrize("body", CHUNKS.values(), ids=CHUNKS.keys())
def test_a_bad_chunk_is_refused_and_the_stream_ends(server: Server, body: bytes) -> None:
    with polling(server) as session:
        head = f"POST {session.path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert_refused(answer(server, head.encode() + body), 400, 413)


def test_endless_trailers_are_bounded(server: Server) -> None:
    with polling(server) as session, Stream(server) as stream:
        stream.request("POST", session.path, "Transfer-Encoding: chunked")
        stream.try_send(b"1\r\n6\r\n0\r\n")
        for _ in range(200):
            if not stream.try_send(b"X-Trailer: " + b"x" * 10_000 + b"\r\n"):
                break
        else:
            stream.socket.shutdown(1)
            assert_refused(stream.read_to_end(), 400, 413, 431)


@pytest.mark.differs("node", reason="looks at the target's first bytes only")
def test_an_absolute_target_is_served(server: Server) -> None:
    target = f"http://{server.authority}{PATH}"
    assert get(server, target).status == 200


@pytest.mark.differs("node", reason="closes before it answers")
def test_a_lied_length_takes_the_next_bytes_as_a_request(server: Server) -> None:
    with polling(server) as session, Stream(server) as stream:
        stream.request("POST", session.path, "Content-Length: 1", body=b"6GARBAGE\r\n\r\n")
        data = stream.read_to_end()
        assert data.count(b"HTTP/1.1 ") == 2


KEYS = {
    "no key": [],
    "an empty key": ["Sec-WebSocket-Key:"],
    "a short key": ["Sec-WebSocket-Key: AAAA"],
    "a long key": [f"Sec-WebSocket-Key: {KEY}{KEY}"],
    "no base64": ["Sec-WebSocket-Key: !!!!!!!!!!!!!!!!!!!!!!=="],
    "two keys": [f"Sec-WebSocket-Key: {KEY}", f"Sec-WebSocket-Key: {KEY}"],
}


@STRICT
@pytest.mark.parametrize("lines", KEYS.values(), ids=KEYS.keys())
def test_a_bad_websocket_key_is_400(server: Server, lines: list[str]) -> None:
    headers = [line for line in UPGRADE if not line.startswith("Sec-WebSocket-Key")]
    with Stream(server) as stream:
        stream.request("GET", WEBSOCKET_PATH, *headers, *lines)
        response = stream.response()
        assert response.status == 400
        assert stream.read_to_end() == b""


@STRICT
@pytest.mark.parametrize("version", ["0", "8", "12", "14", "x", "13, 8", ""])
def test_another_websocket_version_is_426(server: Server, version: str) -> None:
    headers = [line for line in UPGRADE if "Version" not in line]
    line = f"Sec-WebSocket-Version: {version}"
    with Stream(server) as stream:
        stream.request("GET", WEBSOCKET_PATH, *headers, line)
        response = stream.response()
        assert response.status == 426
        assert response.header("sec-websocket-version") == "13"
        assert stream.read_to_end() == b""


@STRICT
@pytest.mark.parametrize("token", ["h2c", "websocketx", "h2c, tls/1.2"])
def test_another_upgrade_is_refused(server: Server, token: str) -> None:
    with Stream(server) as stream:
        stream.request("GET", WEBSOCKET_PATH, "Connection: Upgrade", f"Upgrade: {token}")
        assert stream.response().status == 400


@STRICT
def test_an_upgrade_that_the_connection_header_does_not_name_is_refused(server: Server) -> None:
    headers = ["Connection: keep-alive", *UPGRADE[1:]]
    with Stream(server) as stream:
        stream.request("GET", WEBSOCKET_PATH, *headers)
        assert stream.response().status == 400


@STRICT
@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD"])
def test_a_websocket_handshake_is_a_get(server: Server, method: str) -> None:
    with Stream(server) as stream:
        stream.request(method, WEBSOCKET_PATH, *UPGRADE)
        assert stream.response(to_head=True).status in (400, 405)


def test_upgrade_headers_are_read_in_any_case(server: Server) -> None:
    headers = (
        "connection: keep-alive, UPGRADE",
        "upgrade: WebSocket",
        "sec-websocket-version: 13",
        f"sec-websocket-key: {KEY}",
    )
    with Stream(server) as stream:
        stream.request("GET", WEBSOCKET_PATH, *headers)
        assert stream.response().status == 101


@pytest.mark.parametrize(
    "offer",
    ["permessage-deflate; client_max_window_bits", "constructor", 'x; y="\u00e9"', ";;;,,,"],
)
def test_no_extension_is_agreed_on(server: Server, offer: str) -> None:
    with Client(server, "", f"Sec-WebSocket-Extensions: {offer}") as client:
        assert client.handshake_response.header("sec-websocket-extensions") is None
        client.connect()
        assert client.is_served()


OTHER_PATHS = [
    "//socket.io/",
    "/%2e%2e/socket.io/",
    "/socket.io%2f",
    "/SOCKET.IO/",
    "/socket.iox/",
    "/socket.i/",
    "/x/socket.io/",
    "/",
]


@STRICT
@pytest.mark.parametrize("path", OTHER_PATHS)
def test_another_path_is_no_session(server: Server, path: str) -> None:
    response = get(server, f"{path}?EIO=4&transport=polling")
    assert response.status in (400, 404)
    assert not response.body.startswith(b"0{")


QUERIES = {
    "EIO twice": ("EIO=4&EIO=3&transport=polling", (200, 400)),
    "transport twice": ("EIO=4&transport=polling&transport=websocket", (200, 400)),
    "sid twice": (f"EIO=4&transport=polling&sid={'A' * 20}&sid={'B' * 20}", (400,)),
    "percent garbage": ("EIO=4&transport=polling&x=%&y=%zz&%=%", (200,)),
    "encoded": ("%45IO=%34&transport=poll%69ng", (200, 400)),
    "8 kB": ("EIO=4&transport=polling&x=" + "x" * 8000, (200,)),
    "many keys": ("EIO=4&transport=polling&" + "&".join(f"k{n}=" for n in range(1000)), (200,)),
    "empty pairs": ("&&EIO=4&&&transport=polling&&=&", (200,)),
    "two question marks": ("?EIO=4&transport=polling", (400,)),
    "line ends": ("EIO=4&transport=polling&x=%0d%0aX-Evil:%201", (200,)),
}


@pytest.mark.parametrize(("query", "statuses"), QUERIES.values(), ids=QUERIES.keys())
def test_odd_queries_are_read_or_refused(server: Server, query: str, statuses: tuple[int, ...]) -> None:
    response = get(server, f"/socket.io/?{query}")
    assert response.status in statuses
    assert response.header("x-evil") is None


@STRICT
def test_jsonp_is_refused(server: Server) -> None:
    response = get(server, f"{PATH}&j=0")
    assert response.status == 400
    assert b"___eio" not in response.body


@STRICT
@pytest.mark.parametrize("method", ["GET", "OPTIONS", "HEAD"])
def test_nothing_behind_an_answer_that_reads_no_body_is_a_request(server: Server, method: str) -> None:
    smuggled = LINE + HOST + b"\r\n"
    length = b"" if method == "HEAD" else b"Content-Length: %d\r\n" % len(smuggled)
    said = answer(server, f"{method} {PATH} HTTP/1.1\r\n".encode() + HOST + length + b"\r\n" + smuggled)
    assert said.count(b"HTTP/1.1 ") == 1, said


@STRICT
def test_the_answer_to_a_head_has_no_body(server: Server) -> None:
    head, _, body = answer(server, f"HEAD {PATH} HTTP/1.1\r\n".encode() + HOST + b"\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert body == b""


@STRICT
def test_the_body_of_a_poll_is_no_request(server: Server) -> None:
    smuggled = LINE + HOST + b"\r\n"
    with polling(server) as session:
        session.start_get(f"Content-Length: {len(smuggled)}")
        session.getter.send(smuggled)
        session.send('421["message"]')
        said = session.getter.read_to_end()
    assert said.count(b"HTTP/1.1 ") == 1, said


def test_a_client_that_pipelines_and_does_not_read_waits(server: Server) -> None:
    request = b"OPTIONS /socket.io/ HTTP/1.1\r\n" + HOST + b"\r\n"
    with Stream(server) as stream:
        stream.socket.settimeout(1)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < 64 << 20:
                sent += stream.socket.send(request * 1000)
        assert sent < 64 << 20
        # Whoever reads then gets all answers.
        stream.socket.settimeout(10)
        left = sent // len(request)
        while left > 0:
            assert stream.more()
            left -= stream.buffer.count(b"\r\n\r\n")
            stream.buffer = stream.buffer[-3:]


def test_pipelined_handshakes_are_answered_in_order(server: Server) -> None:
    with Stream(server) as stream:
        stream.send((LINE + HOST + b"\r\n") * 20)
        found = [stream.response().text for _ in range(20)]
    assert all(text.startswith('0{"sid":"') for text in found)
    assert len(set(found)) == 20


def test_a_request_behind_a_pending_poll_waits(server: Server) -> None:
    with polling(server) as session:
        session.getter.request("GET", session.path)
        session.getter.request("GET", PATH)
        assert not session.getter.has_bytes(0.1)
        session.send('42["message",1]')
        assert session.getter.response().text == '42["message-back",1]'
        assert session.getter.response().text.startswith('0{"sid":"')


@STRICT
def test_posts_and_polls_pipelined_on_one_connection(server: Server) -> None:
    with polling(server) as session, Stream(server) as stream:
        for number in range(5):
            stream.request("POST", session.path, body=f'42["message",{number}]'.encode())
            stream.request("GET", session.path)
        for number in range(5):
            assert stream.response().text == "ok"
            assert stream.response().text == f'42["message-back",{number}]'


@STRICT
def test_a_second_poll_pipelined_behind_the_first_is_no_second_poll(server: Server) -> None:
    with polling(server) as session:
        session.getter.request("GET", session.path)
        session.getter.request("GET", session.path)
        session.send('42["message",1]')
        assert session.getter.response().text == '42["message-back",1]'
        session.send('42["message",2]')
        assert session.getter.response().text == '42["message-back",2]'


def test_a_flood_of_bad_requests_hurts_nobody(server: Server) -> None:
    for _ in range(100):
        answer(server, b"\x00\r\n\r\n")
        assert get(server, "/socket.io/?EIO=9").status == 400


def test_a_poll_by_another_method_closes_nothing(server: Server) -> None:
    with Polling(server) as session:
        session.connect()
        for method in ("PUT", "DELETE", "PATCH"):
            assert exchange(server, method, session.path, body=b"x").status >= 400
        assert session.is_served()


def test_a_refused_websocket_leaves_its_session(server: Server) -> None:
    with polling(server) as session:
        path = session.path.replace("polling", "websocket")
        with Stream(server) as stream:
            stream.request("GET", path, "Connection: Upgrade", "Upgrade: websocket")
            assert stream.response().status in (400, 426)
        refused(server, f"{WEBSOCKET_PATH}&sid={'A' * 20}")
        assert session.is_served()
