"""The demo: a price ticker of many symbols, broadcast to all visitors of its page. `make demo` runs it.

One asyncio task walks the prices and emits one batch per tick to the rooms of the sectors. The page draws what arrives,
sets the rate and the sector, and adds simulated clients: real WebSocket connections of `fanio bench`, in a process of
their own.
"""

import asyncio
import contextlib
import math
import random
import resource
import socket
import sys
import time
from pathlib import Path
from typing import Any

import fanio as socketio

HERE = Path(__file__).parent
CLIENT = HERE / "node_modules/socket.io-client/dist/socket.io.min.js"
MOST_SIMULATED = 15_000

SECTORS = {
    "technology": ["QBIT", "NAND", "LOOP", "HEAP", "FORK", "RUST", "SNEK", "BYTE", "ASYN", "MUTX", "DIFF", "PIPE"],
    "energy": ["WATT", "VOLT", "SOLR", "WIND", "TIDE", "FUSE", "COIL", "GRID", "HEAT", "FLUX", "CELL", "AMPR"],
    "health": ["GENE", "PULS", "BONE", "VITA", "DOSE", "NERV", "CURE", "MEND", "HELX", "LUNG", "IRIS", "SERA"],
    "transport": ["RAIL", "KEEL", "WING", "AXLE", "HULL", "GATE", "PIER", "TRAM", "LANE", "GEAR", "SAIL", "HELM"],
}

sio = socketio.AsyncServer()


class Ticker:
    """The random prices, and the events about them."""

    def __init__(self) -> None:
        self.rate = 10.0
        self.prices = {symbol: random.uniform(20, 400) for symbols in SECTORS.values() for symbol in symbols}
        self.deliveries = 0
        # The sector that each client watches.
        self.watching: dict[str, str] = {}

    def step(self, symbols: list[str]) -> list[list[object]]:
        """Move the prices of a sector and return the new ones."""
        moves = []
        for symbol in symbols:
            self.prices[symbol] *= math.exp(random.gauss(0, 0.0025))
            moves.append([symbol, round(self.prices[symbol], 2)])
        return moves

    async def run(self) -> None:
        """Emit a batch per sector and tick."""
        due = time.monotonic()
        while True:
            now = time.time() * 1000
            for sector, symbols in SECTORS.items():
                await sio.emit("prices", (sector, now, self.step(symbols)), to=["everything", sector])
            everything = sum(sector == "everything" for sector in self.watching.values())
            self.deliveries += len(SECTORS) * everything + len(self.watching) - everything
            due = max(due + 1 / self.rate, time.monotonic())
            await asyncio.sleep(due - time.monotonic())

    async def report(self) -> None:
        """Emit statistics to all clients once a second."""
        before, then = self.deliveries, time.monotonic()
        while True:
            await asyncio.sleep(1)
            now = time.monotonic()
            per_second = (self.deliveries - before) / (now - then)
            before, then = self.deliveries, now
            status = {
                "clients": len(self.watching),
                "simulated": swarm.size,
                "deliveries": round(per_second),
                "rate": self.rate,
                "note": swarm.note,
            }
            await sio.emit("status", status)


class Swarm:
    """Simulated clients, in processes of `fanio bench`."""

    def __init__(self) -> None:
        self.note = ""
        # The number of clients of each process.
        self._processes: dict[asyncio.subprocess.Process, int] = {}

    @property
    def size(self) -> int:
        """The number of clients, including those that are connecting."""
        return sum(self._processes.values())

    async def add(self, count: int) -> None:
        """Start more clients, up to a limit."""
        wanted, count = count, min(count, MOST_SIMULATED - self.size)
        self.note = f"{MOST_SIMULATED:,} simulated clients is the limit here." if count < wanted else ""
        if count <= 0:
            return
        bench = [sys.executable, "-m", "fanio", "bench", "--mode", "idle", "--seconds", "1e9"]
        quiet, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *bench, "--clients", str(count), url(), stdin=quiet, stdout=quiet, stderr=pipe
        )
        self._processes[process] = count
        sio.start_background_task(self._watch, process)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Report why clients have ended that were not removed on the page."""
        _, output = await process.communicate()
        count = self._processes.pop(process, 0)
        if count:
            lines = output.decode(errors="replace").split("\n")
            why = next((line for line in reversed(lines) if line.startswith("Error")), "")
            self.note = f"{count:,} simulated clients have ended. {why}"

    async def clear(self) -> None:
        """Stop them all."""
        processes, self._processes, self.note = list(self._processes), {}, ""
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            await process.wait()


ticker = Ticker()
swarm = Swarm()


@sio.event
async def connect(sid: str, environ: dict[str, Any]) -> None:
    ticker.watching[sid] = "everything"
    await sio.enter_room(sid, "everything")


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    ticker.watching.pop(sid, None)


@sio.on("watch")
async def watch(sid: str, sector: str) -> str:
    """Move a client to the room of a sector."""
    sector = sector if sector in SECTORS else "everything"
    await sio.leave_room(sid, ticker.watching[sid])
    await sio.enter_room(sid, sector)
    ticker.watching[sid] = sector
    return sector


@sio.on("rate")
async def rate(sid: str, value: float) -> float:
    ticker.rate = min(max(float(value), 1.0), 100.0)
    return ticker.rate


@sio.on("simulate")
async def simulate(sid: str, count: int) -> int:
    await (swarm.add(int(count)) if count else swarm.clear())
    return swarm.size


def port() -> int:
    """Return the port from the command line."""
    return int(sys.argv[1]) if len(sys.argv) > 1 else 8000


def url() -> str:
    """Return the address for a browser on this machine."""
    return f"http://127.0.0.1:{port()}"


def refuse_taken_port() -> None:
    """End with a sentence when the port is in use."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port()))
        except OSError as error:
            sys.exit(f"Port {port()} cannot be used ({error.strerror}). Try another: make demo PORT={port() + 1}")


def allow_many_connections() -> None:
    """Raise the number of open files to what the system allows: each client is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


async def start() -> None:
    print(f"The demo is at {url()} (Ctrl-C ends it).", flush=True)
    sio.start_background_task(ticker.run)
    sio.start_background_task(ticker.report)


app = socketio.ASGIApp(
    sio,
    static_files={
        "/": str(HERE / "static/index.html"),
        "/demo.css": str(HERE / "static/demo.css"),
        "/demo.js": str(HERE / "static/demo.js"),
        "/socket.io.min.js": str(CLIENT),
    },
    on_startup=start,
    on_shutdown=swarm.clear,
)

if __name__ == "__main__":
    refuse_taken_port()
    allow_many_connections()
    # At INFO there would be several lines for each of thousands of clients.
    socketio.run(app, port=port(), log_level="warning")
