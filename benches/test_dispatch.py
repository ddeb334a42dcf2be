"""A hundred events with an ack from one client: bytes in, an ``async def`` handler for each, bytes out.

fanio reads WebSocket frames from a socket pair; python-socketio is given the packets, without a transport.
"""

from __future__ import annotations

import asyncio

import orjson
import pytest

from benches.pairs import client_frame, server_frame

EVENTS = 100
IDS = range(100, 100 + EVENTS)
VALUES = {
    "64 B": "x" * 64,
    "512 B": "x" * 512,
    "10 records": [{"symbol": f"S{n}", "price": n * 1.25, "open": True} for n in range(10)],
}


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("library", ["fanio", "python-socketio"])
def test_events_with_ack(benchmark, connect, library, value):
    benchmark.group = f"{EVENTS} events with ack: {value}"
    text = orjson.dumps(VALUES[value]).decode()
    pairs = connect(library, 1)
    handled = 0
    done = asyncio.Event()

    async def echo(sid, value):
        nonlocal handled
        handled += 1
        if handled % EVENTS == 0:
            done.set()
        return value

    pairs.sio.on("echo", echo)
    packets = [f'2{number}["echo",{text}]' for number in IDS]
    frames = b"".join(client_frame(b"4" + packet.encode()) for packet in packets)
    answers = sum(len(server_frame(f"43{number}[{text}]".encode())) for number in IDS)

    async def serve():
        done.clear()
        if library == "fanio":
            assert pairs.ends[0].send(frames) == len(frames)
        else:
            for packet in packets:
                await pairs.sio._handle_eio_message("eio0", packet)
        await asyncio.wait_for(done.wait(), 20)
        # The last ack leaves in the task that ran the handler.
        await asyncio.sleep(0)

    def round_trip():
        pairs.run(serve())
        pairs.receive(answers)

    benchmark(round_trip)
    assert handled % EVENTS == 0
