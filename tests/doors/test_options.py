"""uvicorn's options mean the same when the shards accept as when uvicorn does."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from doors.conversation import converse
from doors.servers import running
from fixtures.polling import PATH, polling
from fixtures.stream import Stream, get
from fixtures.websocket import Client, WebSocket, connected

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixtures.server import Server

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such doors")
#: In plain uvicorn a middleware keeps the shards away.
BOTH = pytest.mark.parametrize("app", ["app", "watched"])


def told(server: Server, *headers: str) -> dict[str, Any]:
    """What a handler is told about a client."""
    with Client(server, "", *headers) as client:
        client.connect()
        found: dict[str, Any] = client.call("environ")
        return found


def until(fact: Callable[[], bool]) -> None:
    """Waits for a fact."""
    deadline = time.monotonic() + 15
    while not fact():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@BOTH
def test_headers(tmp_path: Path, app: str) -> None:
    arguments = ["--header", "X-Extra: one", "--header", "Server: mine"]
    with running("uvicorn", app, tmp_path / "log", *arguments) as server:
        for path in (PATH, "/hello"):
            response = get(server, path)
            names = [name for name, _ in response.headers]
            assert [names.count(name) for name in ("x-extra", "server", "date")] == [1, 1, 1]
            assert (response.header("x-extra"), response.header("server")) == ("one", "mine")
        if app == "app":
            with WebSocket(server) as websocket:
                assert websocket.handshake_response.header("x-extra") == "one"


def test_no_headers(tmp_path: Path) -> None:
    with running("uvicorn", "app", tmp_path / "log", "--no-server-header", "--no-date-header") as server:
        for path in (PATH, "/hello"):
            response = get(server, path)
            assert (response.header("server"), response.header("date")) == (None, None)


@BOTH
def test_forwarded_headers_of_trusted_proxies(tmp_path: Path, app: str) -> None:
    forwarded = ("X-Forwarded-For: 198.51.100.9, 10.1.2.3", "X-Forwarded-Proto: https")
    with running("uvicorn", app, tmp_path / "log", "--forwarded-allow-ips", "127.0.0.0/8,10.0.0.0/8") as server:
        environ = told(server, *forwarded)
        assert (environ["address"], environ["client"], environ["scheme"]) == ("198.51.100.9", "198.51.100.9", "https")
        assert get(server, "/scope", *forwarded).json["client"] == "198.51.100.9"


@pytest.mark.parametrize("arguments", [["--forwarded-allow-ips", "10.0.0.1"], ["--no-proxy-headers"]])
def test_forwarded_headers_of_others(tmp_path: Path, arguments: list[str]) -> None:
    with running("uvicorn", "app", tmp_path / "log", *arguments) as server:
        environ = told(server, "X-Forwarded-For: 198.51.100.9", "X-Forwarded-Proto: https")
        assert (environ["address"], environ["client"], environ["scheme"]) == ("127.0.0.1", "127.0.0.1", "http")


@BOTH
def test_root_path(tmp_path: Path, app: str) -> None:
    with running("uvicorn", app, tmp_path / "log", "--root-path", "/api") as server:
        environ = told(server)
        assert (environ["path"], environ["root_path"]) == ("/api/socket.io/", "/api")
        assert environ["path_info"] == "/api/socket.io/"
        assert get(server, "/hello").text == "hello "
        assert get(server, "/api/socket.io/?EIO=4&transport=polling").status == 404


@BOTH
def test_a_unix_socket(tmp_path: Path, app: str) -> None:
    path = str(tmp_path / "socket")
    with running("uvicorn", app, tmp_path / "log", "--uds", path, uds=path) as server:
        converse(server)
        assert told(server)["client"] is None


def test_a_descriptor(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        os.set_inheritable(listening.fileno(), True)
        arguments = ["--fd", str(listening.fileno())]
        with running("uvicorn", "app", tmp_path / "log", *arguments, fds=(listening.fileno(),)) as server:
            server.port = listening.getsockname()[1]
            converse(server)
            assert "(door: accept)" in server.output()


def test_several_workers(tmp_path: Path) -> None:
    with running("uvicorn", "app", tmp_path / "log", "--workers", "2") as server:
        until(lambda: server.output().count("(door: accept)") == 2)
        pids = set()
        for _ in range(100):
            with connected(server) as client:
                pids.add(client.call("pid"))
                assert client.is_served()
            assert get(server, "/hello").text == "hello "
            if len(pids) == 2:
                break
        assert len(pids) == 2


def test_reload(tmp_path: Path) -> None:
    with running("uvicorn", "app", tmp_path / "log", "--reload") as server:
        until(lambda: "(door: accept)" in server.output())
        converse(server)


@BOTH
def test_too_many_connections(tmp_path: Path, app: str) -> None:
    with running("uvicorn", app, tmp_path / "log", "--limit-concurrency", "4") as server:
        clients = [connected(server) for _ in range(3)]
        try:
            # uvicorn counts the connection that asks as well.
            until(lambda: get(server, PATH).status == 503)
            assert get(server, PATH).text == "Service Unavailable"
            assert get(server, "/hello").status == 503
            assert all(client.is_served() for client in clients)
        finally:
            for client in clients:
                client.close()
        until(lambda: get(server, PATH).status == 200)
        until(lambda: get(server, "/hello").status == 200)


@BOTH
@pytest.mark.parametrize("path", [PATH, "/hello"])
def test_a_server_that_has_answered_enough_ends(tmp_path: Path, app: str, path: str) -> None:
    with running("uvicorn", app, tmp_path / "log", "--limit-max-requests", "3") as server:
        for _ in range(3):
            assert get(server, path).status == 200
        assert server.process.wait(15) == 0
        assert "Maximum request limit of 3 exceeded" in server.output()
        assert "shutdown handler ran" in server.output()


@BOTH
@pytest.mark.parametrize("path", [PATH, "/hello"])
def test_idle_connections_are_closed(tmp_path: Path, app: str, path: str) -> None:
    with running("uvicorn", app, tmp_path / "log", "--timeout-keep-alive", "1") as server, Stream(server) as stream:
        assert stream.exchange("GET", path).status == 200
        assert stream.read_to_end() == b""


def test_a_target_longer_than_a_head_of_ours_reaches_the_app(tmp_path: Path) -> None:
    with running("uvicorn", "app", tmp_path / "log", "--http", "httptools") as server:
        assert get(server, f"/hello?name={'x' * 30_000}").text == f"hello {'x' * 30_000}"
        assert get(server, f"{PATH}&a={'x' * 30_000}").status == 431


def test_tls_is_uvicorns(tmp_path: Path) -> None:
    import ssl
    import subprocess

    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    what = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    where = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(["openssl", *what, *where], check=True, capture_output=True)
    arguments = ["--ssl-keyfile", str(key), "--ssl-certfile", str(certificate)]
    with running("uvicorn", "app", tmp_path / "log", *arguments) as server:
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        server.wrap = context.wrap_socket
        converse(server)
        assert told(server)["scheme"] == "https"
        assert server.output().count("(door: bridge)") == 2


@BOTH
def test_requests_to_the_app_are_logged_as_before(tmp_path: Path, app: str) -> None:
    with running("uvicorn", app, tmp_path / "log") as server:
        assert get(server, "/hello?name=you").status == 200
        with polling(server) as session:
            assert session.is_served()
        until(lambda: '"GET /hello?name=you HTTP/1.1" 200 OK' in server.output())
