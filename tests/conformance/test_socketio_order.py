"""What a client sends to a namespace is handled in its order, however long handlers take.

As with python-socketio every CONNECT is answered, and an event that follows one at once is handled
when the connect handler has accepted; it is dropped when that has refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.polling import SEPARATOR, Polling
from fixtures.websocket import Client, connected, reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from conformance.conftest import Serve
    from fixtures.server import Server

pytestmark = pytest.mark.differs("node", reason="closes the connection, unless a tick lies between the packets")

PARSERS = ("default", "plain")
PAIRS = (0, 1, 3, 40)


@pytest.fixture(params=PARSERS)
def server(request: pytest.FixtureRequest, serve: Serve) -> Server:
    """A server whose packets the core reads, and one that reads them with python-socketio's class."""
    return serve() if request.param == "default" else serve(serializer=request.param)


def come_and_go(pairs: int, name: str = "") -> list[str]:
    """CONNECT and DISCONNECT so often, CONNECT again, and an event."""
    suffix = f"{name}," if name else ""
    return [f"40{suffix}", f"41{suffix}"] * pairs + [f"40{suffix}", f'42{suffix}["message","x"]']


def check_answers(read: Callable[[], str], pairs: int, name: str = "") -> None:
    """Every CONNECT is answered with a sid of its own, and then the event is handled."""
    suffix = f"{name}," if name else ""
    sids = set()
    for _ in range(pairs + 1):
        packet = read()
        assert packet.startswith(f"40{suffix}{{"), packet
        sids.add(json.loads(packet[2 + len(suffix) :])["sid"])
    assert len(sids) == pairs + 1
    assert read() == f'42{suffix}["message-back","x"]'


def other_than(read: Callable[[], str], start: str) -> Callable[[], str]:
    """Reads over what begins so."""

    def next_packet() -> str:
        while (packet := read()).startswith(start):
            pass
        return packet

    return next_packet


@pytest.mark.parametrize("pairs", PAIRS)
def test_clients_that_come_and_go_at_once_are_answered(server: Server, pairs: int) -> None:
    with Client(server) as client:
        for packet in come_and_go(pairs):
            client.send(packet)
        check_answers(client.text, pairs)


@pytest.mark.parametrize("pairs", PAIRS[:-1])
def test_the_same_in_one_polling_body(server: Server, pairs: int) -> None:
    with Polling(server) as session:
        session.send(*come_and_go(pairs))
        check_answers(session.packet, pairs)


@pytest.mark.parametrize("pairs", PAIRS)
def test_the_same_while_upgrading(server: Server, pairs: int) -> None:
    with Polling(server) as session, session.probe() as websocket:
        session.send(*come_and_go(pairs)[:-1])
        websocket.send("2probe")
        assert websocket.text() == "3probe"
        websocket.send("5")
        websocket.send(come_and_go(pairs)[-1])
        check_answers(other_than(websocket.text, "6"), pairs)


@pytest.mark.parametrize("pairs", [1, 3])
def test_the_same_in_a_namespace_whose_handler_emits(server: Server, pairs: int) -> None:
    with Client(server) as client:
        for packet in come_and_go(pairs, "/custom"):
            client.send(packet)
        check_answers(other_than(client.text, '42/custom,["auth"'), pairs, "/custom")


def test_a_waiting_connect_handler_holds_up_its_own_namespace_alone(server: Server) -> None:
    with Client(server) as client, connected(server) as other:
        client.connect()
        for packet in ('40/slow,{"gate":"one"}', "41/slow,", '40/slow,{"gate":"two"}', '42/slow,1["note","alone"]'):
            client.send(packet)
        assert client.is_served()
        other.send('42["release","two"]')
        assert client.is_served()
        other.send('42["release","one"]')
        assert client.text().startswith("40/slow,{")
        assert client.text().startswith("40/slow,{")
        assert client.text() == "43/slow,1[]"


@pytest.mark.parametrize("count", [3, 3000])
def test_events_behind_a_connect_are_handled_in_order(server: Server, count: int) -> None:
    name = f"order {count} {server.options.get('serializer')}"
    with Client(server) as client, connected(server) as other:
        client.send(f'40/slow,{{"gate":"{name}"}}')
        for number in range(count):
            client.send(f'42/slow,["note",["{name}",{number}]]')
        client.send('42/slow,7["note"]')
        other.send(f'42["release","{name}"]')
        assert client.text().startswith("40/slow,{")
        assert client.text() == "43/slow,7[]"
        heard: list[Any] = [one for one in other.call("heard") if isinstance(one, list) and one[0] == name]
        assert heard == [[name, number] for number in range(count)]


def test_an_event_with_attachments_waits_too(server: Server) -> None:
    with Client(server) as client:
        client.send("40/custom,")
        client.send('451-/custom,1["message-with-ack",{"_placeholder":true,"num":0}]')
        client.send_binary(b"\x01\x02")
        assert client.text().startswith("40/custom,{")
        assert client.text().startswith('42/custom,["auth"')
        assert client.text() == '461-/custom,1[{"_placeholder":true,"num":0}]'
        assert client.binary() == b"\x01\x02"


def test_events_behind_a_refused_connect_are_dropped(server: Server) -> None:
    name = f"refused {server.options.get('serializer')}"
    with Client(server) as client, connected(server) as other:
        client.send(f'40/slow,{{"gate":"{name}","accept":false}}')
        client.send(f'42/slow,["note","{name}"]')
        client.send("41/slow,")
        client.send(f'40/slow,{{"gate":"{name}"}}')
        client.send('42/slow,1["note"]')
        other.send(f'42["release","{name}"]')
        assert client.text().startswith("44/slow,{")
        assert client.text().startswith("40/slow,{")
        assert client.text() == "43/slow,1[]"
        assert name not in other.call("heard")


def test_a_refused_client_that_has_left_is_answered(server: Server) -> None:
    with Client(server) as client:
        for _ in range(3):
            client.send("40/refused,")
            client.send("41/refused,")
        for _ in range(3):
            assert client.text() == '44/refused,{"message":"not allowed"}'
        client.connect()
        assert client.is_served()


def test_a_second_connect_is_a_violation_while_the_handler_runs_too(server: Server) -> None:
    tag = f"twice {server.options.get('serializer')}"
    with connected(server, {"tag": tag}) as client:
        client.send(f'40/slow,{{"gate":"{tag}"}}')
        client.send(f'40/slow,{{"gate":"{tag}"}}')
        client.close_code()
    assert reason(server, tag) == "parse error"
    with connected(server) as other:
        other.send(f'42["release","{tag}"]')
        assert other.is_served()


def test_namespaces_that_were_left_do_not_count_against_the_limit(server: Server) -> None:
    with Client(server) as client:
        client.connect()
        for number in range(100):
            client.send(f'40/slow,{{"gate":"many {number}"}}')
            client.send("41/slow,")
        assert client.is_served()
        with connected(server) as other:
            for number in range(100):
                other.send(f'42["release","many {number}"]')
        for _ in range(100):
            assert client.text().startswith("40/slow,{")
        assert client.is_served()


def test_a_polling_client_reads_its_answers_in_order(server: Server) -> None:
    with Polling(server) as session:
        body = SEPARATOR.join(["40", '421["message-with-ack",1]', "41", "40", '422["message-with-ack",2]'])
        assert session.post(body).status == 200
        # The answer to the first event may come behind the DISCONNECT: then nobody gets it.
        found = []
        while "432[2]" not in found:
            found.append(session.packet())
        assert [packet[:3] for packet in found if packet != "431[1]"] == ["40{", "40{", "432"]
