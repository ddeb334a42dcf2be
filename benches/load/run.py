"""Compare fanio, its peers and the floor in one run: ``python benches/load/run.py [--quick | --full]``.

Each server runs alone on one core, the generator on another; a fresh process for each case; the servers take turns,
in opposite order every other round; what counts is the ratio of two servers in the same round. Prints a table and
writes ``benches/results/<date>.json``; ``report.py`` makes charts and tables of it. Standard library only. The method
is explained in benches/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import datetime, timezone
from typing import Any

from cases import CASES, QUICK, Case
from figures import show
from report import terminal_table
from servers import ROOT, SERVERS, MissingError, Server, binary, build, output, running

RESULTS = ROOT / "benches" / "results"
# A run from which the hypervisor stole more than --max-steal is dropped and made again, so often.
ATTEMPTS = 4
# A server that fails a case so often is not asked again.
FAILURES = 2


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
        self.left_out: list[str] = []
        self.failures: list[str] = []
        self.stolen = 0
        self.port = options.port
        self.runs: dict[str, dict[str, list[dict[str, Any] | None]]] = {}

    def install(self) -> None:
        if not self.options.no_build:
            build()
        for name in self.options.servers:
            reason = SERVERS[name].install()
            if reason is None:
                self.servers.append(SERVERS[name])
            else:
                self.missing[name] = reason
                print(f"NOT MEASURED: {name}: {reason}", file=sys.stderr)

    def measure(self, cases: list[Case]) -> None:
        plan = {case.title: self.asked(case) for case in cases}
        for round_number in range(self.options.rounds):
            for case in cases:
                servers = [server for server in plan[case.title] if self.is_due(case, server, round_number)]
                for server in servers if round_number % 2 == 0 else servers[::-1]:
                    self.measure_once(case, server, round_number)

    def is_due(self, case: Case, server: Server, round_number: int) -> bool:
        return self.options.full or round_number < min(case.rounds, server.rounds)

    def asked(self, case: Case) -> list[Server]:
        """Return the servers that a case is about, and note those that are left out."""
        servers = []
        for server in filter(case.takes, self.servers):
            reason = dict(case.without).get(server.name)
            if reason:
                self.left_out.append(f"{case.title}: {server.name} ({reason})")
            elif case.clients <= server.most_clients or self.options.full:
                servers.append(server)
            else:
                self.left_out.append(f"{case.title}: {server.name} (a minute a run: --full)")
        return servers

    def measure_once(self, case: Case, server: Server, round_number: int) -> None:
        runs = self.runs.setdefault(case.title, {}).setdefault(server.name, [])
        failed = sum(failure.startswith(f"{case.title}: {server.name}: ") for failure in self.failures)
        result = self.result(case, server) if failed < FAILURES else None
        runs.append(result)
        figure = f"{show(result[case.figure])} {case.unit}" if result else "no result"
        print(f"{round_number + 1}/{self.options.rounds}  {case.title}: {server.name} {figure}", flush=True)

    def result(self, case: Case, server: Server) -> dict[str, Any] | None:
        """Return the figures of one run; nothing when it failed or the machine was never ours."""
        for _ in range(ATTEMPTS):
            before = steal_and_total()
            try:
                figures = self.run(case, server)
            except (MissingError, RuntimeError, subprocess.TimeoutExpired) as error:
                self.failures.append(f"{case.title}: {server.name}: {error}")
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
        command += [*case.command_line(server, self.options.seconds), "--json", "--pid", str(pid)]
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

    def record(self, cases: list[Case]) -> dict[str, Any]:
        return {
            "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "commit": output("git", "describe", "--always", "--dirty", cwd=ROOT),
            "profile": {name: value for name, value in os.environ.items() if name.startswith("CARGO_PROFILE_")},
            "options": {key: value for key, value in vars(self.options).items() if key != "output"},
            "versions": {server.name: server.versions for server in self.servers},
            "not_measured": self.missing,
            "left_out": self.left_out,
            "failures": self.failures,
            "dropped_for_steal": self.stolen,
            "cases": [
                {
                    "group": case.group,
                    "name": case.name,
                    "figure": case.figure,
                    "unit": case.unit,
                    "subject": case.subject,
                    "is_drawn": case.is_drawn,
                    "goals": [{"limit": goal.limit, "base": goal.base, "text": str(goal)} for goal in case.goals],
                    "arguments": {
                        server.name: case.command_line(server, self.options.seconds)
                        for server in self.servers
                        if case.takes(server)
                    },
                    "runs": self.runs.get(case.title, {}),
                }
                for case in cases
            ],
        }


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
    parser.add_argument("--quick", action="store_true", help="one round of half a second of one case of each kind")
    parser.add_argument("--full", action="store_true", help="every server in every case: python-socketio takes long")
    parser.add_argument("--rounds", type=int, help="default 5, with --quick 1")
    parser.add_argument("--seconds", type=float, help="length of a measured phase; default 2, with --quick 0.5")
    parser.add_argument("--servers", nargs="+", choices=list(SERVERS), default=list(SERVERS))
    parser.add_argument("--only", default="", help="only the cases whose title contains this")
    parser.add_argument("--server-core", type=int, default=0)
    parser.add_argument("--load-core", type=int, default=1)
    parser.add_argument("--port", type=int, default=22100, help="first of 300 ports")
    parser.add_argument("--max-steal", type=float, help="share of the machine; default 0.02, with --quick 0.1")
    parser.add_argument("--no-build", action="store_true", help="take the generator as it is")
    parser.add_argument("--output", help="default benches/results/<date>.json")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 5)
    options.seconds = options.seconds or (0.5 if options.quick else 2.0)
    options.max_steal = options.max_steal or (0.1 if options.quick else 0.02)
    return options


def main() -> int:
    options = parse()
    cases = [case for case in (QUICK if options.quick else CASES) if options.only in case.title]
    if not cases:
        print(f"no case has {options.only!r} in its title", file=sys.stderr)
        return 2
    comparison = Comparison(options)
    before = machine()
    print(f"{before['cpu']}, {before['cores']} cores, load {before['load_before'][0]:.2f}")
    if any(name.startswith("CARGO_PROFILE_") for name in os.environ):
        print("CARGO_PROFILE_… is set: was fanio's core built for release?", file=sys.stderr)
    comparison.install()
    started = time.monotonic()
    comparison.measure(cases)

    record = comparison.record(cases) | {"machine": before, "seconds": round(time.monotonic() - started)}
    default = RESULTS / f"{datetime.now(timezone.utc):%Y-%m-%d-%H%M}.json"
    path = default if options.output is None else default.parent / options.output
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")

    print(f"\n{terminal_table(record)}\n")
    for server in comparison.servers:
        print(f"{server.name}: {', '.join(f'{name} {version}' for name, version in server.versions.items())}")
    for name, reason in comparison.missing.items():
        print(f"NOT MEASURED: {name}: {reason}")
    for text in comparison.left_out:
        print(f"LEFT OUT: {text}")
    for failure in comparison.failures:
        print(f"FAILED: {failure}")
    print(f"{comparison.stolen} runs dropped for steal, {record['seconds']} s, written to {path}")
    return 1 if comparison.failures else 0


if __name__ == "__main__":
    sys.exit(main())
