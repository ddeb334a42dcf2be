"""One broadcast, and ten that wait, to a hundred socket pairs, read to the end; beside a loop of ``send`` in Python.

The reading costs the same in each and is part of every figure.
"""

from __future__ import annotations

import msgpack
import pytest

from benches.pairs import Pairs, server_frame

CLIENTS = 100
PAD = "x" * 64
FRAME = server_frame(f'42["b",1,"{PAD}"]'.encode())
PACKET = msgpack.dumps({"type": 2, "nsp": "/", "data": ["b", 1, PAD]})
FRAMES = {"fanio, msgpack": server_frame(PACKET, 2)}


@pytest.mark.parametrize("emits", [1, 10])
@pytest.mark.parametrize("library", ["fanio", "fanio, msgpack", "python-socketio"])
def test_broadcast(benchmark, connect, library, emits):
    benchmark.group = f"{emits} × 64 B to {CLIENTS} socket pairs"
    pairs, frame = connect(library, CLIENTS), FRAMES.get(library, FRAME)

    async def emit():
        for _ in range(emits):
            await pairs.sio.emit("b", (1, PAD))

    def broadcast():
        pairs.run(emit())
        pairs.run(pairs.sio.sleep(0))
        pairs.receive(emits * len(frame))

    benchmark(broadcast)


@pytest.mark.parametrize("emits", [1, 10])
def test_bare_loop(benchmark, emits):
    benchmark.group = f"{emits} × 64 B to {CLIENTS} socket pairs"
    pairs = Pairs()
    streams = [pairs.pair() for _ in range(CLIENTS)]

    def broadcast():
        for _ in range(emits):
            for stream in streams:
                stream.send(FRAME)
        pairs.receive(emits * len(FRAME))

    benchmark(broadcast)
    for stream in streams:
        stream.close()
    pairs.close()
