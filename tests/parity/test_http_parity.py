"""Requests that are refused, or are not for polling: each library answers as the table says."""

from __future__ import annotations

import copy
import json
import time
from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import ORACLE, require_module
from fixtures.stream import SECONDS, exchange
from fixtures.websocket import refused

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="compares two servers itself")

POLL = "/socket.io/?EIO=4&transport=polling"
SOCKET = "/socket.io/?EIO=4&transport=websocket"
FOREIGN = "Origin: http://foreign.example"
VERSION = "The client is using an unsupported version of the Socket.IO or Engine.IO protocols"

Answer = tuple[int, str]


def fault(code: int, message: str, status: int = 400) -> Answer:
    """How fanio, and Node's server, refuse a request."""
    return status, f'{{"code":{code},"message":"{message}"}}'


def sentence(text: str) -> Answer:
    """How python-socketio refuses a request."""
    return 400, json.dumps(text)


CLOSED = (403, "")
ORIGIN = fault(4, "Origin not allowed", 403)
#: Method, target, headers, python-socketio's answer, fanio's.
REQUESTS = {
    "origin": ("GET", POLL, [FOREIGN], sentence("http://foreign.example is not an accepted origin."), ORIGIN),
    "transport": ("GET", f"{POLL}x", [], sentence("Invalid transport"), fault(0, "Transport unknown")),
    "session": ("GET", f"{POLL}&sid=abc", [], sentence("Invalid session abc"), fault(1, "Session ID unknown")),
    "version": ("GET", POLL.replace("4", "3"), [], sentence(VERSION), fault(5, "Unsupported protocol version")),
    "upgrade": ("GET", SOCKET, [], sentence("Invalid websocket upgrade"), fault(3, "Bad request")),
    "post": ("POST", POLL, [], sentence("Invalid session None"), fault(2, "Bad handshake method")),
    "put": ("PUT", POLL, [], (405, "Method Not Found"), fault(2, "Bad handshake method")),
    "preflight": ("OPTIONS", POLL, [], (200, "OK"), (204, "")),
}
WEBSOCKETS = {
    "origin": (SOCKET, [FOREIGN], ORIGIN),
    "transport": (f"{SOCKET}x", [], fault(0, "Transport unknown")),
    "session": (f"{SOCKET}&sid=abc", [], fault(1, "Session ID unknown")),
    "version": (SOCKET.replace("4", "3"), [], fault(5, "Unsupported protocol version")),
}


def both(pool: Pool) -> tuple[Server, Server]:
    """Servers with the same app on python-socketio under uvicorn and on fanio."""
    require_module("socketio")
    found = []
    for environ in ({"FANIO_TEST_ORACLE": "python-socketio"}, None):
        server = copy.copy(pool.get("parity", environ=environ))
        ports = json.loads(server.output().split("\n", 1)[0])["ports"]
        server.port = next(iter(ports.values()))
        found.append(server)
    return found[0], found[1]


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request(pool: Pool, name: str) -> None:
    method, target, headers, *expected = REQUESTS[name]
    body = b"" if method in ("POST", "PUT") else None
    answers = [exchange(server, method, target, *headers, body=body) for server in both(pool)]
    assert [(answer.status, answer.text) for answer in answers] == expected


@pytest.mark.parametrize("name", WEBSOCKETS)
def test_a_websocket(pool: Pool, name: str) -> None:
    target, headers, ours = WEBSOCKETS[name]
    answers = [refused(server, target, *headers) for server in both(pool)]
    assert [(answer.status, answer.text) for answer in answers] == [CLOSED, ours]


def test_a_request_without_a_transport_is_polling_there_and_refused_here(pool: Pool) -> None:
    theirs, ours = (exchange(server, "GET", "/socket.io/?EIO=4") for server in both(pool))
    assert theirs.text.startswith('0{"sid"')
    assert (ours.status, ours.text) == fault(0, "Transport unknown")


def test_jsonp_is_served_there_and_refused_here(pool: Pool) -> None:
    theirs, ours = (exchange(server, "GET", f"{POLL}&j=0") for server in both(pool))
    assert theirs.text.startswith('___eio[0]("0{')
    assert (ours.status, ours.text) == fault(3, "Bad request")


def test_the_headers_of_cors_go_to_every_request_there_and_to_accepted_origins_here(pool: Pool) -> None:
    theirs, ours = (exchange(server, "GET", POLL).header("access-control-allow-credentials") for server in both(pool))
    assert (theirs, ours) == ("true", None)


def test_a_websocket_for_no_one(pool: Pool) -> None:
    answers = [refused(server, "/elsewhere") for server in both(pool)]
    assert [answer.status for answer in answers] == [500, 403]


def wait_for_line(server: Server, line: str) -> None:
    """Waits until the server has written a line."""
    deadline = time.monotonic() + SECONDS
    while line not in server.output().splitlines():
        assert time.monotonic() < deadline, server.output()[-2000:]
        time.sleep(0.02)


def test_what_is_refused_is_logged_alike(pool: Pool) -> None:
    for server in both(pool):
        exchange(server, "GET", POLL.replace("4", "3"))
        wait_for_line(server, f"{VERSION} (further occurrences of this error will be logged with level INFO)")
