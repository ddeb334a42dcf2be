"""A server that the admin UI may watch and command, and the UI itself.

`FANIO_TEST_ADMIN` has the arguments of `instrument` as JSON.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import library
from library import socketio

DIST = Path(__file__).parent.parent / "interop" / "js" / "node_modules" / "@socket.io" / "admin-ui" / "ui" / "dist"
FILES = {"/": str(DIST / "index.html")} | {f"/{name}": str(DIST / name) for name in ("css", "img", "js")}

sio = library.server()
settings: dict[str, Any] = {"server_stats_interval": 0.2} | json.loads(os.environ.get("FANIO_TEST_ADMIN", "{}"))
sio.instrument(**settings)


@sio.event
async def connect(sid: str, environ: dict[str, Any]) -> None:
    """Puts everybody into a room."""
    await sio.enter_room(sid, "lobby")


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    """Tells the others."""
    await sio.emit("left", reason)


@sio.event
async def whoami(sid: str) -> str:
    """Tells a client its sid."""
    return sid


@sio.event
async def say(sid: str, *args: Any) -> None:
    """Emits to the room."""
    await sio.emit("said", args, to="lobby")


if __name__ == "__main__":
    library.run(socketio.ASGIApp(sio, static_files=FILES))
