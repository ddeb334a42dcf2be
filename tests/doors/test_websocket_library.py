"""A uvicorn that cannot serve WebSockets: no upgrade is offered, and one warning says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import socketio as peer

from doors.servers import running
from fixtures.polling import PATH, polling
from fixtures.stream import Stream, get
from fixtures.websocket import connected

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.server import Server

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such doors")
WARNING = "uvicorn cannot serve WebSockets here"
NONE = ("--ws", "none")
#: In these shapes uvicorn reads the handshake of a WebSocket. The last has a path the shards do not know.
ASGI = ["mounted:app", "anywhere:guarded", "anywhere:watched"]


@pytest.fixture
def absent(tmp_path: Path) -> dict[str, str]:
    """An environment without a library for WebSockets."""
    for name in ("websockets", "wsproto"):
        (tmp_path / f"{name}.py").write_text("raise ImportError\n")
    return {"PYTHONPATH": str(tmp_path)}


def upgrades(server: Server, path: str = PATH) -> list[str]:
    found: list[str] = json.loads(get(server, path).text[1:])["upgrades"]
    return found


@pytest.mark.parametrize("app", ASGI)
def test_no_upgrade_is_offered_with_ws_none(tmp_path: Path, app: str) -> None:
    with running("uvicorn", app, tmp_path / "log", *NONE) as server:
        assert [upgrades(server), upgrades(server)] == [[], []]
        with polling(server) as client:
            assert client.call("message-with-ack", 1) == 1
        assert server.output().count(WARNING) == 1


@pytest.mark.parametrize("http", ["h11", "httptools"])
def test_no_upgrade_is_offered_without_a_library(tmp_path: Path, absent: dict[str, str], http: str) -> None:
    with running("uvicorn", "mounted:app", tmp_path / "log", "--http", http, environ=absent) as server:
        assert upgrades(server) == []
        assert server.output().count(WARNING) == 1


@pytest.mark.parametrize("app", ASGI)
def test_an_upgrade_is_offered_where_it_can_happen(tmp_path: Path, app: str) -> None:
    with running("uvicorn", app, tmp_path / "log") as server:
        assert upgrades(server) == ["websocket"]
        with polling(server) as session, session.upgrade() as websocket:
            websocket.send('421["message-with-ack",1]')
            assert websocket.text() == "431[1]"
        assert WARNING not in server.output()


def test_where_the_shards_accept_they_need_no_library(tmp_path: Path, absent: dict[str, str]) -> None:
    with running("uvicorn", "anywhere:app", tmp_path / "log", *NONE, environ=absent) as server:
        assert upgrades(server) == ["websocket"]
        with Stream(server) as stream:  # a connection that uvicorn has been handed: its requests come over the bridge
            assert stream.exchange("GET", "/hello").status == 200
            assert json.loads(stream.exchange("GET", PATH).text[1:])["upgrades"] == ["websocket"]
        with connected(server) as client:
            assert client.is_served()
        assert WARNING not in server.output()


def test_a_websocket_that_comes_all_the_same_is_refused_and_explained(tmp_path: Path) -> None:
    with running("uvicorn", "mounted:app", tmp_path / "log", *NONE) as server:
        with Stream(server) as stream:
            lines = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
            stream.request("GET", PATH.replace("polling", "websocket"), *lines, "Sec-WebSocket-Key: " + "A" * 22 + "==")
            assert stream.response().status == 400
        assert server.output().count(WARNING) == 1


def test_a_server_for_polling_alone_does_not_warn(tmp_path: Path) -> None:
    environ = {"FANIO_TEST_OPTIONS": json.dumps({"transports": ["polling"]})}
    with running("uvicorn", "mounted:app", tmp_path / "log", *NONE, environ=environ) as server:
        assert upgrades(server) == []
        assert WARNING not in server.output()


async def test_a_client_that_prefers_websockets_is_served_by_polling(tmp_path: Path) -> None:
    with running("uvicorn", "mounted:app", tmp_path / "log", *NONE) as server:
        client = peer.AsyncClient(reconnection=False)
        await client.connect(server.url)
        assert await client.call("message-with-ack", "hello") == "hello"
        assert client.transport() == "polling"
        await client.disconnect()
        assert "Unsupported upgrade request" not in server.output()
