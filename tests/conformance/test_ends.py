"""The answers to a polling client after the end of its session, as in Node's server and the protocol's own tests."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import ORACLE
from fixtures.polling import UNKNOWN_SESSION, Polling, polling
from fixtures.stream import get
from fixtures.websocket import TEXT, connected, encode

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

NO_PACKET = {
    "unknown type": "9",
    "no type": "abc",
    "nothing": "",
    "a ping": "2",
    "a packet behind a good one": '42["message",1]\x1e9',
    "a packet before a good one": '9\x1e42["message",1]',
}
#: Node lets these pass, or reads them as something else.
STRICTER = {
    "an open packet": "0",
    "an upgrade": "5",
    "a noop": "6",
    "broken base64": "b*",
    "no UTF-8": b"4\xff\xfe",
}
NO_EVENT = {
    "unknown type": "49",
    "a second CONNECT": "40",
    "broken JSON": "42[",
    "a reserved name": '42["connect"]',
    "text for an attachment": '451-["a",{"_placeholder":true,"num":0}]\x1e42["x"]',
}
BAD = [pytest.param(body, id=name) for name, body in NO_PACKET.items()]
BAD += [
    pytest.param(body, id=name, marks=pytest.mark.differs("node", reason="takes it")) for name, body in STRICTER.items()
]


@pytest.mark.parametrize("body", BAD)
def test_after_an_invalid_packet_the_session_is_unknown(server: Server, body: str | bytes) -> None:
    with polling(server) as session:
        response = session.post(body)
        assert (response.status, response.text) == (200, "ok")
        for _ in range(2):
            response = session.get()
            assert (response.status, response.json) == (400, UNKNOWN_SESSION)
        assert session.post("40").json == UNKNOWN_SESSION


@pytest.mark.parametrize("body", BAD)
def test_a_poll_that_waits_gets_a_close_packet(server: Server, body: str | bytes) -> None:
    with polling(server) as session:
        session.start_get()
        session.post(body)
        assert session.finish_get().text.split("\x1e")[-1] == "1"
        assert session.get().json == UNKNOWN_SESSION


@pytest.mark.parametrize("body", NO_EVENT.values(), ids=NO_EVENT.keys())
def test_after_a_broken_socket_io_packet_the_next_poll_gets_a_close_packet(server: Server, body: str) -> None:
    with polling(server) as session:
        assert session.post(body).text == "ok"
        assert session.packets()[-1] == "1"
        assert session.get().json == UNKNOWN_SESSION


def test_two_posts_at_once_leave_nothing(server: Server) -> None:
    with polling(server) as session, polling(server) as other:
        session.poster.request("POST", session.path, "Content-Length: 5")
        session.poster.send(b"4")
        assert other.is_served()
        session.getter.request("POST", session.path, body=b"6")
        assert session.getter.response().status == 400
        assert get(server, session.path).json == UNKNOWN_SESSION


def test_a_late_pong_leaves_nothing(serve: Serve) -> None:
    server = serve(ping_interval=0.1, ping_timeout=0.1)
    with polling(server) as session:
        session.start_get()
        while (packet := session.finish_get().text) == "2":
            session.start_get()
        # A close packet keeps some libraries' clients from coming back.
        assert packet == ("1" if ORACLE == "node" else "6")
        assert session.get().json == UNKNOWN_SESSION


@pytest.mark.differs("node", reason="polls of a session that nobody pinged are kept for an answer")
def test_a_session_is_gone_when_its_time_is_over(serve: Serve) -> None:
    """The protocol's own tests poll after exactly 500 ms; timers that were late twice would find it alive.

    A busy machine makes a timer late now and then; timers that are late by themselves are so each time.
    """
    server = serve(ping_interval=0.3, ping_timeout=0.2)
    found = []
    while (400, UNKNOWN_SESSION) not in found and len(found) < 10:
        with Polling(server) as session:
            time.sleep(0.5)
            response = get(server, session.path)
            found.append((response.status, response.json))
    assert found[-1] == (400, UNKNOWN_SESSION), found


@pytest.mark.differs("node", reason="has no such words")
@pytest.mark.parametrize("fragments", [1, 2])
def test_a_websocket_message_that_is_too_large_is_reported_as_too_large(serve: Serve, fragments: int) -> None:
    server, tag = serve(max_http_buffer_size=1000), f"too large {fragments}"
    with connected(server) as other:
        with connected(server, {"tag": tag}) as client:
            if fragments == 2:
                client.stream.send(encode(TEXT, b"4" * 600, fin=False))
            client.stream.send(encode(TEXT if fragments == 1 else 0, b"4" * (1800 // fragments)))
            assert client.close_code() == 1009
        size = 1800 if fragments == 1 else 1500
        expected = f"message too large: {size} bytes, the limit is 1000 bytes (max_http_buffer_size)"
        assert other.call("reason", tag) == "transport error"
        assert other.call("detail", tag) == expected
    assert "message too large: " in server.output()


def test_base64_in_a_text_frame_is_a_binary_message(server: Server) -> None:
    with connected(server) as client:
        client.send('451-["message",{"_placeholder":true,"num":0}]')
        client.send("bAQID")
        assert client.text() == '451-["message-back",{"_placeholder":true,"num":0}]'
        assert client.frame().payload == b"\x01\x02\x03"


@pytest.mark.parametrize(
    "text", ["AQID", "AQ\r\nID\r\n", " A Q I D ", "-_-_", "-/+_", "AQI", "AQ", "AQ="], ids=lambda text: repr(text)
)
def test_base64_is_read_as_clients_write_it(server: Server, text: str) -> None:
    expected = {"-_-_": "+/+/", "-/+_": "+/+/", "AQI": "AQI=", "AQ": "AQ==", "AQ=": "AQ=="}.get(text, "AQID")
    with polling(server) as session:
        session.send('451-["message",{"_placeholder":true,"num":0}]', f"b{text}")
        assert session.packet() == '451-["message-back",{"_placeholder":true,"num":0}]'
        assert session.packet() == f"b{expected}"
