"""Engine.IO v4, "Upgrade": the probe, what happens to packets meanwhile, and how it can fail."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import SEPARATOR, Polling, polling
from fixtures.stream import Stream
from fixtures.websocket import (
    NO_CLOSE_FRAME,
    PING,
    PONG,
    TEXT,
    WebSocket,
    connected,
    encode,
)

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server


def probed(session: Polling) -> WebSocket:
    """A probing WebSocket whose probe is answered."""
    websocket = session.probe()
    websocket.send("2probe")
    assert websocket.text() == "3probe"
    return websocket


def numbers(packets: list[str]) -> list[int]:
    """What `42["n",…]` packets carry."""
    found = [json.loads(packet[2:]) for packet in packets if packet.startswith("42")]
    return [number for event, number in found if event == "n"]


def numbers_on(websocket: WebSocket, count: int) -> list[int]:
    """So many numbers from a WebSocket."""
    return numbers([websocket.text() for _ in range(count)])


def test_an_upgraded_session_speaks_on_the_websocket(server: Server) -> None:
    with polling(server) as session, session.upgrade() as websocket:
        websocket.send('42["message",1]')
        assert websocket.text() == '42["message-back",1]'
        websocket.send('451-["message",{"_placeholder":true,"num":0}]')
        websocket.send_binary(b"\x01")
        assert websocket.text() == '451-["message-back",{"_placeholder":true,"num":0}]'
        assert websocket.binary() == b"\x01"


def test_the_pending_poll_gets_a_noop_not_before_100_ms(server: Server) -> None:
    with polling(server) as session, session.probe() as websocket:
        session.start_get()
        before = time.monotonic()
        websocket.send("2probe")
        assert websocket.text() == "3probe"
        assert session.finish_get().text == "6"
        # Deadlines are kept to the millisecond.
        assert time.monotonic() - before >= 0.099


def test_every_further_poll_gets_a_noop_until_the_upgrade(server: Server) -> None:
    with polling(server) as session, probed(session) as websocket:
        assert [session.get().text for _ in range(3)] == ["6", "6", "6"]
        websocket.send("5")
        websocket.send('42["message",1]')
        assert websocket.text() == '42["message-back",1]'


def test_a_poll_during_the_probe_gets_packets(server: Server) -> None:
    with polling(server) as session, probed(session):
        session.start_get()
        session.send('42["message",1]')
        assert session.finish_get().text == '42["message-back",1]'


def test_packets_during_the_upgrade_come_once_and_in_order(server: Server) -> None:
    """A client as the JavaScript one: it polls until the noop comes, then says `5`."""
    with polling(server) as session:
        session.send('42["later",300,1]')
        found = numbers(session.packets()) + numbers(session.packets())
        with probed(session) as websocket:
            while True:
                packets = session.packets()
                found += numbers(packets)
                if len(found) > 150 or "6" in packets:
                    break
            websocket.send("5")
            found += numbers_on(websocket, 300 - len(found))
    assert found == list(range(300))


def test_packets_queued_while_nobody_polls_flush_on_the_websocket(server: Server) -> None:
    with polling(server) as session, probed(session) as websocket:
        session.send('42["burst",100]')
        websocket.send("5")
        assert numbers_on(websocket, 100) == list(range(100))


def test_binary_queued_during_the_upgrade_comes_as_frames(server: Server) -> None:
    with polling(server) as session, probed(session) as websocket:
        session.send('42["bytes"]')
        websocket.send("5")
        assert websocket.text().startswith('452-["bytes",')
        assert (websocket.binary(), websocket.binary()) == (b"\x01\x02", b"\x03")


@pytest.mark.differs("node", reason="leaves this poll to the client")
def test_a_poll_that_waits_when_the_upgrade_ends_is_answered(server: Server) -> None:
    with polling(server) as session, probed(session) as websocket:
        session.send('42["later",60,1]')
        session.start_get()
        websocket.send("5")
        found = numbers(session.finish_get().text.split(SEPARATOR))
        found += numbers_on(websocket, 60 - len(found))
    assert found == list(range(60))


@pytest.mark.differs("node", reason="drops what comes after the upgrade")
def test_a_post_under_way_when_the_upgrade_ends_is_taken(server: Server) -> None:
    with polling(server) as session, Stream(server) as stream, probed(session) as websocket:
        stream.request("POST", session.path, "Content-Length: 15", body=b'42["mess')
        assert not stream.has_bytes(0.1)
        websocket.send("5")
        websocket.send('42["message",0]')
        assert websocket.text() == '42["message-back",0]'
        stream.send(b'age",1]')
        assert stream.response().body == b"ok"
        assert websocket.text() == '42["message-back",1]'


def test_a_second_websocket_for_an_upgraded_session_is_closed(server: Server) -> None:
    with polling(server) as session, session.upgrade() as websocket:
        websocket.send('42["message",0]')
        assert websocket.text() == '42["message-back",0]'
        with session.probe() as second:
            assert second.close_code() != NO_CLOSE_FRAME
        websocket.send('42["message",1]')
        assert websocket.text() == '42["message-back",1]'


@pytest.mark.differs("node", reason="forgets this one")
def test_a_websocket_for_a_websocket_session_is_closed(server: Server) -> None:
    with connected(server) as client:
        path = f"/socket.io/?EIO=4&transport=websocket&sid={client.session_id}"
        with WebSocket(server, path) as second:
            assert second.close_code() != NO_CLOSE_FRAME
        assert client.is_served()


def test_a_second_probe_is_closed_and_the_first_goes_on(server: Server) -> None:
    with polling(server) as session, probed(session) as websocket:
        with session.probe() as second:
            assert second.close_code() != NO_CLOSE_FRAME
        websocket.send("5")
        websocket.send('42["message",1]')
        assert websocket.text() == '42["message-back",1]'


@pytest.mark.parametrize(
    "text",
    [
        "2",
        "2probes",
        "3probe",
        pytest.param("5", marks=pytest.mark.differs("node", reason="neither upgrades nor closes")),
        '42["message",1]',
        "1",
        "0{}",
        "6",
        "9",
        "x",
        "2probe ",
    ],
)
def test_anything_but_the_probe_closes_the_probe_only(server: Server, text: str) -> None:
    with polling(server) as session, session.probe() as websocket:
        websocket.send(text)
        assert websocket.close_code() != NO_CLOSE_FRAME
        assert session.is_served()


@pytest.mark.parametrize("text", ["3", '42["message",1]', "1", "x"])
def test_anything_but_the_upgrade_after_the_probe_closes_the_probe_only(server: Server, text: str) -> None:
    with polling(server) as session, probed(session) as websocket:
        websocket.send(text)
        assert websocket.close_code() != NO_CLOSE_FRAME
        assert session.is_served()


def test_a_binary_message_closes_the_probe_only(server: Server) -> None:
    with polling(server) as session, session.probe() as websocket:
        websocket.send_binary(b"2probe")
        assert websocket.close_code() != NO_CLOSE_FRAME
        assert session.is_served()


@pytest.mark.parametrize(
    "data",
    [encode(TEXT, b"2probe", rsv=4), encode(TEXT, b"2probe", mask=False), encode(0xB)],
    ids=["reserved bit", "unmasked", "reserved opcode"],
)
def test_a_bad_frame_closes_the_probe_only(server: Server, data: bytes) -> None:
    with polling(server) as session, session.probe() as websocket:
        websocket.send_raw(data)
        assert websocket.close_code() in (1002, NO_CLOSE_FRAME)
        assert session.is_served()


def test_a_lost_probe_leaves_the_session_on_polling(server: Server) -> None:
    with polling(server) as session:
        with session.probe():
            pass
        with probed(session) as websocket:
            websocket.stream.reset()
        assert session.is_served()


def test_a_failed_probe_may_be_tried_again(server: Server) -> None:
    with polling(server) as session:
        with session.probe() as websocket:
            websocket.send("x")
            assert websocket.close_code() != NO_CLOSE_FRAME
        with session.upgrade() as websocket:
            websocket.send('42["message",1]')
            assert websocket.text() == '42["message-back",1]'


def test_an_unfinished_upgrade_is_dropped_and_polling_goes_on(serve: Serve) -> None:
    with polling(serve(upgrade_timeout=0.4)) as session:
        with session.probe() as silent:
            assert silent.close_code() != NO_CLOSE_FRAME
        with probed(session) as half:
            assert half.close_code() != NO_CLOSE_FRAME
        assert session.is_served()


@pytest.mark.differs("node", reason="lets it happen")
def test_an_upgrade_that_is_not_allowed_is_closed(serve: Serve) -> None:
    with polling(serve(allow_upgrades=False)) as session:
        with session.probe() as websocket:
            assert websocket.close_code() != NO_CLOSE_FRAME
        assert session.is_served()


def test_a_websocket_ping_is_answered_on_a_probe(server: Server) -> None:
    with polling(server) as session, session.probe() as websocket:
        websocket.stream.send(encode(PING, b"hello"))
        frame = websocket.frame()
        assert (frame.opcode, frame.payload) == (PONG, b"hello")
