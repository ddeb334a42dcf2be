"""fastapi-socketio's manager, mounted in FastAPI."""

from __future__ import annotations

import impersonated  # noqa: F401 (first)
import library
from fastapi import FastAPI
from fastapi_socketio import SocketManager

app = FastAPI()
manager = SocketManager(app=app)


@app.sio.on("join")
async def join(sid, *args, **kwargs):
    await app.sio.emit("lobby", "User joined")


@app.get("/hello")
async def hello():
    await app.sio.emit("lobby", "from a route")
    return {"hello": "world"}


if __name__ == "__main__":
    library.run(app)
