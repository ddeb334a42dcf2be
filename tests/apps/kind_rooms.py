"""The usual tour of python-socketio: rooms, broadcasts, a background task that starts with the first client."""

from __future__ import annotations

import impersonated  # noqa: F401 (first)
import library
import socketio

sio = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(sio, static_files={"/": __file__})
ticking = None


async def tick() -> None:
    """Emits numbers for ever."""
    count = 0
    while True:
        await sio.sleep(0.05)
        count += 1
        await sio.emit("reply", {"data": "tick", "count": count})


@sio.on("connect")
async def on_connect(sid, environ):
    global ticking
    if ticking is None:
        ticking = sio.start_background_task(tick)
    await sio.emit("reply", {"data": "Connected", "count": 0}, room=sid)


@sio.on("one")
async def to_one(sid, message):
    await sio.emit("reply", {"data": message["data"]}, room=sid)


@sio.on("all")
async def to_all(sid, message):
    await sio.emit("reply", {"data": message["data"]})


@sio.on("join")
async def join(sid, message):
    await sio.enter_room(sid, message["room"])
    await sio.emit("reply", {"data": "Entered room: " + message["room"]}, room=sid)


@sio.on("leave")
async def leave(sid, message):
    await sio.leave_room(sid, message["room"])
    await sio.emit("reply", {"data": "Left room: " + message["room"]}, room=sid)


@sio.on("close")
async def close(sid, message):
    await sio.emit("reply", {"data": f"Room {message['room']} is closing."}, room=message["room"])
    await sio.close_room(message["room"])


@sio.on("room")
async def to_room(sid, message):
    await sio.emit("reply", {"data": message["data"]}, room=message["room"])


@sio.on("leave server")
async def leave_server(sid):
    await sio.disconnect(sid)


@sio.on("disconnect")
def on_disconnect(sid, reason):
    print("Client disconnected, reason:", reason, flush=True)


if __name__ == "__main__":
    library.run(app)
