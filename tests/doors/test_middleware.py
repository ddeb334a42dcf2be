"""The application's middleware always runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from doors.conversation import converse
from doors.servers import running, says
from fixtures.polling import PATH, polling
from fixtures.stream import Stream, get
from fixtures.websocket import PATH as WEBSOCKET
from fixtures.websocket import UPGRADE, WebSocket, connected, refused

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.server import Server

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such doors")


def test_a_middleware_that_wraps_both_callables_sees_every_message(tmp_path: Path) -> None:
    with running("uvicorn", "guarded", tmp_path / "log") as server:
        converse(server)
        assert get(server, PATH).header("x-guard") == "seen"
        with WebSocket(server) as websocket:
            assert websocket.handshake_response.header("x-guard") == "seen"
        says(server, "WebSockets come through ASGI messages", "polling comes through ASGI messages")


def test_a_middleware_that_looks_at_the_scope_may_turn_away(tmp_path: Path) -> None:
    with running("uvicorn", "watched", tmp_path / "log") as server:
        converse(server)
        assert refused(server, WEBSOCKET + "&refuse=1").status == 403
        says(server, "(door: takeover)", "polling comes through ASGI messages")


def test_a_subclass_may_change_the_path(tmp_path: Path) -> None:
    with running("uvicorn", "rewriting", tmp_path / "log") as server:
        converse(server)
        with WebSocket(server, WEBSOCKET.replace("/socket.io/", "/_other/ws/")) as websocket:
            assert websocket.text().startswith('0{"sid":')
        assert get(server, PATH.replace("/socket.io/", "/_other/ws/")).status == 200
        says(server, "(door: takeover)", "polling comes through ASGI messages")


@pytest.mark.parametrize("prefix", ["/ws/", "/deep/er/a/b/"])
def test_mounts_below_a_prefix(mounted, prefix: str) -> None:
    with WebSocket(mounted, f"{prefix}?EIO=4&transport=websocket") as websocket:
        assert websocket.text().startswith('0{"sid":')
        websocket.send("40")
        assert websocket.text().startswith('40{"sid":')
        websocket.send('421["environ"]')
        told = websocket.text()
        assert f'"path":"{prefix}"' in told
        assert '"root_path":"/' in told
    response = get(mounted, f"{prefix}?EIO=4&transport=polling")
    assert (response.status, response.header("x-stamp")) == (200, "yes")


def test_paths_beside_a_mount_are_not_socketio(mounted) -> None:
    assert get(mounted, "/deep/er/a/c/?EIO=4&transport=polling").status == 404
    assert get(mounted, "/deep/er/socket.io/?EIO=4&transport=polling").status == 404


@pytest.mark.parametrize("allowed", ["*", ["http://page.example"], []])
def test_cors_headers_come_once(tmp_path: Path, allowed: object) -> None:
    environ = {"FANIO_TEST_OPTIONS": json.dumps({"cors_allowed_origins": allowed})}
    with running("uvicorn", "mounted:app", tmp_path / "log", environ=environ) as server:
        response = get(server, PATH, "Origin: http://page.example")
    assert response.status == 200
    names = [name for name, _ in response.headers]
    assert names.count("access-control-allow-origin") == 1, response
    assert names.count("access-control-allow-credentials") == 1, response
    assert response.header("access-control-allow-origin") == "http://page.example"


def test_an_origin_that_only_the_framework_allows_is_refused(mounted) -> None:
    assert get(mounted, PATH, "Origin: http://page.example").status == 403


def test_the_preflight_of_the_frameworks_middleware(mounted) -> None:
    with Stream(mounted) as stream:
        headers = ("Origin: http://page.example", "Access-Control-Request-Method: GET")
        response = stream.exchange("OPTIONS", PATH, *headers)
    assert response.status == 200
    assert response.header("access-control-allow-origin") == "http://page.example"


def test_a_handshake_that_is_wrong_is_refused_after_the_takeover_too(mounted) -> None:
    with Stream(mounted) as stream:
        stream.request("GET", "/socket.io/?EIO=4&transport=websocket&sid=nobody", *UPGRADE)
        response = stream.response()
        assert (response.status, response.json["code"]) == (400, 1)
        assert stream.read_to_end() == b""


@pytest.mark.parametrize("transport", [connected, polling])
def test_handlers_see_what_a_middleware_has_put_into_the_scope(watched: Server, transport) -> None:
    with transport(watched) as client:
        assert client.call("environ")["user"] == "somebody"
    with polling(watched) as session, session.upgrade() as websocket:
        websocket.send('421["environ"]')
        assert '"user":"somebody"' in websocket.text()


def test_handlers_see_the_state_of_the_lifespan(tmp_path: Path) -> None:
    with running("uvicorn", "anywhere:with_state", tmp_path / "log") as server, connected(server) as client:
        assert client.call("environ")["state"] == "kept"
        says(server, "(door: accept)")


@pytest.mark.parametrize("app", ["anywhere:app", "mounted:app"])
def test_sessions_on_several_shards(tmp_path: Path, app: str) -> None:
    with running("uvicorn", app, tmp_path / "log", environ={"FANIO_TEST_SHARDS": "3"}) as server:
        for _ in range(3):
            converse(server)


def test_clients_that_leave_in_the_middle_leave_no_traceback(mounted) -> None:
    """Starlette's http middleware raises when the app below returns without a response."""
    with polling(mounted) as session:
        session.start_get()
        assert not session.getter.has_bytes(0.3)
        session.getter.close()
        assert session.is_closed()
    for head in (f"POST {PATH}&sid=x", "POST /nothing"):
        with Stream(mounted) as stream:
            stream.send(f"{head} HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n4".encode())
            assert not stream.has_bytes(0.3)
    assert get(mounted, "/hello").status == 200
    assert "Traceback" not in mounted.output()
