"""The handlers that both Python servers run, the same lines for each.

``sio`` is an ``AsyncServer`` of python-socketio's or of fanio's; nothing here may know which.
"""

from __future__ import annotations

import asyncio
from itertools import count as counter
from typing import Any


def install(sio: Any) -> None:
    seq = counter()

    @sio.event
    async def connect(sid, environ):
        pass

    @sio.on("bench:broadcast")
    async def broadcast(sid, count, size):
        pad = "x" * size
        for _ in range(count):
            await sio.emit("b", (next(seq), pad))
            if count > 1:
                await asyncio.sleep(0)

    @sio.on("bench:echo")
    async def echo(sid, value):
        return value
