"""Ping and pong."""

from __future__ import annotations

import impersonated  # noqa: F401 (first)
import library
import socketio

sio = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(sio)


@sio.event
async def ping_from_client(sid):
    await sio.emit("pong_from_server", room=sid)


if __name__ == "__main__":
    library.run(app)
