"""Compare fanio, its peers and the floor in one run: ``python benches/load/run.py [--quick | --full]``.

Each server runs alone on one core, the generator on another; a fresh process for each case; the servers take turns,
in opposite order every other round; what counts is the ratio of two servers in the same round. Prints a table and
writes ``benches/results/<date>.json``. Standard library only. The method is explained in benches/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from statistics import median
from typing import Any

from figures import render, show, summary
from servers import ROOT, SERVERS, MissingError, Server, binary, build, output, running

RESULTS = ROOT / "benches" / "results"
# A run from which the hypervisor stole more than --max-steal is dropped and made again, so often.
ATTEMPTS = 4


@dataclass(frozen=True)
class Case:
    """One kind of work: the generator's arguments and the figure that is compared."""

    name: str
    command: str
    figure: str
    unit: str
    clients: int
    size: int = 64
    burst: int = 1

    def arguments(self, server: Server, seconds: float) -> list[str]:
        arguments = [self.command, "--clients", str(self.clients)]
        if self.command == "broadcast":
            burst = min(self.burst, server.burst)
            arguments += ["--size", str(self.size), "--burst", str(burst), "--warmup", "20"]
        if self.command in ("broadcast", "echo"):
            arguments += ["--count", "1000000", "--seconds", str(seconds)]
        if self.command == "idle":
            arguments += ["--settle", str(max(1.0, seconds / 2)), "--seconds", "0"]
        return arguments


def one_at_a_time(clients: int, size: int) -> Case:
    name = f"one broadcast at a time, {clients:,} clients, {size:,} B"
    return Case(name, "broadcast", "cpu_us_per_delivery", "µs/delivery", clients, size)


def echo(clients: int) -> Case:
    return Case(f"event with ack, {clients:,} clients", "echo", "cpu_us_per_round_trip", "µs/round trip", clients)


CASES = [
    one_at_a_time(1_000, 64),
    Case("bursts of 500, 1,000 clients, 64 B", "broadcast", "cpu_us_per_delivery", "µs/delivery", 1_000, burst=500),
    echo(50),
    Case("connect, 2,000 clients", "connect", "cpu_us_per_connect", "µs/connect", 2_000),
    Case("idle memory, 2,000 clients", "idle", "kib_per_client", "KiB/client", 2_000),
]
MORE_CASES = [
    one_at_a_time(100, 64),
    one_at_a_time(10_000, 64),
    one_at_a_time(1_000, 1_024),
    echo(1),
    echo(8),
    echo(1_000),
]


def steal_and_total() -> tuple[int, int]:
    """Return the ticks that were stolen from the machine and all its ticks."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(field) for field in file.readline().split()[1:]]
    return ticks[7], sum(ticks[:8])


class Comparison:
    """All runs of one comparison."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.servers: list[Server] = []
        self.missing: dict[str, str] = {}
        self.failures: list[str] = []
        self.stolen = 0
        self.port = options.port
        self.runs: dict[str, dict[str, list[dict[str, Any] | None]]] = {}

    def install(self) -> None:
        build()
        for name in self.options.servers:
            reason = SERVERS[name].install()
            if reason is None:
                self.servers.append(SERVERS[name])
            else:
                self.missing[name] = reason
                print(f"NOT MEASURED: {name}: {reason}", file=sys.stderr)

    def measure(self, cases: list[Case]) -> None:
        for round_number in range(self.options.rounds):
            for case in cases:
                order = self.servers if round_number % 2 == 0 else self.servers[::-1]
                for server in order:
                    result = self.result(case, server)
                    self.runs.setdefault(case.name, {}).setdefault(server.name, []).append(result)
                    figure = f"{show(result[case.figure])} {case.unit}" if result else "no result"
                    print(f"{round_number + 1}/{self.options.rounds}  {case.name}: {server.name} {figure}", flush=True)

    def result(self, case: Case, server: Server) -> dict[str, Any] | None:
        """Return the figures of one run; nothing when it failed or the machine was never ours."""
        for _ in range(ATTEMPTS):
            before = steal_and_total()
            try:
                figures = self.run(case, server)
            except (MissingError, RuntimeError, subprocess.TimeoutExpired) as error:
                self.failures.append(f"{case.name}: {server.name}: {error}")
                print(f"FAILED  {self.failures[-1]}", file=sys.stderr)
                return None
            stolen, total = (after - start for after, start in zip(steal_and_total(), before, strict=True))
            if stolen <= self.options.max_steal * total:
                return figures
            self.stolen += 1
        return None

    def run(self, case: Case, server: Server) -> dict[str, Any]:
        """Run one case once, against a fresh server."""
        # Another port each time: the kernel keeps a closed client's pair of addresses for a minute.
        self.port = self.options.port + (self.port + 1 - self.options.port) % 300
        with running(server, self.options.server_core, self.port) as pid:
            return self.generate(case, server, pid)

    def generate(self, case: Case, server: Server, pid: int) -> dict[str, Any]:
        command = ["taskset", "-c", str(self.options.load_core), binary()]
        command += [*case.arguments(server, self.options.seconds), "--json", "--pid", str(pid)]
        done = subprocess.run(
            [*command, f"ws://127.0.0.1:{self.port}"],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=600,
        )
        if done.returncode != 0:
            raise RuntimeError(done.stderr.strip())
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def figures(self, case: Case, name: str) -> list[float | None]:
        return [run[case.figure] if run else None for run in self.runs.get(case.name, {}).get(name, [])]

    def table(self, cases: list[Case]) -> str:
        rows = [["work", "server", "median", "× floor (95 %)", "× node (95 %)"]]
        for case in cases:
            for server in self.servers:
                values = self.figures(case, server.name)
                known = [value for value in values if value is not None]
                row = [case.name, server.name, f"{show(median(known))} {case.unit}" if known else "no result"]
                for base in ("floor", "node"):
                    # The floor keeps nothing of an idle client: a ratio to it says nothing.
                    comparable = not (case.command == "idle" and base == "floor")
                    found = summary(values, self.figures(case, base)) if comparable else None
                    row.append(ratio(found))
                rows.append(row)
        return render(rows)

    def record(self, cases: list[Case]) -> dict[str, Any]:
        return {
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "commit": output("git", "describe", "--always", "--dirty", cwd=ROOT),
            "machine": machine(),
            "options": {key: value for key, value in vars(self.options).items() if key != "output"},
            "versions": {server.name: server.versions for server in self.servers},
            "not_measured": self.missing,
            "failures": self.failures,
            "dropped_for_steal": self.stolen,
            "cases": {
                case.name: {
                    "figure": case.figure,
                    "unit": case.unit,
                    "servers": {
                        server.name: {
                            "values": self.figures(case, server.name),
                            "to_floor": summary(self.figures(case, server.name), self.figures(case, "floor")),
                            "to_node": summary(self.figures(case, server.name), self.figures(case, "node")),
                            "runs": self.runs.get(case.name, {}).get(server.name, []),
                        }
                        for server in self.servers
                    },
                }
                for case in cases
            },
        }


def ratio(found: dict[str, float | int] | None) -> str:
    return f"{show(found['ratio'])} ({show(found['low'])}–{show(found['high'])})" if found else "–"


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        models = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "kernel": platform.release(),
        "load_before": os.getloadavg(),
    }


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="2 rounds of 1 second, to see that it works")
    parser.add_argument("--full", action="store_true", help="also 100 and 10,000 clients, 1 KiB, more acks")
    parser.add_argument("--rounds", type=int, help="default 7, with --quick 2")
    parser.add_argument("--seconds", type=float, help="length of a measured phase; default 4, with --quick 1")
    parser.add_argument("--servers", nargs="+", choices=list(SERVERS), default=list(SERVERS))
    parser.add_argument("--only", default="", help="only the cases whose name contains this")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--port", type=int, default=22100, help="first of 300 ports")
    parser.add_argument("--max-steal", type=float, help="share of the machine; default 0.02, with --quick 0.1")
    parser.add_argument("--output", help="default benches/results/<date>.json")
    options = parser.parse_args()
    options.rounds = options.rounds or (2 if options.quick else 7)
    options.seconds = options.seconds or (1.0 if options.quick else 4.0)
    options.max_steal = options.max_steal or (0.1 if options.quick else 0.02)
    return options


def main() -> int:
    options = parse()
    cases = [case for case in CASES + (MORE_CASES if options.full else []) if options.only in case.name]
    comparison = Comparison(options)
    record_machine = machine()
    print(f"{record_machine['cpu']}, {record_machine['cores']} cores, load {record_machine['load_before'][0]:.2f}")
    comparison.install()
    started = time.monotonic()
    comparison.measure(cases)

    record = comparison.record(cases) | {"machine": record_machine}
    default = RESULTS / f"{datetime.now(timezone.utc):%Y-%m-%d-%H%M}.json"
    path = default if options.output is None else default.parent / options.output
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    print(f"\n{comparison.table(cases)}\n")
    for server in comparison.servers:
        print(f"{server.name}: {', '.join(f'{name} {version}' for name, version in server.versions.items())}")
    for name, reason in comparison.missing.items():
        print(f"NOT MEASURED: {name}: {reason}")
    for failure in comparison.failures:
        print(f"FAILED: {failure}")
    print(f"{comparison.stolen} runs dropped for steal, {time.monotonic() - started:.0f} s, written to {path}")
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    sys.exit(main())
