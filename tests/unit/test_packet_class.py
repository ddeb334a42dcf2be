"""Packet classes of the application: encoding and decoding, on the real core."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from socketio.packet import EVENT, Packet

import fanio
from fanio._codec.codec import make_codec
from fanio._codec.json_codec import JsonCodec
from fanio._codec.msgpack import MsgpackCodec
from fanio._codec.packet_class import PacketClassCodec
from fanio.msgpack_packet import MsgPackPacket
from fanio.packet import DISCONNECT
from fanio.packet import Packet as OwnPacket

sys.path.insert(0, str(Path(__file__).parent.parent / "apps"))

from packets import JsonPacket


def test_packets_are_encoded_as_a_whole():
    codec = PacketClassCodec(Packet)
    assert codec.encode(["e", 1], EVENT, "/a", 7) == (['2/a,7["e",1]'], None)
    assert codec.encode(["e", b"x"], EVENT, "/", None)[0] == ['51-["e",{"_placeholder":true,"num":0}]', b"x"]
    assert codec.encode_object({"message": "no"}, 4, "/a") == ['4/a,{"message":"no"}']
    assert codec.encode_disconnect("/a") == [f"{DISCONNECT}/a,"]


def test_the_json_module_is_given_to_the_class_for_one_server():
    class Module:
        @staticmethod
        def dumps(value, **options):
            return "mine"

        @staticmethod
        def loads(text):
            return ["mine"]

    assert PacketClassCodec(Packet, Module).encode(["e"]) == (["2mine"], None)
    assert PacketClassCodec(Packet).encode(["e"]) == (['2["e"]'], None)


@pytest.mark.parametrize("encoded", [None, 7, [], ["a", 1]])
def test_what_is_no_message_raises(encoded):
    class Bad(Packet):
        def encode(self):
            return encoded

    with pytest.raises(TypeError, match="encode\\(\\) must return"):
        PacketClassCodec(Bad).encode(["e"])


def test_a_class_that_is_no_packet_is_refused():
    with pytest.raises(TypeError, match="encode and decode"):
        fanio.AsyncServer(serializer=dict)


def test_the_packages_own_classes_take_the_fast_way():
    class Mine(MsgPackPacket):
        def encode(self):
            return b"mine"

    assert isinstance(make_codec(OwnPacket, None, 10), JsonCodec)
    assert isinstance(make_codec(MsgPackPacket, None, 10), MsgpackCodec)
    assert isinstance(make_codec(Mine, None, 10), PacketClassCodec)
    configured = MsgPackPacket.configure(dumps_default=lambda value: "default", ext_hook=lambda code, data: code)
    codec = make_codec(configured, None, 10)
    assert isinstance(codec, MsgpackCodec)
    assert codec.loads(codec.encode_object([{1, 2}])) == ["default"]
    assert codec.loads(b"\xd4\x05x") == 5


class Counting(JsonPacket):
    """Counts how often packets are encoded."""

    encoded = 0

    def encode(self):
        type(self).encoded += 1
        return super().encode()


async def test_a_broadcast_is_encoded_once(serve):
    sio, core = serve(serializer=Counting)
    sio._lifecycle.clients = 1
    before = Counting.encoded
    await sio.emit("e", 1, namespace="/a")
    assert Counting.encoded == before + 1
    [call] = core.of("emit")
    assert call[:3] == ("/a", ['{"type": 2, "nsp": "/a", "data": ["e", 1]}'], None)
    await asyncio.sleep(0)
