"""What the tests of slow clients speak with: broadcasts with flags, reasons, the server's numbers."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import library
from library import socketio

sio = library.server()
ends: dict[str, asyncio.Future[str]] = {}


@sio.event
async def connect(sid: str, environ: dict[str, Any]) -> None:
    """Will know why the client is gone."""
    ends[sid] = asyncio.get_running_loop().create_future()


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    """Notes why the client is gone."""
    ends[sid].set_result(reason)


@sio.on("reason")
async def tell_reason(sid: str, gone: str) -> str:
    """Why a client is gone; waits until it is."""
    return await asyncio.shield(ends[gone])


@sio.on("is_gone")
def tell_gone(sid: str, gone: str) -> bool:
    """Whether a client is gone."""
    return ends[gone].done()


@sio.on("shout")
async def shout(sid: str, first: int, count: int, size: int, options: dict[str, Any]) -> None:
    """Emits numbers, each with so much text of its own; acknowledges when they are on their way."""
    for number in range(first, first + count):
        text = random.Random(number).randbytes(size // 2).hex()
        await sio.emit("n", (number, text), **options)


@sio.on("stats")
def tell_stats(sid: str) -> Any:
    """The server's numbers."""
    return sio.stats()


app = socketio.ASGIApp(sio, socketio.MetricsApp(sio))

if __name__ == "__main__":
    library.run(app)
