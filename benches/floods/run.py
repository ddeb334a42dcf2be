"""Measure how long others wait while clients flood: ``python benches/floods/run.py [--seconds 6] [--only large …]``.

Each case has a fresh server, fanio's and python-socketio's in turn. A healthy client sends one small event with an
acknowledgement after the other, first alone, then beside the flood. The table shows the medians and the server's
highest memory. benches/README.md says what the numbers mean.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median, quantiles

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

from flooder import connect, event, frame, read_until  # noqa: E402 (the folder is no package)

#: Kind of flood and number of clients.
CASES = {"large": 20, "unhandled": 20, "deflate": 100, "echo": 200, "ping": 50}
LIBRARIES = ["fanio", "socketio"]
PORT = 9910
_PAUSE = 0.005
_TEXT = 0x81


def memory(pid: int) -> float:
    """Return the resident MiB of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0.0


def round_trips(port: int, pid: int, seconds: float) -> tuple[list[float], float]:
    """Return the milliseconds of each acknowledgement, and the highest memory meanwhile."""
    connection = connect(port)
    connection.settimeout(60)
    found, highest = [], memory(pid)
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        sent = time.perf_counter()
        connection.sendall(frame(_TEXT, event("echo", 1, ack="5")))
        read_until(connection, b"435[")
        found.append((time.perf_counter() - sent) * 1000)
        highest = max(highest, memory(pid))
        time.sleep(_PAUSE)
    connection.close()
    return found, highest


def wait_for(port: int) -> None:
    """Wait until the server serves."""
    until = time.monotonic() + 20
    while not is_serving(port):
        if time.monotonic() > until:
            raise SystemExit("the server did not start")
        time.sleep(0.05)


def is_serving(port: int) -> bool:
    """Return whether a client can join."""
    try:
        connect(port).close()
    except OSError:
        return False
    return True


def measure(library: str, kind: str, clients: int, port: int, seconds: float) -> list[str]:
    """Run one case on one server; return its cells."""
    server = subprocess.Popen([sys.executable, str(HERE / "server.py"), library, str(port)])
    flood = None
    try:
        wait_for(port)
        alone, before = round_trips(port, server.pid, min(seconds, 2))
        command = [sys.executable, str(HERE / "flooder.py"), kind, str(clients), str(port)]
        flood = subprocess.Popen(command, stdout=subprocess.PIPE)
        assert flood.stdout is not None
        flood.stdout.readline()
        try:
            beside, highest = round_trips(port, server.pid, seconds)
        except OSError as error:
            return [library, f"{median(alone):.1f}", f"lost: {type(error).__name__}", "", "", ""]
        worst = quantiles(beside, n=100)[-1] if len(beside) > 1 else beside[0]
        cells = [f"{value:.1f}" for value in (median(alone), median(beside), worst, before, highest)]
        return [library, *cells]
    finally:
        for process in (flood, server):
            if process is not None:
                process.kill()
                process.wait()


def main() -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--only", nargs="*", choices=list(CASES), default=list(CASES))
    parser.add_argument("--servers", nargs="*", choices=LIBRARIES, default=LIBRARIES)
    arguments = parser.parse_args()
    os.environ.setdefault("PYTHONUNBUFFERED", "1")
    print("| flood | clients | server | alone ms | beside ms | p99 ms | MiB before | MiB highest |")
    print("|---|---|---|---|---|---|---|---|")
    port = PORT
    for kind in arguments.only:
        for library in arguments.servers:
            cells = measure(library, kind, CASES[kind], port, arguments.seconds)
            print(f"| {' | '.join([kind, str(CASES[kind]), *cells])} |", flush=True)
            port += 1


if __name__ == "__main__":
    main()
