"""A typical example from an issue: auth, a greeting with two arguments, the reason of the disconnect."""

from __future__ import annotations

import impersonated  # noqa: F401 (first)
import library
import socketio

sio = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(sio)


@sio.event
async def connect(sid, environ, auth):
    print(f"connected auth={auth} sid={sid}", flush=True)
    await sio.emit("hello", (1, 2, {"hello": "you"}), to=sid)


@sio.event
def disconnect(sid, reason):
    print("disconnected", reason, flush=True)


if __name__ == "__main__":
    library.run(app)
