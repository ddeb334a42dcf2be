"""Socket.IO mounted in FastAPI and around it, with a disconnect handler that has one parameter."""

from __future__ import annotations

import impersonated  # noqa: F401 (first)
import library
import socketio
from fastapi import FastAPI

api = FastAPI()
sio = socketio.AsyncServer(async_mode="asgi")
mounted = socketio.AsyncServer(async_mode="asgi")
combined = socketio.ASGIApp(sio, api)
api.mount("/ws", socketio.ASGIApp(mounted, socketio_path=""))


@api.get("/hello")
async def hello():
    return {"hello": "world"}


def serve(server, name):
    @server.event
    async def connect(sid, environ, auth):
        await server.emit("hello", (name, environ["PATH_INFO"], auth), to=sid)

    @server.event
    def disconnect(sid):
        print("disconnected from", name, flush=True)


serve(sio, "front")
serve(mounted, "mounted")

if __name__ == "__main__":
    library.run(combined)
