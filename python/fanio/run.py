"""``run``: uvicorn with fanio's event loop and all of uvicorn's options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import uvicorn

from fanio.async_server import AsyncServer
from fanio.engineio import AsyncServer as EngineServer

if TYPE_CHECKING:
    from fanio.types import ASGIApplication

__all__ = ["LOOP", "run"]

#: The value of uvicorn's option ``loop``.
LOOP = "fanio.loop:new_event_loop"


def run(app: ASGIApplication | str, *, host: str = "127.0.0.1", port: int = 8000, **options: Any) -> None:
    """Run an ASGI app until a signal ends it.

    If ``app`` is an ``ASGIApp``, fanio's own threads accept the connections. Another app that
    contains one, such as a framework's app, works too, in a slower way (docs/doors.md).

    Args:
        app: The app, or "module:name", which ``reload`` and ``workers`` need.
        host: The address to listen on.
        port: The port to listen on.
        **options: Any option of ``uvicorn.run``, such as ``uds``, ``log_level`` or ``workers``.

    Raises:
        TypeError: When ``app`` is neither, for example a server without an ``ASGIApp``.
    """
    if isinstance(app, (AsyncServer, EngineServer)) or not (isinstance(app, str) or callable(app)):
        msg = f"expected an ASGI app, such as ASGIApp(sio), or its name as 'module:name', got {app!r}"
        raise TypeError(msg)
    options.setdefault("loop", LOOP)
    uvicorn.run(app, host=host, port=port, **options)
