"""python-socketio on uvicorn with uvloop and httptools, as a peer of the load generator.

``python python_socketio_server.py PORT``; prints ``ready <pid>`` when it listens. WebSocket compression is off, as in
every other peer.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import socketio
import uvicorn

# The file alone: this interpreter may have no fanio.
sys.path.insert(0, str(Path(__file__).parents[3] / "python/fanio/bench"))
from handlers import install

sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*")
install(sio)


def ready() -> None:
    print("ready", os.getpid(), flush=True)


if __name__ == "__main__":
    app = socketio.ASGIApp(sio, on_startup=ready)
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools" if importlib.util.find_spec("httptools") else "auto",
        ws_per_message_deflate=False,
        backlog=4096,
        log_level="warning",
        access_log=False,
    )
