"""Serves every case on a port of its own, in one process: fanio's doors, or uvicorn alone.

Run by the tests with `FANIO_TEST_ORACLE` naming the library; the ports come as one line of JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
from pathlib import Path
from typing import Any

import uvicorn

sys.path.insert(0, str(Path(__file__).parent.parent))

import library
from library import socketio

from parity.cases import Case, load

FENCE = "/fence"
unhandled: list[str] = []


def build(case: Case) -> Any:
    """The app of a case, with the namespace that tells a client that nothing else will arrive."""
    sio = library.server(**case.options, **({"shards": 1} if library.ORACLE == "fanio" else {}))
    case.set_up(sio, socketio)

    @sio.on("connect", namespace=FENCE)
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        pass

    @sio.on("fence", namespace=FENCE)
    async def fence(sid: str) -> None:
        pass

    @sio.on("unhandled", namespace=FENCE)
    async def tell_unhandled(sid: str) -> list[str]:
        gc.collect()
        await asyncio.sleep(0)
        return list(unhandled)

    return socketio.ASGIApp(sio)


def note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """The loop's exception handler."""
    unhandled.append(repr(context.get("exception")))


async def main() -> None:
    """Serves until SIGTERM."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(note)
    servers = {}
    for name, case in load().items():
        config = uvicorn.Config(build(case), port=0, log_level="warning", ws="websockets-sansio")
        servers[name] = uvicorn.Server(config)
    running = [asyncio.ensure_future(server._serve()) for server in servers.values()]
    while not all(server.started for server in servers.values()):
        await asyncio.sleep(0.01)
    ports = {name: server.servers[0].sockets[0].getsockname()[1] for name, server in servers.items()}
    print(json.dumps({"ports": ports}), flush=True)
    print("running on http://127.0.0.1:1", flush=True)

    def stop() -> None:
        for server in servers.values():
            server.should_exit = True

    loop.add_signal_handler(signal.SIGTERM, stop)
    await asyncio.gather(*running)


if __name__ == "__main__":
    new_loop = socketio.new_event_loop if library.ORACLE == "fanio" else asyncio.new_event_loop
    loop = new_loop()
    asyncio.set_event_loop(loop)
    loop.run_until_complete(main())
