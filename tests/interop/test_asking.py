"""Requests that the application may refuse or add headers to, on real connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.polling import PATH, Polling
from fixtures.stream import get
from fixtures.websocket import PATH as WEBSOCKET_PATH
from fixtures.websocket import Client, refused

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such app")


@pytest.fixture
def server(pool: Pool) -> Server:
    """A server with the asking app."""
    return pool.get("asking")


@pytest.mark.parametrize(("how", "message"), [("no", "Forbidden"), ("text", "go away")])
def test_a_refused_handshake_is_403_with_code_4(server: Server, how: str, message: str) -> None:
    answers = [
        get(server, f"{PATH}&refuse={how}"),
        refused(server, f"{WEBSOCKET_PATH}&refuse={how}"),
    ]
    for answer in answers:
        assert (answer.status, answer.json) == (403, {"code": 4, "message": message})


def test_every_response_has_the_headers(server: Server) -> None:
    with Polling(server) as session:
        assert (session.opening.header("x-first"), session.opening.header("x-method")) == ("1", "GET")
        response = session.post("40")
        assert (response.text, response.header("x-first"), response.header("x-method")) == ("ok", None, "POST")
        response = session.get()
        assert response.text.startswith('40{"sid"')
        assert (response.header("x-first"), response.header("x-method")) == (None, "GET")
        assert session.call("told") is not None
        with session.upgrade() as websocket:
            response = websocket.handshake_response
            assert (response.header("x-first"), response.header("x-method")) == (None, "GET")
            websocket.send('421["told"]')
            assert websocket.text().startswith("431[")


def test_a_websocket_is_served_as_ever(server: Server) -> None:
    with Client(server) as client:
        response = client.handshake_response
        assert (response.header("x-first"), response.header("x-method")) == ("1", "GET")
        client.connect()
        assert isinstance(client.call("told"), list)


def test_refused_requests_are_reported_to_the_handler(server: Server) -> None:
    get(server, f"{PATH}&refuse=text&mark=1")
    get(server, f"{PATH}&sid=nobody&mark=2")
    get(server, "/socket.io/?EIO=3&transport=polling&mark=3")
    refused(server, f"{WEBSOCKET_PATH}&refuse=no&mark=4")
    with Client(server) as client:
        client.connect()
        heard: list[list[object]] = []
        while len(heard) < 4:
            heard = [entry for entry in client.call("told") if "mark=" in str(entry[2])]
    assert [entry[:2] for entry in sorted(heard, key=lambda entry: str(entry[2])[-1])] == [
        [4, "go away"],
        [1, "Session ID unknown"],
        [5, "Unsupported protocol version"],
        [4, "Forbidden"],
    ]
