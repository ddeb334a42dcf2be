"""ASGIApp: an Engine.IO server behind an ASGI callable."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanio import asgi

if TYPE_CHECKING:
    from fanio._doors.lifespan import Hook
    from fanio.engineio.base_server import BaseServer
    from fanio.types import ASGIApplication, StaticFiles

__all__ = ["ASGIApp"]


class ASGIApp(asgi.ASGIApp):
    """An ASGI application that serves an ``engineio.AsyncServer``. In all else it is like ``fanio.ASGIApp``."""

    def __init__(
        self,
        engineio_server: BaseServer,
        other_asgi_app: ASGIApplication | None = None,
        static_files: StaticFiles | None = None,
        engineio_path: str | None = "engine.io",
        on_startup: Hook | None = None,
        on_shutdown: Hook | None = None,
    ) -> None:
        """Wrap a server.

        Args:
            engineio_server: The server.
            other_asgi_app: Gets all requests that are not for Engine.IO; its lifespan runs as well.
            static_files: A mapping from URL paths to files or directories.
            engineio_path: The path of Engine.IO; None or "" serves it at every path.
            on_startup: Called before the other application's startup; may be ``async def``.
            on_shutdown: Called after the other application's shutdown; may be ``async def``.
        """
        super().__init__(engineio_server, other_asgi_app, static_files, engineio_path, on_startup, on_shutdown)
