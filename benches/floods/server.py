"""The server that is flooded: ``python server.py fanio|socketio port``."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import uvicorn


def application(library: Any) -> Any:
    """Return an application that acknowledges "echo" and takes "big"; nothing handles "unknown"."""
    sio = library.AsyncServer(async_mode="asgi", cors_allowed_origins=[], **options(library))

    @sio.on("echo")
    async def echo(_sid: str, data: Any) -> Any:
        return data

    @sio.on("big")
    async def big(_sid: str, _data: Any) -> None:
        pass

    return library.ASGIApp(sio)


def options(library: Any) -> dict[str, Any]:
    """Return what makes compression possible; python-socketio leaves it to uvicorn, which offers it."""
    return {"per_message_deflate": True} if library.__name__ == "fanio" else {}


if __name__ == "__main__":
    name, port = sys.argv[1:]
    uvicorn.run(application(importlib.import_module(name)), port=int(port), log_level="error", access_log=False)
