"""Error responses: status, code and message are exactly those of Node's server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.polling import PATH, Polling, polling
from fixtures.stream import Response, exchange, get
from fixtures.websocket import refused

if TYPE_CHECKING:
    from fixtures.server import Server

BODIES = {
    0: '{"code":0,"message":"Transport unknown"}',
    1: '{"code":1,"message":"Session ID unknown"}',
    2: '{"code":2,"message":"Bad handshake method"}',
    3: '{"code":3,"message":"Bad request"}',
    5: '{"code":5,"message":"Unsupported protocol version"}',
}
UNKNOWN = "A" * 20
LATE = pytest.mark.differs("node", reason="accepts the WebSocket and then drops it")


def check(response: Response, code: int) -> None:
    """The response is this error."""
    assert response.text == BODIES[code]
    assert response.status == 400
    assert (response.header("content-type") or "").startswith("application/json")


@pytest.mark.parametrize(
    "query",
    [
        "EIO=4",
        "EIO=4&transport=",
        "EIO=4&transport=webtransport",
        "EIO=4&transport=constructor",
        "EIO=4&transport=__proto__",
        "EIO=4&transport=POLLING",
        f"EIO=4&sid={UNKNOWN}",
    ],
)
def test_an_unknown_transport_is_code_0(server: Server, query: str) -> None:
    check(get(server, f"/socket.io/?{query}"), 0)


@pytest.mark.parametrize(
    "sid",
    [UNKNOWN, "__proto__", "constructor", "x", "A" * 5000, "%00", "%F0%9F%92%A9", "A" * 19 + "%2B"],
    ids=["unknown", "proto", "constructor", "short", "long", "nul", "emoji", "plus"],
)
def test_an_unknown_session_is_code_1(server: Server, sid: str) -> None:
    check(get(server, f"{PATH}&sid={sid}"), 1)
    check(exchange(server, "POST", f"{PATH}&sid={sid}", body=b"40"), 1)


def test_a_closed_session_is_unknown(server: Server) -> None:
    with polling(server) as session:
        session.send("1")
        check(get(server, session.path), 1)
        check(exchange(server, "POST", session.path, body=b"40"), 1)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_handshake_by_another_method_is_code_2(server: Server, method: str) -> None:
    check(exchange(server, method, PATH, body=b""), 2)


def test_a_websocket_handshake_without_upgrade_is_code_3(server: Server) -> None:
    check(get(server, "/socket.io/?EIO=4&transport=websocket"), 3)


def test_polling_after_the_upgrade_is_code_3(server: Server) -> None:
    with polling(server) as session, session.upgrade() as websocket:
        websocket.send('42["message",1]')
        assert websocket.text() == '42["message-back",1]'
        check(session.get(), 3)
        check(session.post('42["message",2]'), 3)
        websocket.send('42["message",3]')
        assert websocket.text() == '42["message-back",3]'


def test_a_session_keeps_its_protocol_version(server: Server) -> None:
    with polling(server) as session:
        check(get(server, session.path.replace("EIO=4", "EIO=3")), 3)
        assert session.is_served()


@pytest.mark.parametrize("version", ["", "EIO=3&", "EIO=5&", "EIO=4x&", "EIO=%D9%A4&", "EIO=&"])
def test_another_protocol_version_is_code_5(server: Server, version: str) -> None:
    check(get(server, f"/socket.io/?{version}transport=polling"), 5)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("EIO=4", "Transport unknown"),
        ("EIO=4&transport=constructor", "Transport unknown"),
        (f"EIO=4&transport=websocket&sid={UNKNOWN}", "Session ID unknown"),
        pytest.param("EIO=4&transport=polling", "Bad request", marks=LATE),
        pytest.param("EIO=3&transport=websocket", "Unsupported protocol version", marks=LATE),
    ],
)
def test_a_websocket_handshake_is_refused_in_http(server: Server, query: str, message: str) -> None:
    response = refused(server, f"/socket.io/?{query}")
    assert response.status == 400
    assert message in response.text


def test_an_error_says_nothing_of_what_was_sent(server: Server) -> None:
    response = get(server, f"{PATH}&sid=%3Cscript%3Ealert%3C/script%3E")
    assert b"script" not in response.body


def test_errors_leave_a_session_alone(server: Server) -> None:
    with Polling(server) as session:
        session.connect()
        get(server, f"/socket.io/?EIO=4&transport=webtransport&sid={session.session_id}")
        get(server, session.path.replace("transport=polling", "transport=websocket"))
        assert session.is_served()
