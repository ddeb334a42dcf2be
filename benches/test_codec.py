"""Python values to packet data and back, beside python-socketio's packet classes.

fanio's core writes and reads the few bytes of the header, and has the text decoded by the function that is measured
here; `test_dispatch.py` has the whole way in and out.
"""

from __future__ import annotations

import orjson
import pytest
from socketio.msgpack_packet import MsgPackPacket
from socketio.packet import EVENT, Packet

from fanio._codec.json_codec import JsonCodec
from fanio._codec.msgpack import MsgpackCodec

PAYLOADS = {
    "64 B": ["b", 1, "x" * 64],
    "1 KiB": ["b", 1, "x" * 1024],
    "50 records": [
        "prices",
        [{"symbol": f"S{n}", "price": n * 1.25, "open": True, "tags": ["a", "b"]} for n in range(50)],
    ],
    "1 KiB attachment": ["b", 1, b"x" * 1024],
}
TEXTS = [name for name in PAYLOADS if "attachment" not in name]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("library", ["fanio", "python-socketio"])
def test_encode(benchmark, library, payload):
    benchmark.group = f"encode: {payload}"
    data = PAYLOADS[payload]
    codec = JsonCodec()
    if library == "fanio":
        text, blobs = benchmark(codec.encode, data)
        assert orjson.loads(text)[0] == data[0]
        assert bool(blobs) == ("attachment" in payload)
    else:
        encoded = benchmark(lambda: Packet(EVENT, data=data, namespace="/").encode())
        assert encoded[0][0] in "25"


@pytest.mark.parametrize("payload", TEXTS)
@pytest.mark.parametrize("library", ["fanio", "python-socketio"])
def test_decode(benchmark, library, payload):
    benchmark.group = f"decode: {payload}"
    data = orjson.dumps(PAYLOADS[payload])
    if library == "fanio":
        assert benchmark(JsonCodec().fast_loads, data) == PAYLOADS[payload]
    else:
        text = "2" + data.decode()
        assert benchmark(lambda: Packet(encoded_packet=text).data) == PAYLOADS[payload]


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("library", ["fanio, msgpack", "python-socketio, msgpack"])
def test_msgpack(benchmark, library, payload):
    benchmark.group = f"encode: {payload}"
    data = PAYLOADS[payload]
    if library == "fanio, msgpack":
        packed, _ = benchmark(MsgpackCodec().encode, data)
        assert MsgpackCodec().loads(packed) == data
    else:
        packed = benchmark(lambda: MsgPackPacket(EVENT, data=data, namespace="/").encode())
        assert MsgPackPacket(encoded_packet=packed).data == data


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("library", ["fanio, msgpack", "python-socketio, msgpack"])
def test_msgpack_decode(benchmark, library, payload):
    benchmark.group = f"decode: {payload}"
    data = PAYLOADS[payload]
    if library == "fanio, msgpack":
        assert benchmark(MsgpackCodec().loads, MsgpackCodec().encode_object(data)) == data
    else:
        packed = MsgPackPacket(EVENT, data=data, namespace="/").encode()
        assert benchmark(lambda: MsgPackPacket(encoded_packet=packed).data) == data
