"""Handlers for the events of the load generator, the same for every Python server that is measured.

``sio`` is fanio's ``AsyncServer`` or that of python-socketio. This file imports neither at run time, so that it works
with both. Servers in other languages are in ``benches/load/peers``.
"""

from __future__ import annotations

import asyncio
from itertools import count as counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    # Both servers have its methods.
    from fanio.async_server import AsyncServer

__all__ = ["install"]


def install(sio: AsyncServer, namespace: str = "/") -> None:
    """Register the handlers.

    Args:
        sio: The server. Messages are numbered from 0 over all requests, so that one server may serve several runs.
        namespace: The namespace of the clients.
    """
    seq = counter()

    @sio.event(namespace=namespace)
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        pass

    @sio.on("bench:broadcast", namespace=namespace)
    async def broadcast(sid: str, count: int, size: int, kind: str = "text") -> None:
        """Emit ``count`` messages to all clients; kind "binary" sends the padding as an attachment."""
        pad = b"x" * size if kind == "binary" else "x" * size
        for _ in range(count):
            await sio.emit("b", (next(seq), pad), namespace=namespace)
            if count > 1:
                await asyncio.sleep(0)

    @sio.on("bench:mixed", namespace=namespace)
    async def mixed(sid: str, size: int, targets: list[str]) -> None:
        """Emit a message to each target: a room, a client's sid, or "" for all clients."""
        pad = "x" * size
        for target in targets:
            await sio.emit("b", (next(seq), pad), to=target or None, namespace=namespace)
            await asyncio.sleep(0)

    @sio.on("bench:join", namespace=namespace)
    async def join(sid: str, rooms: list[str]) -> None:
        for room in rooms:
            await sio.enter_room(sid, room, namespace=namespace)

    @sio.on("bench:echo", namespace=namespace)
    async def echo(sid: str, value: Any) -> Any:
        return value
