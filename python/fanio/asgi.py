"""ASGIApp: Socket.IO, static files and another app behind one ASGI callable.

Owns the routing of requests by their paths. If the shards accept connections themselves
(``_doors/accept.py``), only requests that are not for Socket.IO come here. Under another ASGI
server, or mounted in another app, Socket.IO requests come here too, and are passed to the bridge.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanio._doors import accept
from fanio._doors.lifespan import Hook, Lifespan
from fanio._doors.static import find_file
from fanio._options.checks import check_function, unexpected

if TYPE_CHECKING:
    from fanio.async_server import AsyncServer
    from fanio.engineio.base_server import BaseServer
    from fanio.types import ASGIApplication, Message, Receive, Scope, Send, StaticFiles

__all__ = ["ASGIApp"]


class ASGIApp:
    """An ASGI application that serves an AsyncServer.

    Requests below ``socketio_path`` go to the server. Others get a file of ``static_files``, or go to
    ``other_asgi_app``. Without either, they are answered with 404.
    """

    def __init__(
        self,
        socketio_server: AsyncServer | BaseServer,
        other_asgi_app: ASGIApplication | None = None,
        static_files: StaticFiles | None = None,
        socketio_path: str | None = "socket.io",
        on_startup: Hook | None = None,
        on_shutdown: Hook | None = None,
    ) -> None:
        """Wrap a server.

        Args:
            socketio_server: The server.
            other_asgi_app: Gets the requests that are not for Socket.IO. Its lifespan runs as well.
            static_files: The file or directory for each URL path.
            socketio_path: The path at which Socket.IO is served; None or "" serves it at every path.
            on_startup: Called before the other app's startup; may be ``async def``.
            on_shutdown: Called after the other app's shutdown; may be ``async def``.

        Raises:
            TypeError: When an argument has the wrong type; the message names it.
        """
        _check_server(socketio_server)
        if other_asgi_app is not None and (not callable(other_asgi_app) or _is_server(other_asgi_app)):
            raise unexpected("other_asgi_app", "an ASGI app", other_asgi_app)
        for name, hook in (("on_startup", on_startup), ("on_shutdown", on_shutdown)):
            check_function(name, hook)
        if static_files is not None and not isinstance(static_files, Mapping):
            raise unexpected("static_files", "a dictionary of URL paths and files", static_files)
        if socketio_path is not None and not isinstance(socketio_path, str):
            raise unexpected("socketio_path", "a path such as 'socket.io'", socketio_path)
        self.engineio_server = socketio_server
        self.other_asgi_app = other_asgi_app
        self.static_files: StaticFiles = static_files or {}
        self.engineio_path: str | None = None
        if socketio_path is not None:
            stripped = socketio_path.strip("/")
            self.engineio_path = f"/{stripped}/" if stripped else "/"
        self.on_startup = on_startup
        self.on_shutdown = on_shutdown

    @property
    def engine(self) -> BaseServer:
        """The Engine.IO server; for a Socket.IO server, the one below it."""
        server: Any = self.engineio_server
        found: BaseServer = getattr(server, "eio", server)
        return found

    @property
    def core_path(self) -> str:
        """The path in the core's form: without the last slash; empty for every path."""
        return (self.engineio_path or "/")[:-1]

    def may_accept(self) -> bool:
        """Return whether the shards may see this app's requests before the app does."""
        # A subclass with its own __call__ may inspect or change each request.
        return type(self).__call__ is ASGIApp.__call__ and self.engineio_server._may_accept()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self.lifespan(scope, receive, send)
            return
        if self._is_ours(scope):
            await self.engineio_server.handle_request(scope, receive, send)
            return
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD"):
            send = _without_body(send) if scope["method"] == "HEAD" else send
            file = find_file(scope["path"], self.static_files) if self.static_files else None
            if file is not None and await asyncio.to_thread(_exists, file[0]):
                await self.serve_static_file({"filename": file[0], "content_type": file[1]}, receive, send)
                return
        if self.other_asgi_app is not None:
            await self.other_asgi_app(scope, receive, send)
        else:
            await self.not_found(receive, send)

    def _is_ours(self, scope: Scope) -> bool:
        """Return whether a request is for Socket.IO."""
        if scope["type"] not in ("http", "websocket"):
            return False
        if b"%2f" in (scope.get("raw_path") or b"").partition(b"?")[0].lower():
            return False  # an encoded slash is part of a name; the shards read paths in the same way
        path, ours = scope["path"], self.core_path
        # If the app is mounted in another app, the scope's path includes the mount's prefix.
        root = scope.get("root_path", "").rstrip("/")
        return _is_below(path, ours) or (bool(root) and _is_below(path, root + ours))

    async def lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the lifespan protocol, with the hooks and the other app's lifespan."""
        close = self.engineio_server.shutdown
        run = Lifespan(self.other_asgi_app, self.on_startup, self.on_shutdown, close)
        stop_watching = accept.watch_loop(self, receive) if self.may_accept() else None
        try:
            await run.run(scope, receive, send)
        finally:
            if stop_watching is not None:
                stop_watching()

    async def serve_static_file(self, static_file: dict[str, str], receive: Receive, send: Send) -> None:
        """Answer with a file; ``static_file`` has its ``filename`` and ``content_type``."""
        content = await asyncio.to_thread(_read, static_file["filename"])
        if content is None:
            await self.not_found(receive, send)
        else:
            await _respond(send, 200, static_file["content_type"], content)

    async def not_found(self, receive: Receive, send: Send) -> None:
        """Answer with 404, or with 403 to a WebSocket."""
        kind = (await receive())["type"]
        if kind == "websocket.connect":
            await send({"type": "websocket.close", "code": 1000})
        elif kind.startswith("http."):
            # Answer also if the client has left, because middleware raises when an app does not answer.
            await _respond(send, 404, "text/plain", b"Not Found")


def _check_server(given: object) -> None:
    """Check the first argument of ``ASGIApp``.

    Raises:
        TypeError: When it is not a server.
    """
    if isinstance(given, type) or not _is_server(given):
        raise unexpected("ASGIApp", "an AsyncServer of fanio first", given)


def _is_server(given: object) -> bool:
    return callable(getattr(given, "handle_request", None)) and callable(getattr(given, "_may_accept", None))


def _is_below(path: str, ours: str) -> bool:
    return path.startswith(ours) and (len(path) == len(ours) or path[len(ours)] == "/")


def _read(name: str) -> bytes | None:
    try:
        return Path(name).read_bytes()
    except (OSError, ValueError):
        return None


def _exists(name: str) -> bool:
    try:
        return Path(name).is_file()
    except ValueError:
        return False


def _without_body(send: Send) -> Send:
    """Return a ``send`` for the answer to HEAD."""

    async def send_head(message: Message) -> None:
        await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

    return send_head


async def _respond(send: Send, status: int, kind: str, content: bytes) -> None:
    headers = [
        (b"content-type", kind.encode()),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
