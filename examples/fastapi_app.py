"""FastAPI and Socket.IO on one port: a request to FastAPI makes a broadcast in Socket.IO."""

import sys

from fastapi import FastAPI

import fanio as socketio

sio = socketio.AsyncServer()
api = FastAPI()
app = socketio.ASGIApp(sio, api)


@api.get("/announce/{text}")
async def announce(text: str) -> dict[str, str]:
    await sio.emit("announcement", text)
    return {"announced": text}


@sio.event
async def ping(sid: str) -> str:
    return "pong"


if __name__ == "__main__":
    socketio.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
