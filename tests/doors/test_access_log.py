"""uvicorn's access log has the same lines whether uvicorn or the shards answer a request.

The oracle is python-socketio on the same uvicorn. A refused WebSocket has another status there (403).
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from doors.servers import running
from fixtures.oracle import require_module
from fixtures.polling import PATH, Polling, polling
from fixtures.stream import Stream
from fixtures.websocket import PATH as WEBSOCKET_PATH
from fixtures.websocket import UPGRADE, Client, WebSocket

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fixtures.server import Server

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such doors")

_LINE = re.compile(r'INFO: +((?:\S* - ".*)|connection (?:open|closed|rejected \(.*))$', re.MULTILINE)
#: What is not the same twice: ports, session ids; and the status of refused WebSockets.
_VARIES = [
    (re.compile(r"^(127\.0\.0\.1|::1):\d+ "), r"\1:PORT "),
    (re.compile(r"sid=[\w-]{20}"), "sid=SID"),
    (re.compile(r'("WebSocket [^"]*") 40[03]$'), r"\1 REFUSED"),
    (re.compile(r"rejected \(.*\)"), "rejected (REFUSED)"),
]
FORWARDED = "X-Forwarded-For: 198.51.100.9, 127.0.0.1"


def logged(server: Server) -> list[str]:
    """The lines of the access log, without what varies."""
    lines: list[str] = _LINE.findall(server.output())
    for pattern, text in _VARIES:
        lines = [pattern.sub(text, line) for line in lines]
    return lines


def ask(server: Server) -> None:
    """One request after the other, each answered before the next."""
    with Stream(server) as stream:
        assert stream.exchange("GET", f"{PATH}&sid={'A' * 20}").status == 400
        assert stream.exchange("GET", "/socket.io/a%20b/?EIO=4&transport=polling&x=%20~").status == 200
        assert stream.exchange("GET", "/hello?name=you").status == 200
    with Stream(server) as stream:
        assert stream.exchange("POST", PATH, body=b"4").status == 400
    with Stream(server) as stream:
        stream.send(f"GET {PATH} HTTP/1.0\r\n\r\n".encode())
        assert stream.response().status == 200
    with Polling(server, FORWARDED) as session:
        assert session.post("40").status == 200
        assert session.packet().startswith("40{")
        with WebSocket(server, f"{WEBSOCKET_PATH}&sid={session.session_id}") as websocket:
            websocket.send("2probe")
            assert websocket.text() == "3probe"
            websocket.send("5")
            websocket.send('42["message",1]')
            while "message-back" not in websocket.text():
                pass
    with Client(server, "&a=b", FORWARDED) as client:
        client.connect()
        assert client.is_served()
    with Stream(server) as stream:
        stream.request("GET", f"{WEBSOCKET_PATH}&sid={'A' * 20}", *UPGRADE)
        assert stream.response().status in (400, 403)


def told(log: Path, arguments: Sequence[str], app: str = "app", **environ: str) -> list[str]:
    """The access log of a server that was asked for everything."""
    # Polls of python-socketio outlive their clients: they are not waited for.
    options = ["--timeout-graceful-shutdown", "1", *arguments]
    with running("uvicorn", app, log, *options, environ=environ) as server:
        ask(server)
        last, times = ("connection closed", 3) if "websockets" in arguments else ("REFUSED", 1)
        deadline = time.monotonic() + 15
        while sum(line.endswith(last) for line in logged(server)) < times:
            assert time.monotonic() < deadline, server.output()
            time.sleep(0.02)
        # Ends of WebSockets are noticed when they are.
        return sorted(logged(server), key=lambda line: line == "connection closed")


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--ws", "websockets", "--http", "h11"),
        ("--no-access-log", "--ws", "wsproto"),
        ("--no-proxy-headers",),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("app", ["app", "watched"])
def test_lines_are_uvicorns_own(tmp_path: Path, app: str, arguments: Sequence[str]) -> None:
    require_module("socketio")
    expected = told(tmp_path / "expected", arguments, FANIO_TEST_ORACLE="python-socketio")
    assert told(tmp_path / "log", arguments, app) == expected
    assert any("198.51.100.9:0 - " in line for line in expected) is ("--no-proxy-headers" not in arguments)
    assert any('"GET /socket.io/?' in line for line in expected) is ("--no-access-log" not in arguments)


def test_paths_are_below_the_root_path(tmp_path: Path) -> None:
    # python-socketio does not find its own path below one.
    arguments = ("--root-path", "/api")
    expected = told(tmp_path / "expected", arguments, FANIO_DOOR="bridge")
    assert told(tmp_path / "log", arguments) == expected
    assert any('"GET /api/socket.io/a%20b/?' in line for line in expected)


def test_a_log_filter_of_the_application_sees_the_arguments(tmp_path: Path) -> None:
    with running("uvicorn", "quiet:app", tmp_path / "log") as server:
        with polling(server) as session:
            assert session.is_served()
        with Client(server) as client:
            client.connect()
            assert client.is_served()
        assert [line for line in logged(server) if "transport=polling" in line] == []
        assert 'WebSocket /socket.io/?EIO=4&transport=websocket" [accepted]' in server.output()
