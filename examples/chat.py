"""Rooms, sessions and refusal: a chat. Clients connect with ``auth={"name": ...}``."""

import sys
from typing import Any

import fanio as socketio

sio = socketio.AsyncServer()
app = socketio.ASGIApp(sio)


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    if not auth or not auth.get("name"):
        raise socketio.exceptions.ConnectionRefusedError("a name is needed")
    await sio.save_session(sid, {"name": auth["name"]})


@sio.event
async def join(sid: str, room: str) -> list[Any]:
    """Enter a room, and tell the others in it."""
    await sio.enter_room(sid, room)
    session = await sio.get_session(sid)
    await sio.emit("joined", session["name"], to=room, skip_sid=sid)
    return [name for name in sio.rooms(sid) if name != sid]


@sio.event
async def say(sid: str, room: str, text: str) -> None:
    """Send a line to everybody in a room."""
    async with sio.session(sid) as session:
        session["lines"] = session.get("lines", 0) + 1
        await sio.emit("line", (room, session["name"], text), to=room)


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    session = await sio.get_session(sid)
    for room in sio.rooms(sid):
        await sio.emit("left", session["name"], to=room, skip_sid=sid)


if __name__ == "__main__":
    socketio.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
