"""One Socket.IO server in the forms that applications use, for any ASGI server to import.

`app`: the ASGIApp is outermost. `guarded`: behind a middleware that wraps both callables. `watched`:
behind one that only looks at the scope. `rewriting`: a subclass that changes the path. The shapes in
FastAPI are in `mounted.py`.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import door
import library
import wire
from library import socketio

sio = wire.sio


@sio.on("environ")
async def tell_environ(sid: str) -> dict[str, Any]:
    """Answers with what the handler sees of the client's request."""
    environ = sio.get_environ(sid) or {}
    scope = environ["asgi.scope"]
    return {
        "address": environ["REMOTE_ADDR"],
        "scheme": environ["wsgi.url_scheme"],
        "path_info": environ["PATH_INFO"],
        "query": environ["QUERY_STRING"],
        "header": environ.get("HTTP_X_TEST"),
        "type": scope["type"],
        "client": scope["client"][0] if scope["client"] else None,
        "path": scope["path"],
        "root_path": scope["root_path"],
        "raw_query": scope["query_string"].decode(),
        "user": scope.get("user"),
        "state": scope.get("state", {}).get("from_lifespan"),
        "named": dict(scope["headers"]).get(b"x-test", b"").decode(),
    }


@sio.on("pid")
async def tell_process(sid: str) -> int:
    """Answers with the id of this process."""
    return os.getpid()


@sio.on("slow")
async def slow(sid: str, seconds: float) -> str:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return "done"


async def stateful(scope: Any, receive: Any, send: Any) -> None:
    """The plain app, with something in the lifespan's state."""
    if scope["type"] == "lifespan":
        await receive()
        scope["state"]["from_lifespan"] = "kept"
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})
    else:
        await door.plain(scope, receive, send)


app = socketio.ASGIApp(sio, door.plain, on_shutdown=door.shutdown)
with_state = socketio.ASGIApp(sio, stateful)


class Guard:
    """A middleware that wraps both callables, and refuses requests without the password."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Counts what passes."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return

        async def hear() -> Any:
            return await receive()

        async def say(message: Any) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message["headers"] = [*message.get("headers", ()), (b"x-guard", b"seen")]
            await send(message)

        await self.app(scope, hear, say)


class Watcher:
    """A middleware that looks only at the scope. It refuses some requests, and sets `user` in the others."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Refuses a request that asks for it."""
        if scope["type"] == "websocket" and b"refuse" in scope["query_string"]:
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        scope["user"] = "somebody"
        await self.app(scope, receive, send)


class Rewriting(socketio.ASGIApp):
    """As NiceGUI does: a subclass that changes the path before the ASGIApp looks at it."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serves Socket.IO below another path."""
        if scope["type"] in ("http", "websocket"):
            scope["path"] = scope["path"].replace("/_other/ws/", "/socket.io/")
        await super().__call__(scope, receive, send)


guarded = Guard(app)
watched = Watcher(app)
rewriting = Rewriting(sio, door.plain)


if __name__ == "__main__":
    library.run(app)
