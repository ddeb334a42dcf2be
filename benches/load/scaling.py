"""Fits a model of one broadcast's time to measurements with 1 and 2 shards: ``python benches/load/scaling.py``.

Measures fanio with each number of shards and clients, one broadcast at a time, and fits by least squares

    t = a + b · N/S + c · N

where t is the time until the last of N clients has the message, S the number of shards that have a core each, a what a
broadcast costs once (the driver's request, its handler, the wakes), b a shard's work for each client, and c what is
done one after the other however many shards there are: here, the generator's reading. Writes the table and the
coefficients between their marks in benches/README.md. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING

from figures import render
from report import ROOT, fill
from servers import SERVERS, binary, build, running

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["fit", "predict"]

CLIENTS = (100, 300, 1_000, 3_000, 10_000)
SHARDS = (1, 2)
#: Machines to say something about: shards and clients.
ELSEWHERE = ((1, 100_000), (4, 100_000), (16, 100_000), (16, 1_000_000))


def fit(points: Sequence[tuple[int, int, float]]) -> tuple[float, float, float]:
    """Return a, b and c of the model, none below 0, for points (shards, clients, time).

    Every point counts by its relative error, since the times span decades.
    """
    free = [0, 1, 2]
    while True:
        solution = dict(zip(free, least_squares(points, free), strict=True))
        negative = [index for index in free if solution[index] < 0]
        if not negative:
            return tuple(solution.get(index, 0.0) for index in range(3))  # type: ignore[return-value]
        free.remove(min(negative, key=lambda index: solution[index]))


def features(shards: int, clients: int) -> tuple[float, float, float]:
    return 1.0, clients / shards, float(clients)


def least_squares(points: Sequence[tuple[int, int, float]], free: Sequence[int]) -> list[float]:
    """Solve the normal equations of the features named by ``free``."""
    size = len(free)
    matrix = [[0.0] * (size + 1) for _ in range(size)]
    for shards, clients, time in points:
        every = features(shards, clients)
        row = [every[index] / time for index in free]
        for i in range(size):
            for j in range(size):
                matrix[i][j] += row[i] * row[j]
            matrix[i][size] += row[i]
    return eliminate(matrix)


def eliminate(matrix: list[list[float]]) -> list[float]:
    """Solve a system, given with its right side as the last column, by Gauss and Jordan."""
    size = len(matrix)
    for column in range(size):
        pivot = max(range(column, size), key=lambda row: abs(matrix[row][column]))
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        matrix[column] = [value / matrix[column][column] for value in matrix[column]]
        for row in range(size):
            if row != column:
                factor = matrix[row][column]
                matrix[row] = [value - factor * top for value, top in zip(matrix[row], matrix[column], strict=True)]
    return [row[size] for row in matrix]


def predict(model: tuple[float, float, float], shards: int, clients: int) -> float:
    """Return the time that the model says."""
    return sum(factor * feature for factor, feature in zip(model, features(shards, clients), strict=True))


def measure(shards: int, clients: int, seconds: float, port: int) -> float:
    """Return the median time until the last client has a broadcast, in milliseconds."""
    with running(SERVERS["fanio"], None, port, BENCH_SHARDS=str(shards)) as pid:
        command = [binary(), "broadcast", "--clients", str(clients), "--seconds", str(seconds)]
        command += ["--count", "1000000", "--json", "--pid", str(pid), f"http://127.0.0.1:{port}"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return float(json.loads(done.stdout)["last_p50_ms"])


def report(points: Sequence[tuple[int, int, float]]) -> str:
    """Return what was measured and what the model makes of it."""
    model = fit(points)
    a, b, c = model
    rows = [["shards", "clients", "measured, ms", "model, ms"]]
    rows += [[str(s), f"{n:,}", f"{t:.2f}", f"{predict(model, s, n):.2f}"] for s, n, t in points]
    elsewhere = "; ".join(
        f"{shards} shards, {clients:,} clients: {predict((a, b, 0.0), shards, clients):,.0f} ms"
        for shards, clients in ELSEWHERE
    )
    return (
        f"t = {a:.2f} ms + {1000 * b:.2f} µs · N/S + {1000 * c:.2f} µs · N\n\n{render(rows)}\n\n"
        f"Without the generator's part, with a core for each shard: {elsewhere}."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--clients", type=int, nargs="+", default=list(CLIENTS))
    parser.add_argument("--port", type=int, default=22500)
    parser.add_argument("--print", action="store_true", help="leave benches/README.md as it is")
    options = parser.parse_args()
    build()
    reason = SERVERS["fanio"].install()
    if reason:
        print(reason, file=sys.stderr)
        return 1
    times: dict[tuple[int, int], list[float]] = {}
    port = options.port
    for _ in range(options.rounds):
        for clients in options.clients:
            for shards in SHARDS:
                port += 1
                time = measure(shards, clients, options.seconds, port)
                times.setdefault((shards, clients), []).append(time)
                print(f"{shards} shards, {clients:,} clients: {time:.2f} ms", flush=True)
    text = report([(shards, clients, median(all_of)) for (shards, clients), all_of in sorted(times.items())])
    print(text)
    if not options.print:
        fill(ROOT / "benches/README.md", "scaling", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
