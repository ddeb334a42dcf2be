"""Socket.IO around Litestar, with a disconnect handler that has one parameter."""

from __future__ import annotations

import impersonated  # noqa: F401 (first)
import library
import socketio
from litestar import Litestar, get

sio = socketio.AsyncServer(async_mode="asgi")


@sio.event
async def connect(sid, environ, auth):
    await sio.emit("hello", (1, 2, {"hello": "you"}), to=sid)


@sio.event
def disconnect(sid):
    print("disconnected from litestar", flush=True)


@get("/hello", sync_to_thread=False)
def hello() -> dict[str, str]:
    return {"hello": "world"}


if __name__ == "__main__":
    library.run(socketio.ASGIApp(sio, Litestar([hello])))
