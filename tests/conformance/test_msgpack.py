"""The bytes of the msgpack parser on the wire, and packets of a hostile client."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import msgpack
import pytest

from fixtures.oracle import ORACLE
from fixtures.polling import Polling
from fixtures.websocket import CLOSE, PING, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.server import Pool, Server

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="the oracles have no option for the parser here")

#: What socket.io-msgpack-parser 3.0.2 sends for a CONNECT without auth: data is undefined.
CONNECT = bytes.fromhex("83a47479706500a464617461d40000a36e7370a12f")


@pytest.fixture
def server(pool: Pool) -> Iterator[Server]:
    """A server with the parser; behind the test it must serve another client."""
    found = pool.get("wire", {"serializer": "msgpack"})
    yield found
    assert found.is_running(), found.output()[-4000:]
    with joined(found) as client:
        assert call(client, "message-with-ack", "well") == ["well"]


def joined(server: Server) -> Client:
    """A client that has joined `/`."""
    client = Client(server)
    client.send_binary(CONNECT)
    assert msgpack.loads(client.binary())["type"] == 0
    return client


def packet(kind: int, data: Any = None, **more: Any) -> bytes:
    """A packet as python-socketio writes it."""
    packed: bytes = msgpack.dumps({"type": kind, "data": data, "nsp": "/", **more})
    return packed


def call(client: Client, *args: Any) -> Any:
    """Emits with an ack and returns its arguments."""
    client.send_binary(packet(2, list(args), id=7))
    while (frame := client.frame()).payload == b"2":
        client.send("3")
    answer = msgpack.loads(frame.payload)
    assert (answer["type"], answer["id"]) == (3, 7)
    return answer["data"]


def is_closed(client: Client) -> bool:
    """Whether the server closes the connection."""
    try:
        while (frame := client.frame()).opcode != CLOSE:
            assert frame.opcode == PING or frame.payload == b"2", frame
    except EOFError:
        pass
    return True


def test_packets_have_the_bytes_of_the_javascript_parser(server: Server) -> None:
    with Client(server) as client:
        client.send_binary(CONNECT)
        reply = client.binary()
        assert reply[:12] == bytes.fromhex("83a47479706500a36e7370a1")
        assert len(msgpack.loads(reply)["data"]["sid"]) == 20
        client.send_binary(packet(2, ["message", b"\x01", {"a": None}]))
        event = bytes.fromhex("83a47479706502a36e7370a12fa46461746193ac6d6573736167652d6261636bc4010181a161c0")
        assert client.binary() == event


def test_disconnect_has_no_data(server: Server) -> None:
    with joined(server) as client:
        client.send_binary(packet(2, ["bye"]))
        assert client.binary() == bytes.fromhex("82a47479706501a36e7370a12f")


def test_a_refusal_says_why(server: Server) -> None:
    with Client(server) as client:
        client.send_binary(packet(0, nsp="/refused"))
        assert msgpack.loads(client.binary()) == {"type": 4, "nsp": "/refused", "data": {"message": "not allowed"}}
        client.send_binary(packet(0, nsp="/nowhere"))
        assert msgpack.loads(client.binary())["data"] == {"message": "Invalid namespace"}


def test_polling_carries_base64(server: Server) -> None:
    with Polling(server) as client:
        client.send(f"b{base64.b64encode(CONNECT).decode()}")
        [record] = client.packets()
        assert record[:1] == "b"
        assert msgpack.loads(base64.b64decode(record[1:]))["type"] == 0


DEEP = b"\x83\xa4type\x02\xa3nsp\xa1/\xa4data\x92\xa1a"
ATTACKS = {
    "text": "40",
    "text event": '42["message"]',
    "nothing": b"",
    "length of an array": DEEP[:-3] + b"\xdd\xff\xff\xff\xff",
    "length of a map": DEEP + b"\xdf\xff\xff\xff\xff",
    "length of a text": DEEP + b"\xdb\xff\xff\xff\xff",
    "length of bytes": DEEP + b"\xc6\xff\xff\xff\xff",
    "length of an extension": DEEP + b"\xc9\xff\xff\xff\xff\x00",
    "depth": DEEP + b"\x91" * 100_000 + b"\xc0",
    "depth of a map": DEEP + b"\x81\xa1a" * 100_000 + b"\xc0",
    "depth of a key": b"\x82" + b"\x91" * 100_000,
    "text that is not UTF-8": DEEP + b"\xa2\xc3\x28",
    "reserved byte": DEEP + b"\xc1",
    "trailing byte": packet(2, ["message"]) + b"\xc0",
    "truncated": packet(2, ["message", "x"])[:-1],
    "second connect": CONNECT,
    "event elsewhere": packet(2, ["message"], nsp="/other"),
    "reserved name": packet(2, ["disconnect"]),
    "name that is no text": packet(2, [{}]),
    "ack id": packet(2, ["message"], id=1 << 60),
    "connect error": packet(4, {"message": "no"}),
    "type": packet(5, ["message"]),
    "key that is a list": DEEP + b"\x81\x91\x81\x01\x02\x03",
}


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_what_is_no_packet_ends_the_session(server: Server, attack: str | bytes) -> None:
    with joined(server) as client:
        if isinstance(attack, str):
            client.send(attack)
        else:
            client.send_binary(attack)
        assert is_closed(client)


def test_many_small_values_are_taken(server: Server) -> None:
    with joined(server) as client:
        [values] = call(client, "message-with-ack", [None] * 500_000)
        assert len(values) == 500_000
