"""Engine.IO v4, "Handshake": the OPEN packet and the response it comes in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import PATH, Polling
from fixtures.stream import Stream, get
from fixtures.websocket import ACCEPT, UPGRADE, Client, refused

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

OPEN = (
    r'0\{"sid":"[A-Za-z0-9_-]{20}","upgrades":\[%s\],'
    r'"pingInterval":%d,"pingTimeout":%d,"maxPayload":%d\}'
)


def test_open_over_polling_has_its_keys_in_order(server: Server) -> None:
    text = get(server, PATH).text
    assert re.fullmatch(OPEN % ('"websocket"', 25000, 20000, 1_000_000), text), text


def test_open_over_websocket_offers_no_upgrade(server: Server) -> None:
    with Stream(server) as stream:
        stream.request("GET", "/socket.io/?EIO=4&transport=websocket", *UPGRADE)
        response = stream.response()
        assert response.status == 101
        assert response.header("sec-websocket-accept") == ACCEPT
        assert response.header("upgrade") == "websocket"
        assert (response.header("connection") or "").lower() == "upgrade"
        assert response.header("sec-websocket-extensions") is None
        first, size = stream.read(2)
        assert first == 0x81
        text = stream.read(size).decode()
    assert re.fullmatch(OPEN % ("", 25000, 20000, 1_000_000), text), text


def test_open_announces_the_configured_values(serve: Serve) -> None:
    server = serve(ping_interval=7.5, ping_timeout=3, max_http_buffer_size=5000)
    text = get(server, PATH).text
    assert re.fullmatch(OPEN % ('"websocket"', 7500, 3000, 5000), text), text


def test_upgrades_that_are_not_allowed_are_not_offered(serve: Serve) -> None:
    text = get(serve(allow_upgrades=False), PATH).text
    assert re.fullmatch(OPEN % ("", 25000, 20000, 1_000_000), text), text


@pytest.mark.differs("node", reason="offers the upgrade all the same")
def test_a_transport_that_is_not_served_is_not_offered(serve: Serve) -> None:
    with Polling(serve(transports=["polling"])) as session:
        assert session.handshake["upgrades"] == []


def test_a_transport_that_is_not_served_is_unknown(serve: Serve) -> None:
    response = get(serve(transports=["websocket"]), PATH)
    assert response.status == 400
    assert response.text == '{"code":0,"message":"Transport unknown"}'


def test_the_handshake_is_plain_text_that_is_not_cached(server: Server) -> None:
    response = get(server, PATH)
    assert response.status == 200
    assert response.header("content-type") == "text/plain; charset=UTF-8"
    assert response.header("content-length") == str(len(response.body))


def test_no_polling_response_is_stored(server: Server) -> None:
    with Polling(server) as session:
        assert session.opening.header("cache-control") == "no-store"
        session.send("40")
        assert session.get().header("cache-control") == "no-store"


def test_session_ids_never_repeat(server: Server) -> None:
    found = {Polling(server).session_id for _ in range(30)}
    assert len(found) == 30
    assert all(re.fullmatch("[A-Za-z0-9_-]{20}", one) for one in found)


def test_the_cookie_comes_with_the_handshake_only(serve: Serve) -> None:
    with Polling(serve(cookie="io")) as session:
        cookie = session.opening.header("set-cookie") or ""
        assert cookie.startswith(f"io={session.session_id};"), cookie
        assert {"path=/", "samesite=lax"} <= {part.strip() for part in cookie.lower().split(";")}
        session.send("40")
        assert session.get().header("set-cookie") is None


@pytest.mark.differs("node", reason="has other options")
def test_a_cookie_may_have_other_attributes(serve: Serve) -> None:
    server = serve(cookie={"name": "id", "HttpOnly": True, "Max-Age": "60"})
    with Polling(server) as session:
        cookie = session.opening.header("set-cookie")
        assert cookie == f"id={session.session_id}; HttpOnly; Max-Age=60"


def test_no_cookie_is_set_unless_asked_for(server: Server) -> None:
    assert get(server, PATH).header("set-cookie") is None


def test_a_websocket_handshake_needs_no_polling_before(server: Server) -> None:
    with Client(server) as client:
        client.connect()
        assert client.is_served()


def test_a_websocket_that_is_not_served_is_refused(serve: Serve) -> None:
    response = refused(serve(transports=["polling"]), "/socket.io/?EIO=4&transport=websocket")
    assert response.status == 400
    assert "Transport unknown" in response.text
