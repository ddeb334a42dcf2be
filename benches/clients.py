"""What so many clients in one process cost: python benches/clients.py [count] [transport].

Connects them to fanio's own server in another process, has each of them called once, and prints
the memory of this process before and after. The limit of open files must allow it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import fanio

SERVER = Path(__file__).parent.parent / "examples/clients/counterpart.py"
AT_A_TIME = 100


def resident() -> int:
    """Return the memory of this process in bytes, as the system counts it."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def connect(clients: list[fanio.AsyncClient], url: str, transport: str) -> None:
    """Connect them, some at a time."""
    gate = asyncio.Semaphore(AT_A_TIME)

    async def one(client: fanio.AsyncClient) -> None:
        async with gate:
            await client.connect(url, transports=transport, wait_timeout=60)

    await asyncio.gather(*map(one, clients))


async def measure(count: int, transport: str, url: str) -> dict[str, float]:
    """Return the numbers."""
    first = fanio.AsyncClient(request_timeout=60)
    await first.connect(url, transports=transport, wait_timeout=60, retry=True)
    before, start = resident(), time.monotonic()
    clients = [fanio.AsyncClient(request_timeout=60) for _ in range(count)]
    made = resident()
    await connect(clients, url, transport)
    connected, took = resident(), time.monotonic() - start
    answers = await asyncio.gather(*(client.call("n", number, timeout=60) for number, client in enumerate(clients)))
    assert answers == [("n", number) for number in range(count)]
    after = resident()
    threads = len(os.listdir("/proc/self/task"))
    await asyncio.gather(first.disconnect(), *(client.disconnect() for client in clients))
    return {
        "clients": count,
        "seconds": round(took, 2),
        "MiB before": round(before / 2**20, 1),
        "MiB after": round(after / 2**20, 1),
        "KiB a client, made": round((made - before) / count / 1024, 2),
        "KiB a client, connected": round((connected - before) / count / 1024, 2),
        "KiB a client, called": round((after - before) / count / 1024, 2),
        "threads": threads,
    }


def main() -> None:
    """Start the server, and measure."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    transport = sys.argv[2] if len(sys.argv) > 2 else "websocket"
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    port = free_port()
    server = subprocess.Popen([sys.executable, str(SERVER), str(port)], stdout=sys.stderr)
    try:
        print(json.dumps(asyncio.run(measure(count, transport, f"http://127.0.0.1:{port}"))))
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
