"""Fits a model of one broadcast to measurements with 1 and 2 shards: ``python benches/load/scaling.py``.

Measures the CPU time that each thread of fanio takes for a broadcast, with each number of shards and clients, and fits
by least squares

    t = a + b · N/S

where t is the time of the busiest of S shards for a broadcast to N clients, a what a broadcast costs a shard once (the
wake, its turn, the driver's request and ack), and b its work for each client. CPU time, because on two cores the
generator is in the way of what a clock would show. The loop's thread is told beside it. Writes the table and the
coefficients between their marks in benches/README.md. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from statistics import median
from typing import TYPE_CHECKING, Any

from figures import render
from report import ROOT, fill
from servers import SERVERS, binary, build, running

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["busy", "fit", "predict"]

CLIENTS = (100, 300, 1_000, 3_000, 10_000)
SHARDS = (1, 2)
#: Machines to say something about: shards and clients.
ELSEWHERE = ((1, 100_000), (4, 100_000), (16, 100_000), (16, 1_000_000))


def fit(points: Sequence[tuple[int, int, float]]) -> tuple[float, float]:
    """Return a and b of the model for points (shards, clients, time); a is not below 0.

    Every point counts by its relative error, since the times span decades.
    """
    # Divided by the time, each point asks for a · x + b · y = 1.
    scaled = [(1 / time, clients / shards / time) for shards, clients, time in points]
    xx, xy, yy = (
        sum(p * q for p, q in pairs) for pairs in ([(x, x) for x, _ in scaled], scaled, [(y, y) for _, y in scaled])
    )
    x1, y1 = (sum(column) for column in zip(*scaled, strict=True))
    determinant = xx * yy - xy * xy
    if determinant <= 1e-12 * xx * yy or (a := (x1 * yy - y1 * xy) / determinant) < 0:
        return 0.0, y1 / yy
    return a, (y1 - a * xy) / yy


def predict(model: tuple[float, float], shards: int, clients: int) -> float:
    """Return the time that the model says."""
    a, b = model
    return a + b * clients / shards


def busy(figures: dict[str, Any]) -> tuple[float, float]:
    """Return the milliseconds for each broadcast of the busiest shard and of the loop's thread.

    Args:
        figures: The generator's report of a run with ``--pid``; fanio names its shards' threads ``fanio-shard-…``.
    """
    each = 1000 * figures["seconds"] / figures["broadcasts"]
    threads = [one.rsplit(" ", 1) for one in figures["cores_by_thread"].split(", ")]
    shards = [float(cores) for name, cores in threads if "shard" in name]
    others = [float(cores) for name, cores in threads if "shard" not in name]
    return max(shards) * each, max(others) * each


def measure(shards: int, clients: int, seconds: float, port: int) -> tuple[float, float]:
    """Return what ``busy`` does of one run."""
    with running(SERVERS["fanio"], None, port, BENCH_SHARDS=str(shards)) as pid:
        command = [binary(), "broadcast", "--clients", str(clients), "--seconds", str(seconds)]
        command += ["--count", "1000000", "--json", "--pid", str(pid), f"http://127.0.0.1:{port}"]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    return busy(json.loads(done.stdout))


def report(points: Sequence[tuple[int, int, float]], loops: Sequence[float]) -> str:
    """Return what was measured, what the model makes of it, and what it says of other machines."""
    model = a, b = fit(points)
    rows = [["shards", "clients", "busiest shard, ms per broadcast", "model, ms"]]
    rows += [[str(s), f"{n:,}", f"{t:.3f}", f"{predict(model, s, n):.3f}"] for s, n, t in points]
    elsewhere = "; ".join(
        f"{clients:,} clients on {shards}: {predict(model, shards, clients):,.0f} ms" for shards, clients in ELSEWHERE
    )
    return (
        f"t = {a:.3f} ms + {1000 * b:.2f} µs · N/S. The loop's thread took {1000 * min(loops):.0f} to "
        f"{1000 * max(loops):.0f} µs for each broadcast, its request and ack included.\n\n{render(rows)}\n\n"
        f"With a core for each shard the model says, for clients on shards: {elsewhere}."
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
    loops: list[float] = []
    port = options.port
    for _ in range(options.rounds):
        for clients in options.clients:
            for shards in SHARDS:
                port += 1
                shard, loop = measure(shards, clients, options.seconds, port)
                times.setdefault((shards, clients), []).append(shard)
                loops.append(loop)
                print(f"{shards} shards, {clients:,} clients: shard {shard:.3f} ms, loop {loop:.3f} ms", flush=True)
    points = [(shards, clients, median(found)) for (shards, clients), found in sorted(times.items())]
    text = report(points, loops)
    print(text)
    if not options.print:
        fill(ROOT / "benches/README.md", "scaling", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
