"""Wrong packets for a server with a packet class: each ends only its own session."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import ORACLE
from fixtures.websocket import Client, connected, reason

if TYPE_CHECKING:
    from conftest import Serve
    from fixtures.server import Server

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="the oracles have no option for the parser here")


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server that reads the default format with python-socketio's own class."""
    return serve(serializer="plain", connect_timeout=2, max_attachments=3)


ATTACKS: dict[str, list[str | bytes]] = {
    "no packet": ["4x"],
    "empty": ["4"],
    "bytes": [b"\x00\xff"],
    "unknown type": ["49"],
    "only servers send it": ['44{"message":"no"}'],
    "second connect": ["40"],
    "event without data": ["42"],
    "event with an object": ['42{"a":1}'],
    "event without a name": ["42[]"],
    "event named by an object": ["42[{}]"],
    "reserved name": ['42["disconnect"]'],
    "long name": [f'42["{"n" * 2000}"]'],
    "long namespace": [f"40/{'n' * 300},"],
    "ack id past 2^53": ['4299999999999999999999["message"]'],
    "ack with an object": ["431{}"],
    "too many attachments": ['454-["message"]'],
    "text for an attachment": ['451-["message",{"_placeholder":true,"num":0}]', '42["message"]'],
    "illegal placeholder": ['451-["message",{"_placeholder":true,"num":7}]', b"x"],
    "attachments that are too large together": ['453-["message"]', b"x" * 600_000, b"x" * 600_000],
    "deep data": ["42" + "[" * 100_000],
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_is_no_packet_is_a_parse_error(server: Server, attack: list[str | bytes]) -> None:
    tag = f"packet class {list(ATTACKS.values()).index(attack)}"
    with connected(server, {"tag": tag}) as client:
        for message in attack:
            client.send(message) if isinstance(message, str) else client.send_binary(message)
        client.close_code()
    assert reason(server, tag) == "parse error"


def test_more_namespaces_than_allowed_end_the_session(serve: Serve) -> None:
    server = serve(serializer="plain", namespaces="*")
    with connected(server, {"tag": "many"}) as client:
        for number in range(40):
            client.send(f"40/{number},")
        client.close_code()
    assert reason(server, "many") == "parse error"


def test_packets_for_namespaces_that_are_not_joined_are_dropped(server: Server) -> None:
    with connected(server) as client:
        for packet in ('42/custom,["message"]', "41/custom,", "43/custom,1[]"):
            client.send(packet)
        assert client.is_served()


def test_a_client_that_leaves_says_so_before_its_connection_ends(server: Server) -> None:
    for number in range(5):
        with connected(server, {"tag": f"leaver {number}"}) as client:
            client.send("41")
        assert reason(server, f"leaver {number}") == "client disconnect"


def test_a_client_may_come_back_to_a_namespace(server: Server) -> None:
    with connected(server) as client:
        first = client.connect("/custom")
        assert client.text().startswith("42/custom,")
        client.send("41/custom,")
        second = client.connect("/custom")
        assert first != second


def test_a_session_without_a_namespace_is_closed_in_time(server: Server) -> None:
    with Client(server) as client:
        assert client.close_code()


@pytest.mark.parametrize("kind", ["text", "binary"])
def test_an_acknowledgement_reaches_the_callback(server: Server, kind: str) -> None:
    with connected(server) as client:
        client.send('42["ask",1]')
        number = client.text().removeprefix("42").removesuffix('["question",1]')
        if kind == "text":
            client.send(f"43{number}[7]")
            assert client.text() == '42["answer",7]'
        else:
            client.send(f'461-{number}[{{"_placeholder":true,"num":0}}]')
            client.send_binary(b"7")
            assert client.text() == '451-["answer",{"_placeholder":true,"num":0}]'
            assert client.binary() == b"7"
