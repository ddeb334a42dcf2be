"""The packet codec in Python, against literal packets of the protocol and python-socketio's results."""

from __future__ import annotations

import types

import pytest

from fanio import packet
from fanio.packet import Packet

ROUND_TRIPS = [
    ({"packet_type": packet.CONNECT}, "0"),
    ({"packet_type": packet.CONNECT, "namespace": "/"}, "0"),
    ({"packet_type": packet.CONNECT, "namespace": "/foo"}, "0/foo,"),
    ({"packet_type": packet.CONNECT, "data": {"token": "a"}}, '0{"token":"a"}'),
    ({"packet_type": packet.DISCONNECT, "namespace": "/foo"}, "1/foo,"),
    ({"data": ["foo"]}, '2["foo"]'),
    ({"data": ["foo", 1, None]}, '2["foo",1,null]'),
    ({"data": ["foo"], "namespace": "/bar"}, '2/bar,["foo"]'),
    ({"data": ["foo"], "id": 123}, '2123["foo"]'),
    ({"data": ["foo"], "id": 0, "namespace": "/b"}, '2/b,0["foo"]'),
    ({"packet_type": packet.ACK, "data": [], "id": 7}, "37[]"),
    ({"packet_type": packet.CONNECT_ERROR, "data": {"message": "no"}, "namespace": "/a"}, '4/a,{"message":"no"}'),
]


@pytest.mark.parametrize(("made", "text"), ROUND_TRIPS)
def test_text_packets(made, text):
    assert Packet(**made).encode() == text
    read = Packet(encoded_packet=text)
    expected = Packet(**made)
    namespace = None if expected.namespace == "/" else expected.namespace
    assert (read.packet_type, read.namespace, read.id) == (expected.packet_type, namespace, expected.id)
    assert (read.data, read.attachment_count) == (expected.data, 0)


def test_what_a_packet_is_by_default():
    empty = Packet()
    assert (empty.packet_type, empty.data, empty.namespace, empty.id) == (packet.EVENT, None, None, None)
    assert empty.encode() == "2"
    assert packet.packet_names[packet.BINARY_ACK] == "BINARY_ACK"


def test_a_namespace_loses_its_query():
    assert Packet(encoded_packet='2/foo?a=b,["x"]').namespace == "/foo"
    assert Packet(encoded_packet="0/foo?a=b").namespace == "/foo"
    assert Packet(encoded_packet="1/foo").namespace == "/foo"


@pytest.mark.parametrize("kind", [bytes, bytearray])
def test_bytes_become_attachments(kind):
    made = Packet(data=["e", kind(b"1"), {"a": kind(b"2"), "b": (kind(b"3"),)}], id=5, namespace="/n")
    assert made.packet_type == packet.BINARY_EVENT
    text, *attachments = made.encode()
    assert text == (
        '53-/n,5["e",{"_placeholder":true,"num":0},'
        '{"a":{"_placeholder":true,"num":1},"b":[{"_placeholder":true,"num":2}]}]'
    )
    assert attachments == [b"1", b"2", b"3"]
    read = Packet(encoded_packet=text)
    assert (read.packet_type, read.attachment_count, read.id) == (packet.BINARY_EVENT, 3, 5)
    assert [read.add_attachment(blob) for blob in attachments] == [False, False, True]
    assert read.data == ["e", b"1", {"a": b"2", "b": [b"3"]}]
    with pytest.raises(ValueError, match="Unexpected binary attachment"):
        read.add_attachment(b"4")


def test_acks_have_attachments_too():
    made = Packet(packet.ACK, data=[b"x"], id=1)
    assert made.encode() == ['61-1[{"_placeholder":true,"num":0}]', b"x"]


def test_binary_can_be_given_beforehand():
    assert Packet(data=["e"], binary=True).encode() == ['50-["e"]']
    assert Packet(data=["e", b"x"], binary=False).packet_type == packet.EVENT
    with pytest.raises(ValueError, match="does not support binary"):
        Packet(packet.CONNECT, data={"a": b"x"})


@pytest.mark.parametrize(
    ("data", "binary"),
    [
        ("a", False),
        ([], False),
        ({}, False),
        ([1, ["a", {"b": None}]], False),
        (b"", True),
        (bytearray(), True),
        (["a", b"b"], True),
        ([{"a": {"b": [b"c"]}}], True),
        ((b"a",), True),
    ],
)
def test_bytes_are_found_anywhere(data, binary):
    assert Packet.data_is_binary(data) is binary


@pytest.mark.parametrize("number", [1, -1, "0", None, 1.0, True])
def test_placeholders_name_attachments(number):
    read = Packet(encoded_packet='51-["e",{"_placeholder":true,"num":0}]')
    read.data[1]["num"] = number
    with pytest.raises(ValueError, match="no attachment"):
        read.add_attachment(b"x")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("5" + "1" * 11 + '-["e"]', "too many attachments"),
        ("2" + "1" * 101 + '["e"]', "id field is too long"),
        ("x", "not a packet"),
        ("-", "not a packet"),
        ("2[", "Expecting value"),
        ("2" + "[" + "1" * 101 + "]", "Integer is too large"),
    ],
)
def test_what_is_no_packet(text, error):
    with pytest.raises(ValueError, match=error):
        Packet(encoded_packet=text)


def test_limits_are_python_socketios():
    assert Packet(encoded_packet="5" + "9" * 10 + '-["e"]').attachment_count == 9_999_999_999
    assert Packet(encoded_packet="2" + "9" * 100 + '["e"]').id == int("9" * 100)


def test_another_json_module():
    class Other(Packet):
        json = types.SimpleNamespace(dumps=lambda *_, **__: "+", loads=lambda text: {"read": text})

    assert Other(data=["e"]).encode() == "2+"
    assert Other(encoded_packet="2*a").data == {"read": "*a"}


def test_python_socketio_reads_and_writes_the_same():
    theirs = pytest.importorskip("socketio.packet").Packet
    for made, text in ROUND_TRIPS:
        assert theirs(**made).encode() == text
        read, other = Packet(encoded_packet=text), theirs(encoded_packet=text)
        for name in ("packet_type", "namespace", "id", "data", "attachment_count"):
            assert getattr(read, name) == getattr(other, name), (text, name)
