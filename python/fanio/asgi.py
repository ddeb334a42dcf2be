"""ASGIApp: Socket.IO, static files and another ASGI application behind one callable.

Under ``fanio.run`` the core serves Socket.IO itself and requests of other paths come here; Socket.IO requests that
come here all the same (any other ASGI server, or a connection that belongs to the application already) are bridged.
"""

from __future__ import annotations

import asyncio
import inspect
import os
from collections.abc import Callable
from typing import Any, TypeAlias

from fanio.bridge import Bridge
from fanio.server import AsyncServer
from fanio.types import ASGIReceive, ASGISend, Scope

__all__ = ["ASGIApp"]

StaticFile: TypeAlias = "str | dict[str, str]"
Hook: TypeAlias = Callable[[], Any]

_CONTENT_TYPES = {
    "css": "text/css",
    "gif": "image/gif",
    "html": "text/html",
    "ico": "image/x-icon",
    "jpg": "image/jpeg",
    "js": "application/javascript",
    "json": "application/json",
    "mjs": "application/javascript",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain",
}


class ASGIApp:
    """An ASGI application that serves Socket.IO.

    Args:
        socketio_server: The server.
        other_asgi_app: Gets every request that is not for Socket.IO or a static file; 404 without it.
        static_files: File or directory names, or ``{"filename": ..., "content_type": ...}``, by URL path. A directory's
            entry ``""`` is its index file's name.
        socketio_path: The path that Socket.IO is served below; ``""`` or None for every path.
        on_startup: Called at startup, plain or async.
        on_shutdown: Called at shutdown, plain or async.
    """

    def __init__(
        self,
        socketio_server: AsyncServer,
        other_asgi_app: Any = None,
        static_files: dict[str, StaticFile] | None = None,
        socketio_path: str | None = "socket.io",
        on_startup: Hook | None = None,
        on_shutdown: Hook | None = None,
    ) -> None:
        self.engineio_server = socketio_server
        self.other_asgi_app = other_asgi_app
        self.static_files = static_files or {}
        stripped = (socketio_path or "").strip("/")
        self.engineio_path = f"/{stripped}" if stripped else ""
        self.on_startup = on_startup
        self.on_shutdown = on_shutdown

    async def __call__(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """Serve one connection."""
        if scope["type"] == "lifespan":
            await self.lifespan(scope, receive, send)
        elif scope["type"] in {"http", "websocket"} and self._is_socketio(scope["path"]):
            await Bridge(self.engineio_server, self.engineio_path).serve(scope, receive, send)
        elif scope["type"] == "http" and (found := find_static_file(scope["path"], self.static_files)):
            await self.serve_static_file(found, receive, send)
        elif self.other_asgi_app is not None:
            await self.other_asgi_app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1000})
        else:
            await self.not_found(receive, send)

    def _is_socketio(self, path: str) -> bool:
        base = self.engineio_path
        return path == base or path.startswith(f"{base}/")

    async def lifespan(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """Run the hooks, and the other application's lifespan if it has one."""
        if self.on_startup is None and self.on_shutdown is None and self.other_asgi_app is not None:
            await self.other_asgi_app(scope, receive, send)
            return
        inner = _Lifespan(self.other_asgi_app, scope) if self.other_asgi_app is not None else None
        while True:
            event = await receive()
            starts = event["type"] == "lifespan.startup"
            try:
                if starts:
                    if inner is not None:
                        await inner.startup()
                    await _run_hook(self.on_startup)
                else:
                    await _run_hook(self.on_shutdown)
                    if inner is not None:
                        await inner.shutdown()
            except Exception as error:
                await send({"type": f"{event['type']}.failed", "message": str(error)})
                return
            await send({"type": f"{event['type']}.complete"})
            if not starts:
                return

    async def serve_static_file(self, file: dict[str, str], receive: ASGIReceive, send: ASGISend) -> None:
        """Send a file."""
        await receive()
        try:
            body = await asyncio.to_thread(_read, file["filename"])
        except OSError:
            await self._respond(send, 404, "text/plain", b"Not Found")
            return
        await self._respond(send, 200, file["content_type"], body)

    async def not_found(self, receive: ASGIReceive, send: ASGISend) -> None:
        """Send a 404."""
        await self._respond(send, 404, "text/plain", b"Not Found")

    @staticmethod
    async def _respond(send: ASGISend, status: int, content_type: str, body: bytes) -> None:
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class _Lifespan:
    """The lifespan of an application below this one."""

    def __init__(self, app: Any, scope: Scope) -> None:
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._answers: asyncio.Queue[Any] = asyncio.Queue()
        self._task = asyncio.ensure_future(self._run(app, scope))

    async def _run(self, app: Any, scope: Scope) -> None:
        try:
            await app(scope, self._events.get, self._answers.put)
        except Exception as error:
            self._answers.put_nowait(error)

    async def startup(self) -> None:
        answer = await self._ask("lifespan.startup")
        if isinstance(answer, dict) and answer["type"] == "lifespan.startup.failed":
            raise RuntimeError(answer.get("message", ""))

    async def shutdown(self) -> None:
        if not self._task.done():
            await self._ask("lifespan.shutdown")

    async def _ask(self, event: str) -> Any:
        self._events.put_nowait({"type": event})
        getter = asyncio.ensure_future(self._answers.get())
        await asyncio.wait([getter, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not getter.done():
            getter.cancel()
            return None
        return getter.result()


async def _run_hook(hook: Hook | None) -> None:
    if hook is not None:
        result = hook()
        if inspect.isawaitable(result):
            await result


def find_static_file(path: str, static_files: dict[str, StaticFile]) -> dict[str, str] | None:
    """Find the file for a URL path.

    Args:
        path: The path of the request.
        static_files: As the argument of `ASGIApp`.

    Returns:
        ``filename`` and ``content_type``, or None.
    """
    rest = ""
    prefix = path
    while prefix not in static_files:
        if not prefix.strip("/"):
            return None
        prefix, _, last = prefix.rpartition("/")
        rest = f"/{last}{rest}"
    entry = static_files[prefix]
    found = dict(entry) if isinstance(entry, dict) else {"filename": entry}
    if rest or found["filename"].endswith("/"):
        if ".." in rest.split("/"):
            return None
        found["filename"] = found["filename"].rstrip("/") + (rest or "/")
    if found["filename"].endswith("/"):
        index = static_files.get("", "index.html")
        index = {"filename": index} if isinstance(index, str) else index
        found["filename"] += index["filename"]
        found.update({key: value for key, value in index.items() if key != "filename"})
    extension = os.path.splitext(found["filename"])[1].lstrip(".")
    found.setdefault("content_type", _CONTENT_TYPES.get(extension, "application/octet-stream"))
    return found


def _read(filename: str) -> bytes:
    with open(filename, "rb") as file:
        return file.read()
