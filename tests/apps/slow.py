"""The server for the tests of slow clients: broadcasts with flags, reasons, the server's counts."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import Any

import library
from library import socketio

sio = library.server()
ends: dict[str, asyncio.Future[str]] = {}


feeding: Counter[str] = Counter()
peaks: dict[str, int] = {}


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: dict[str, Any] | None = None) -> None:
    """Remembers the client for its reason; emits as many numbers as the client asks for."""
    ends[sid] = asyncio.get_running_loop().create_future()
    if auth is not None:
        await shout(sid, 0, auth["count"], auth["size"], {"to": sid})


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    """Notes the reason of the disconnect."""
    ends[sid].set_result(reason)


@sio.on("reason")
async def tell_reason(sid: str, gone: str) -> str:
    """Returns why a client was disconnected; waits until it is."""
    return await asyncio.shield(ends[gone])


@sio.on("is_gone")
def tell_gone(sid: str, gone: str) -> bool:
    """Returns whether a client is disconnected."""
    return ends[gone].done()


@sio.on("shout")
async def shout(sid: str, first: int, count: int, size: int, options: dict[str, Any]) -> None:
    """Emits numbers, each with so much text; acknowledges when all are emitted."""
    is_patient = options.pop("wait", True)
    for number in range(first, first + count):
        text = random.Random(number).randbytes(size // 2).hex()
        if is_patient:
            await sio.emit("n", (number, text), **options)
        else:
            sio.emit_nowait("n", (number, text), **options)


@sio.on("feed")
async def feed(sid: str, to: str | None, count: int, size: int) -> None:
    """Emits numbers to one client, and notes the most that waited meanwhile."""
    to = to or sid
    feeding[to] += 1
    watching = asyncio.create_task(watch(to))
    try:
        await shout(sid, 0, count, size, {"to": to})
    finally:
        feeding[to] -= 1
        watching.cancel()


async def watch(sid: str) -> None:
    """Notes the most that waits."""
    while True:
        peaks[sid] = max(peaks.get(sid, 0), sio.stats()["queued_bytes"])
        await asyncio.sleep(0.002)


@sio.on("is_feeding")
def tell_feeding(sid: str, to: str) -> bool:
    """Whether a client is still being fed."""
    return feeding[to] > 0


@sio.on("peak")
def tell_peak(sid: str, to: str) -> int:
    """The most that waited for all while a client was fed."""
    return peaks.get(to, 0)


@sio.on("echo")
def echo(sid: str, data: Any) -> Any:
    """Acknowledges with what came."""
    return data


@sio.on("stats")
def tell_stats(sid: str) -> Any:
    """Returns the server's counts."""
    return sio.stats()


app = socketio.ASGIApp(sio, socketio.MetricsApp(sio))

if __name__ == "__main__":
    library.run(app)
