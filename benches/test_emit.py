"""What one emit costs the thread that calls it, beside ``orjson.dumps`` of the same data and python-socketio's emit.

python-socketio writes to its clients inside ``emit``; fanio's shards do it on their own threads, so its figure does not
grow with the clients.
"""

from __future__ import annotations

import orjson
import pytest

from benches.pairs import server_frame

PAD = "x" * 64
FRAME = len(server_frame(f'42["b",1,"{PAD}"]'.encode()))
#: Rounds, and emits in each: what waits at the clients is taken out after each round.
TIMES = {"fanio": (50, 50), "python-socketio": (5, 5)}


def test_dumps_alone(benchmark):
    benchmark.group = "emit, 64 B"
    benchmark(orjson.dumps, ["b", 1, PAD])


@pytest.mark.parametrize("clients", [10, 1_000])
@pytest.mark.parametrize("library", ["fanio", "python-socketio"])
def test_emit(benchmark, connect, library, clients):
    benchmark.group = "emit, 64 B"
    pairs = connect(library, clients)
    rounds, emits = TIMES[library]

    # After its rounds pytest-benchmark calls it once more; without measuring, once.
    counts = iter([*[emits] * (rounds if benchmark.enabled else 0), 1])

    def take_out(*_):
        pairs.run(pairs.sio.sleep(0))
        pairs.receive(next(counts) * FRAME)

    def emit(event, data):
        pairs.run(pairs.sio.emit(event, data))

    target = pairs.sio.emit_nowait if library == "fanio" else emit
    benchmark.pedantic(target, ("b", (1, PAD)), rounds=rounds, iterations=emits, teardown=take_out)
    if not benchmark.enabled:
        take_out()
