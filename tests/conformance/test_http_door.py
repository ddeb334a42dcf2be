"""One port for the Socket.IO path and for the user's ASGI app, request by request."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import TESTS, require_module
from fixtures.polling import PATH, Polling
from fixtures.server import Server, python_path
from fixtures.stream import Stream, get
from fixtures.websocket import CLOSE, UPGRADE, Client, WebSocket, connected, encode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fixtures.server import Pool

pytestmark = pytest.mark.differs("node", reason="runs no ASGI app")
BIG = bytes(range(256)) * 1200


@pytest.fixture(params=["plain", "starlette", "fastapi"])
def server(request: pytest.FixtureRequest, pool: Pool) -> Iterator[Server]:
    """A server with a user's app beside Socket.IO."""
    if request.param != "plain":
        require_module(request.param)
    server = pool.get("door", environ={"FANIO_TEST_APP": request.param})
    yield server
    assert get(server, "/hello").text == "hello "
    with connected(server) as client:
        assert client.is_served()


def session_id(text: str) -> str:
    """The session id in an OPEN packet."""
    assert text.startswith('0{"sid":"'), text
    return text[len('0{"sid":"') :][:20]


def speak(stream: Stream, path: str) -> None:
    """Connects and echoes on a session, all on this one connection."""
    assert stream.exchange("POST", path, body=b"40").text == "ok"
    assert stream.exchange("GET", path).text.startswith('40{"sid":"')
    assert stream.exchange("POST", path, body=b'42["message",1]').text == "ok"
    assert stream.exchange("GET", path).text == '42["message-back",1]'


def test_another_path_reaches_the_app(server: Server) -> None:
    response = get(server, "/hello?name=you")
    assert (response.status, response.text) == (200, "hello you")
    assert get(server, "/nowhere").status == 404


def test_the_app_gets_the_whole_request(server: Server) -> None:
    told = get(server, "/scope?a=1&b=%20", "X-Test: yes").json
    assert told == {
        "method": "GET",
        "path": "/scope",
        "query": "a=1&b=%20",
        "client": "127.0.0.1",
        "x": "yes",
        "lifespan": ["startup"],
    }


def test_the_app_gets_a_large_body(server: Server) -> None:
    with Stream(server) as stream:
        response = stream.exchange("POST", "/echo", body=BIG)
        assert response.body == BIG


def test_the_app_gets_a_chunked_body(server: Server) -> None:
    with Stream(server) as stream:
        stream.request("POST", "/echo", "Transfer-Encoding: chunked")
        for at in range(0, len(BIG), 10_000):
            piece = BIG[at : at + 10_000]
            stream.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        stream.send(b"0\r\n\r\n")
        assert stream.response().body == BIG
        assert stream.exchange("GET", "/hello").text == "hello "


def test_the_app_may_ask_for_the_body(server: Server) -> None:
    with Stream(server) as stream:
        stream.request("POST", "/echo", "Expect: 100-continue", "Content-Length: 5")
        assert stream.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 100 ")
        stream.send(b"hello")
        assert stream.response().body == b"hello"


def test_the_app_may_stream(server: Server) -> None:
    assert get(server, "/stream").body == b"x" * 16_384 * 64


def test_a_request_to_the_app_may_come_one_byte_at_a_time(server: Server) -> None:
    with Stream(server) as stream:
        stream.send_slowly(b"GET /hello?name=slow HTTP/1.1\r\nHost: x\r\n\r\n")
        assert stream.response().text == "hello slow"


def test_a_connection_to_the_app_stays_open(server: Server) -> None:
    with Stream(server) as stream:
        for number in range(5):
            assert stream.exchange("GET", f"/hello?name={number}").text == f"hello {number}"


def test_pipelined_requests_to_the_app_are_answered_in_order(server: Server) -> None:
    with Stream(server) as stream:
        requests = [f"GET /hello?name={n}&wait={(4 - n) / 50} HTTP/1.1\r\nHost: x\r\n\r\n" for n in range(5)]
        stream.send("".join(requests).encode())
        assert [stream.response().text for _ in range(5)] == [f"hello {n}" for n in range(5)]


def test_a_connection_may_ask_the_app_first_and_poll_then(server: Server) -> None:
    with Stream(server) as stream:
        assert stream.exchange("GET", "/hello").text == "hello "
        path = f"{PATH}&sid={session_id(stream.exchange('GET', PATH).text)}"
        speak(stream, path)
        assert stream.exchange("GET", "/hello").text == "hello "
        assert stream.exchange("POST", path, body=b'42["message",2]').text == "ok"
        assert stream.exchange("GET", path).text == '42["message-back",2]'


def test_a_connection_may_poll_first_and_ask_the_app_then(server: Server) -> None:
    with Stream(server) as stream:
        path = f"{PATH}&sid={session_id(stream.exchange('GET', PATH).text)}"
        speak(stream, path)
        assert stream.exchange("GET", "/hello").text == "hello "
        assert stream.exchange("POST", "/echo", body=BIG).body == BIG
        assert stream.exchange("POST", path, body=b'42["message",2]').text == "ok"
        assert stream.exchange("GET", path).text == '42["message-back",2]'


def test_pipelined_requests_to_both_are_answered_in_order(server: Server) -> None:
    with Stream(server) as stream:
        targets = [PATH, "/hello?name=1&wait=0.05", PATH, "/hello?name=2", PATH, PATH, "/hello?name=3"]
        stream.send(b"".join(f"GET {t} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for t in targets))
        for target in targets:
            text = stream.response().text
            if target == PATH:
                session_id(text)
            else:
                assert text == f"hello {target[12]}"


def test_a_session_may_be_polled_over_any_connection(server: Server) -> None:
    with Polling(server) as session, Stream(server) as other:
        assert other.exchange("GET", "/hello").text == "hello "
        session.connect()
        session.start_get()
        assert other.exchange("POST", session.path, body=b'42["message",1]').text == "ok"
        assert session.finish_get().text == '42["message-back",1]'
        other.request("GET", session.path)
        assert not other.has_bytes(0.05)
        session.send('42["message",2]')
        assert other.response().text == '42["message-back",2]'


def test_errors_are_the_same_behind_a_request_to_the_app(server: Server) -> None:
    with Stream(server) as stream:
        assert stream.exchange("GET", "/hello").text == "hello "
        response = stream.exchange("GET", f"{PATH}&sid={'A' * 20}")
        assert (response.status, response.text) == (400, '{"code":1,"message":"Session ID unknown"}')
        response = stream.exchange("GET", "/socket.io/?EIO=3&transport=polling")
        assert response.text == '{"code":5,"message":"Unsupported protocol version"}'


def test_a_websocket_may_follow_a_request_to_the_app(server: Server) -> None:
    with Stream(server) as stream:
        assert stream.exchange("GET", "/hello").text == "hello "
        stream.request("GET", "/socket.io/?EIO=4&transport=websocket", *UPGRADE)
        assert stream.response().status == 101
        assert stream.read(2)[0] == 0x81
        stream.read_until(b"}")
        stream.send(encode(1, b"40"))
        stream.read_until(b'40{"sid":"')
        stream.read_until(b"}")
        stream.send(encode(1, b'42["message",1]'))
        stream.read_until(b'42["message-back",1]')


def test_a_session_opened_on_such_a_connection_may_upgrade(server: Server) -> None:
    with Stream(server) as stream:
        assert stream.exchange("GET", "/hello").text == "hello "
        sid = session_id(stream.exchange("GET", PATH).text)
        speak(stream, f"{PATH}&sid={sid}")
        with WebSocket(server, f"/socket.io/?EIO=4&transport=websocket&sid={sid}") as websocket:
            websocket.send("2probe")
            assert websocket.text() == "3probe"
            websocket.send("5")
            websocket.send('42["message",1]')
            assert websocket.text() == '42["message-back",1]'


def test_the_app_has_websockets_of_its_own(server: Server) -> None:
    require_module("websockets")
    with WebSocket(server, "/ws") as websocket:
        websocket.send("hello")
        assert websocket.text() == "hello"
        assert websocket.close_code() == 1000


def test_emits_reach_clients_while_the_app_answers(server: Server) -> None:
    with connected(server) as client, Stream(server) as stream:
        stream.request("GET", "/hello?wait=0.3")
        assert client.is_served()
        assert stream.response().text == "hello "


def test_many_requests_at_once(server: Server) -> None:
    failures: list[object] = []

    def ask(number: int) -> None:
        try:
            for turn in range(10):
                assert get(server, f"/hello?name={number}-{turn}").text == f"hello {number}-{turn}"
                session_id(get(server, PATH).text)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_a_unix_socket_serves_both(pool: Pool, tmp_path: Path) -> None:
    server = pool.start("door", run={"uds": str(tmp_path / "fanio.sock")})
    try:
        assert get(server, "/hello?name=unix").text == "hello unix"
        with Stream(server) as stream:
            speak(stream, f"{PATH}&sid={session_id(stream.exchange('GET', PATH).text)}")
            assert stream.exchange("GET", "/hello").text == "hello "
            speak(stream, f"{PATH}&sid={session_id(stream.exchange('GET', PATH).text)}")
        with Client(server) as client:
            client.connect()
            assert client.is_served()
    finally:
        assert server.stop() in (0, -15)


def test_sigterm_ends_the_server_cleanly(pool: Pool) -> None:
    server = pool.start("door")
    with connected(server) as client, Polling(server) as session, Stream(server) as stream:
        session.connect()
        session.start_get()
        stream.request("GET", "/hello?wait=0.5")
        assert client.is_served()
        assert not stream.has_bytes(0.05)
        status: list[int] = []
        thread = threading.Thread(target=lambda: status.append(server.stop()))
        thread.start()
        frame = client.frame()
        assert (frame.opcode, frame.payload[:2]) == (CLOSE, b"\x03\xf4")
        assert session.finish_get().status == 200
        assert stream.response().text == "hello "
        thread.join()
    assert status[0] in (0, -15)
    assert "shutdown handler ran" in server.output()
    assert "Traceback" not in server.output(), server.output()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_command_line_runs_an_app(tmp_path: Path, ending: signal.Signals) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "fanio", "run", "wire:app", "--port", "0"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=TESTS / "apps",
            env=os.environ | python_path(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        server = Server(process, log)
        with connected(server) as client:
            assert client.is_served()
            process.send_signal(ending)
            assert client.close_code() == 1012
        assert process.wait(15) in (0, -ending)
        assert "Traceback" not in server.output()
    finally:
        process.kill()
        process.wait()
