"""The Engine.IO codec in Python, against the bytes of the protocol."""

from __future__ import annotations

import types

import pytest

from fanio.engineio import json as engine_json
from fanio.engineio import packet
from fanio.engineio.packet import Packet
from fanio.engineio.payload import Payload


@pytest.mark.parametrize(
    ("data", "encoded", "decoded"),
    [
        (None, "4", ""),
        ("text", "4text", "text"),
        ("€", "4€", "€"),
        ("12", "412", "12"),
        ({"a": 123, "b": [1, 2]}, '4{"a":123,"b":[1,2]}', {"a": 123, "b": [1, 2]}),
        (5, "45", "5"),
        (1.5, "41.5", "1.5"),
        (True, "4True", "True"),
    ],
)
def test_text_messages(data, encoded, decoded):
    assert Packet(packet.MESSAGE, data).encode() == encoded
    read = Packet(encoded_packet=encoded)
    assert (read.packet_type, read.data, read.binary) == (packet.MESSAGE, decoded, False)


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_binary_messages(kind):
    message = Packet(packet.MESSAGE, kind(b"\x01\x02\x03"))
    assert (message.binary, message.encode(), message.encode(b64=True)) == (True, b"\x01\x02\x03", "bAQID")
    for encoded in (kind(b"\x01\x02\x03"), "bAQID"):
        read = Packet(encoded_packet=encoded)
        assert (read.packet_type, read.data, read.binary) == (packet.MESSAGE, b"\x01\x02\x03", True)
        assert type(read.data) is bytes


def test_other_types():
    assert Packet().encode() == "6"
    assert Packet(packet.PING, "probe").encode() == "2probe"
    assert Packet(encoded_packet="3probe").data == "probe"
    assert [packet.packet_names[kind] for kind in (packet.OPEN, packet.NOOP)] == ["OPEN", "NOOP"]


@pytest.mark.parametrize("wrong", ["", "x", "-1"])
def test_what_is_no_packet(wrong):
    with pytest.raises(ValueError):
        Packet(encoded_packet=wrong)


def test_binary_data_is_a_message():
    with pytest.raises(ValueError, match="only be of type MESSAGE"):
        Packet(packet.NOOP, b"x")


def test_another_json_module():
    class Other(Packet):
        json = types.SimpleNamespace(dumps=lambda *_, **__: "+", loads=lambda text: {"read": text})

    assert Other(packet.MESSAGE, {"a": 1}).encode() == "4+"
    assert Other(encoded_packet="4x").data == {"read": "x"}


def test_json_bounds_integers():
    assert engine_json.loads("[" + "1" * 100 + "]") == [int("1" * 100)]
    with pytest.raises(ValueError, match="Integer is too large"):
        engine_json.loads("1" * 101)
    assert Packet(encoded_packet="4[" + "1" * 101 + "]").data == "[" + "1" * 101 + "]"


def test_payloads():
    packets = [Packet(packet.MESSAGE, "a"), Packet(packet.PONG), Packet(packet.MESSAGE, b"\x00")]
    assert Payload(packets).encode() == "4a\x1e3\x1ebAA=="
    read = Payload(encoded_payload="4a\x1e3\x1ebAA==").packets
    assert [(one.packet_type, one.data) for one in read] == [(4, "a"), (3, ""), (4, b"\x00")]
    assert Payload().encode() == ""
    assert Payload(encoded_payload="").packets == []


def test_jsonp_payloads():
    assert Payload([Packet(packet.MESSAGE, {"a": "b"})]).encode(jsonp_index=7) == '___eio[7]("4{\\"a\\":\\"b\\"}");'
    assert Payload(encoded_payload="d=4%22a%22").packets[0].data == "a"


def test_payloads_are_bounded(monkeypatch):
    text = "\x1e".join(["4"] * 17)
    with pytest.raises(ValueError, match="Too many packets"):
        Payload(encoded_payload=text)
    monkeypatch.setattr(Payload, "max_decode_packets", 17)
    assert len(Payload(encoded_payload=text).packets) == 17
