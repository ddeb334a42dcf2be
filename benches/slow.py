"""Measure what clients cost that do not read: ``python benches/slow.py [--clients 5000] [--seconds 10] [--rounds 3]``.

Broadcasts of 1 KiB at half of the measured capacity, while 0 %, 1 %, 50 % and all clients but the driver do not read.
Each run has a fresh server, on core 0; the generator is on core 1 and fails when a client that reads lacks a message.
Prints a table; the rounds interleave the shares, so latencies compare within a round. benches/README.md says what the
numbers mean. Standard library only, besides fanio.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "load"))

from servers import Server, binary, build, prepare_fanio, running  # noqa: E402 (the folder is no package)

PORT = 9870
SIZE = 1024
SHARES = [0.0, 0.01, 0.5, 1.0]
MIB = 1 << 20
PAGE = 4096


class Sampler(threading.Thread):
    """Notes the highest memory of a server, and its numbers, until it is stopped."""

    def __init__(self, pid: int, port: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.port = pid, port
        self.idle = memory(pid)
        self.kernel_before = kernel()
        self.user = self.kernel = self.queued = 0
        self.numbers: dict[str, float] = {}
        self.done = threading.Event()

    def run(self) -> None:
        while not self.done.wait(0.25):
            self.look()

    def look(self) -> None:
        """Read everything once."""
        self.user = max(self.user, memory(self.pid))
        self.kernel = max(self.kernel, kernel())
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=30) as response:
            lines = [line.rsplit(" ", 1) for line in response.read().decode().splitlines() if line[:1] != "#"]
        self.numbers = {name: float(value) for name, value in lines}
        self.queued = max(self.queued, int(self.numbers['fanio_queued_bytes{shard="0"}']))

    def stop(self) -> None:
        """Read everything for the last time."""
        self.done.set()
        self.join()
        self.look()


def memory(pid: int) -> int:
    """Return the bytes of a process in user space, its share of what it shares (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def kernel() -> int:
    """Return the bytes that all TCP sockets of this machine hold."""
    for line in Path("/proc/net/sockstat").read_text().splitlines():
        if line.startswith("TCP:"):
            words = line.split()
            return int(words[words.index("mem") + 1]) * PAGE
    return 0


def load(port: int, pid: int, arguments: argparse.Namespace, seconds: float, *more: str) -> dict[str, Any]:
    """Run the generator; return its report."""
    clients, buffer = str(arguments.clients), str(arguments.receive_buffer)
    command = ["taskset", "-c", "1", binary(), "broadcast", "--clients", clients, "--size", str(SIZE)]
    command += [
        "--count",
        "1000000",
        "--seconds",
        str(seconds),
        "--warmup",
        "20",
        "--patience",
        "60",
        "--receive-buffer",
        buffer,
    ]
    command += ["--json", "--pid", str(pid), *more, f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"the generator failed: {done.stdout}{done.stderr}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def measure(server: Server, port: int, arguments: argparse.Namespace, share: float, pace: float) -> dict[str, float]:
    """Run one share of clients that do not read."""
    stalled = min(int(arguments.clients * share), arguments.clients - 1)
    with running(server, 0, port) as pid:
        sampler = Sampler(pid, port)
        sampler.start()
        more = ("--stalled", str(stalled), "--pace", f"{pace:.2f}")
        report = load(port, pid, arguments, arguments.seconds, *more)
        sampler.stop()
        numbers = sampler.numbers
        return {
            "stalled": stalled,
            "broadcasts": report["broadcasts"],
            "p50": report["each_p50_ms"],
            "p99": report["each_p99_ms"],
            "cpu": report["cpu_us_per_delivery"],
            "user": (sampler.user - sampler.idle) / MIB,
            "queued": sampler.queued / MIB,
            "kernel": (sampler.kernel - sampler.kernel_before) / MIB,
            "closed": numbers['fanio_connections_closed_total{shard="0",reason="slow client"}'],
            "lost": numbers['fanio_packets_dropped_total{shard="0",reason="closed"}'],
        }


def show(rounds: list[list[dict[str, float]]]) -> None:
    """Print the medians; latencies beside those of the run without slow clients in the same round."""
    print("| not reading | broadcasts | p50 ms | p99 ms | p99, ratio | memory MiB | queued MiB | kernel MiB | closed |")
    print("|---|---|---|---|---|---|---|---|---|")
    for index in range(len(SHARES)):
        runs = [one[index] for one in rounds]
        ratio = median(one[index]["p99"] / one[0]["p99"] for one in rounds)

        def middle(name: str, runs: list[dict[str, float]] = runs) -> float:
            return median(run[name] for run in runs)

        cells = [f"{middle('stalled'):,.0f}", f"{middle('broadcasts'):,.0f}", f"{middle('p50'):.1f}"]
        cells += [f"{middle('p99'):.1f}", f"{ratio:.2f}"]
        cells += [f"{middle(name):,.0f}" for name in ("user", "queued", "kernel", "closed")]
        print(f"| {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Run all shares in all rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clients", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--receive-buffer", type=int, default=16_384, help="the clients' SO_RCVBUF; 0: the kernel's")
    parser.add_argument("--options", default="{}", help="arguments of AsyncServer, as JSON")
    arguments = parser.parse_args()
    os.environ["BENCH_OPTIONS"] = arguments.options
    build()
    command = [prepare_fanio()[0][0], str(HERE / "load" / "peers" / "fanio_slow_server.py")]
    server = Server("fanio", prepare_fanio, command=command)
    ports = iter(range(PORT, PORT + 1000))
    port = next(ports)
    with running(server, 0, port) as pid:
        report = load(port, pid, arguments, min(5, arguments.seconds))
    capacity = report["per_second"] / arguments.clients
    print(
        f"capacity: {capacity:.0f} broadcasts of {SIZE} B per second to {arguments.clients:,} clients; half of it now"
    )
    rounds = []
    for number in range(arguments.rounds):
        order = list(enumerate(SHARES))
        found = {}
        for index, share in order if number % 2 == 0 else reversed(order):
            found[index] = measure(server, next(ports), arguments, share, capacity / 2)
            print(json.dumps(found[index]), file=sys.stderr, flush=True)
            time.sleep(0.5)
        rounds.append([found[index] for index in range(len(SHARES))])
    show(rounds)


if __name__ == "__main__":
    main()
