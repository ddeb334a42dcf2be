"""Running an application: uvicorn with the core accepting the connections."""

from __future__ import annotations

from typing import Any

import uvicorn

__all__ = ["LOOP", "run"]

LOOP = "fanio.loop:new_event_loop"


def run(app: Any, host: str = "127.0.0.1", port: int = 8000, **options: Any) -> None:
    """Serve an ASGI application until SIGINT or SIGTERM.

    Args:
        app: An application, or ``"module:name"``. When it is a `fanio.ASGIApp`, the core serves its Socket.IO path.
        host: The address to listen on.
        port: The port to listen on.
        **options: Any other option of ``uvicorn.run``.
    """
    uvicorn.run(app, host=host, port=port, loop=options.pop("loop", LOOP), **options)
