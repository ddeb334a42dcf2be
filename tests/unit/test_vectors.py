"""The wire vectors, which the Rust tests use too, against python-socketio's decoder and the frames of the core."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from socketio.msgpack_packet import MsgPackPacket
from socketio.packet import Packet

from fanio import _core
from fanio._codec.msgpack import MsgpackCodec

VECTORS = Path(__file__).parent.parent / "vectors"


def load(name):
    return json.loads((VECTORS / f"{name}.json").read_text())


@pytest.mark.parametrize("vector", [v for v in load("socketio") if "output" in v], ids=lambda v: v["name"])
def test_python_socketio_reads_the_packets_alike(vector):
    packet, output = Packet(encoded_packet=vector["input"]), vector["output"]
    assert packet.packet_type == output["type"]
    assert (packet.namespace or "/") == output["namespace"]
    assert packet.id == output.get("id")
    assert packet.attachment_count == output.get("attachments", 0)
    assert (packet.data or None) == (json.loads(output["data"]) or None if output["data"] else None)


MSGPACK = [v for v in load("msgpack") if "output" in v]


def plain(value):
    """A value as the vectors write it."""
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, datetime.datetime):
        return {"$date": round(value.timestamp() * 1000)}
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize("vector", MSGPACK, ids=lambda v: v["name"])
def test_msgpack_data_of_the_javascript_parser_is_read(vector):
    data = bytes.fromhex(vector["output"]["data"])
    assert (plain(MsgpackCodec().loads(data)) if data else None) == vector["value"]


@pytest.mark.parametrize("vector", MSGPACK, ids=lambda v: v["name"])
def test_python_socketio_reads_the_msgpack_packets_alike(vector):
    packet, output = MsgPackPacket(encoded_packet=bytes.fromhex(vector["input"])), vector["output"]
    assert (packet.packet_type, packet.namespace, packet.id) == (output["type"], output["namespace"], output.get("id"))
    if "$" not in json.dumps(vector["value"]) and "d40000" not in vector["input"]:
        assert packet.data == vector["value"]


@pytest.mark.parametrize("vector", [v for v in load("websocket") if v["from"] == "server"], ids=lambda v: v["name"])
def test_frames_of_a_server_are_read(vector):
    reader = _core.FrameReader()
    data = bytes.fromhex(vector["input"])
    if "error" in vector:
        with pytest.raises(ValueError):
            reader.feed(data)
    else:
        kind = {1: "Text", 2: "Binary", 8: "Close", 9: "Ping", 10: "Pong"}
        [(opcode, _)] = reader.feed(data)
        assert vector["output"].startswith(kind[opcode])


@pytest.mark.parametrize("opcode", [1, 2, 8, 9, 10])
def test_frames_of_a_client_are_masked(opcode):
    frame = _core.encode_frame(opcode, b"")
    assert frame[0] == 0x80 | opcode
    assert frame[1] & 0x80
    with pytest.raises(ValueError, match="opcode"):
        _core.encode_frame(3, b"")
