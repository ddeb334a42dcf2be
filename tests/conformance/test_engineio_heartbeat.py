"""Engine.IO v4, "Heartbeat": the server pings, the client answers; and the reasons of the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.polling import Polling, polling
from fixtures.websocket import CLOSE, NO_CLOSE_FRAME, Client, connected, encode, reason

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

FAST: dict[str, Any] = {"ping_interval": 0.4, "ping_timeout": 0.4}


def test_the_server_pings_a_websocket_again_and_again(serve: Serve) -> None:
    with connected(serve(**FAST)) as client:
        for _ in range(3):
            assert client.text() == "2"
            client.send("3")
        assert client.is_served()


def test_the_server_pings_by_polling_again_and_again(serve: Serve) -> None:
    with polling(serve(**FAST)) as session:
        for _ in range(3):
            assert session.packet() == "2"
            session.send("3")
        assert session.is_served()


def test_a_silent_websocket_ends_as_ping_timeout(serve: Serve) -> None:
    server = serve(**FAST)
    with connected(server, {"tag": "silent websocket"}) as client:
        assert client.text() == "2"
        client.close_code()
    assert reason(server, "silent websocket") == "ping timeout"


def test_a_silent_polling_client_ends_as_ping_timeout(serve: Serve) -> None:
    server = serve(**FAST)
    with polling(server, {"tag": "silent polling"}) as session:
        assert session.packet() == "2"
        session.start_get()
        assert session.finish_get().status in (200, 400)
        assert session.is_closed()
    assert reason(server, "silent polling") == "ping timeout"


def test_a_client_that_never_polls_ends_as_ping_timeout(serve: Serve) -> None:
    server = serve(**FAST)
    with polling(server, {"tag": "never polls"}):
        assert reason(server, "never polls") == "ping timeout"


def test_the_heartbeat_goes_on_after_the_upgrade(serve: Serve) -> None:
    server = serve(**FAST)
    with polling(server, {"tag": "upgraded"}) as session, session.upgrade() as websocket:
        for _ in range(2):
            assert websocket.text() == "2"
            websocket.send("3")
        assert websocket.text() == "2"
        websocket.close_code()
    assert reason(server, "upgraded") == "ping timeout"


def test_a_pong_without_a_ping_is_ignored(server: Server) -> None:
    with Client(server) as client:
        client.send("3")
        client.connect()
        for _ in range(100):
            client.send("3")
        assert client.is_served()


def test_a_pong_without_a_ping_is_ignored_by_polling(server: Server) -> None:
    with Polling(server) as session:
        session.send("3")
        session.connect()
        assert session.is_served()


@pytest.mark.parametrize("packet", ["2", "2probe"])
def test_a_ping_of_the_clients_closes_the_websocket(server: Server, packet: str) -> None:
    with connected(server, {"tag": f"pings {packet}"}) as client:
        client.send(packet)
        assert client.close_code() != NO_CLOSE_FRAME
    assert reason(server, f"pings {packet}") == "transport error"


def test_a_ping_of_the_clients_closes_polling(server: Server) -> None:
    with polling(server) as session:
        session.post("2")
        assert session.is_closed()


@pytest.mark.differs("node", reason="waits for the client to close")
def test_a_close_packet_closes_the_websocket(server: Server) -> None:
    with connected(server, {"tag": "says close"}) as client:
        client.send("1")
        assert client.close_code() != NO_CLOSE_FRAME
    # Node calls it a closed transport.
    assert reason(server, "says close") in ("client disconnect", "transport close")


def test_a_closed_websocket_ends_as_transport_close(server: Server) -> None:
    with connected(server, {"tag": "closes"}) as client:
        client.stream.send(encode(CLOSE, b"\x03\xe8"))
        assert client.close_code() == 1000
        assert client.stream.read_to_end() == b""
    assert reason(server, "closes") == "transport close"


def test_a_lost_websocket_ends_as_transport_close(server: Server) -> None:
    with connected(server, {"tag": "lost"}) as client:
        client.close()
    assert reason(server, "lost") == "transport close"


def test_a_reset_websocket_ends_with_its_transport(server: Server) -> None:
    with connected(server, {"tag": "reset"}) as client:
        client.stream.reset()
    assert reason(server, "reset") in ("transport close", "transport error")


def test_a_namespace_that_is_left_ends_as_client_disconnect(server: Server) -> None:
    with connected(server, {"tag": "leaves"}) as client:
        client.send("41")
        assert reason(server, "leaves") == "client disconnect"


def test_a_namespace_the_server_closes_ends_as_server_disconnect(server: Server) -> None:
    with connected(server, {"tag": "is sent away"}) as client:
        client.send('42["bye"]')
        assert client.text() == "41"
        assert reason(server, "is sent away") == "server disconnect"


@pytest.mark.parametrize("packet", ["9", "x", "4", "49", "0{}", "5", "6"])
@pytest.mark.differs("node", reason="ignores 0, 5 and 6; says transport error or close")
def test_an_invalid_packet_ends_as_parse_error(server: Server, packet: str) -> None:
    with connected(server, {"tag": f"sends {packet}"}) as client:
        client.send(packet)
        assert client.close_code() != NO_CLOSE_FRAME
    assert reason(server, f"sends {packet}") == "parse error"


@pytest.mark.parametrize("packet", ["9", "x", "4", "49"])
def test_an_invalid_packet_closes_the_websocket(server: Server, packet: str) -> None:
    with connected(server) as client:
        client.send(packet)
        assert client.close_code() != NO_CLOSE_FRAME


def test_an_empty_message_closes_the_websocket(server: Server) -> None:
    with connected(server) as client:
        client.send("")
        assert client.close_code() != NO_CLOSE_FRAME
