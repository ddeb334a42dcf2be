"""msgpack packets in Python, against the msgpack package."""

from __future__ import annotations

import datetime

import pytest

from fanio import packet
from fanio.msgpack_packet import MsgPackPacket

msgpack = pytest.importorskip("msgpack")
pytest.importorskip("ormsgpack")


@pytest.mark.parametrize(
    "made",
    [
        {"packet_type": packet.CONNECT, "data": {"auth": {"a": 1}}, "namespace": "/n"},
        {"packet_type": packet.EVENT, "data": ["e", 42, {"a": b"\x00"}], "namespace": "/"},
        {"packet_type": packet.ACK, "data": [], "namespace": "/", "id": 7},
        {"packet_type": packet.DISCONNECT},
    ],
)
def test_packets_are_one_object(made):
    encoded = MsgPackPacket(**made).encode()
    fields = {"type": made["packet_type"], "data": made.get("data"), "nsp": made.get("namespace")}
    assert msgpack.loads(encoded) == (fields | {"id": 7} if "id" in made else fields)
    read = MsgPackPacket(encoded_packet=encoded)
    assert (read.packet_type, read.data, read.namespace) == tuple(fields.values())
    assert (read.id, read.attachment_count) == (made.get("id"), 0)


def test_bytes_change_no_type():
    assert MsgPackPacket(data=["e", b"x"]).packet_type == packet.EVENT
    assert not MsgPackPacket.uses_binary_events


def test_two_functions_make_a_class_of_their_own():
    custom = MsgPackPacket.configure(dumps_default=lambda value: f"<{value}>", ext_hook=lambda code, data: (code, data))
    assert msgpack.loads(custom(data=["e", datetime.date]).encode())["data"][1] == "<<class 'datetime.date'>>"
    encoded = msgpack.dumps({"type": 2, "nsp": "/", "data": [msgpack.ExtType(5, b"x")]})
    assert custom(encoded_packet=encoded).data == [(5, b"x")]
    assert MsgPackPacket(encoded_packet=encoded).data == [msgpack.ExtType(5, b"x")]
    with pytest.raises(TypeError):
        MsgPackPacket(data=["e", datetime.date]).encode()


@pytest.mark.parametrize("wrong", [b"\xc1", b"\x01", b"\x80", msgpack.dumps({"type": "2", "nsp": "/"})])
def test_what_is_no_packet(wrong):
    with pytest.raises(ValueError):
        MsgPackPacket(encoded_packet=wrong)
