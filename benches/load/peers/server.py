"""A Python server for the measurements: server.py fanio|socketio PORT."""

import asyncio
import os
import sys

import uvicorn


def main(name: str, port: int) -> None:
    if name == "fanio":
        import fanio as socketio  # noqa: PLC0415

        sio = socketio.AsyncServer(async_mode="asgi", shards=1)
    else:
        import socketio  # noqa: PLC0415

        sio = socketio.AsyncServer(async_mode="asgi")
    numbers = iter(range(sys.maxsize))

    @sio.event
    async def connect(sid, environ):
        pass

    @sio.on("bench:broadcast")
    async def broadcast(sid, count, pad):
        text = "x" * pad
        for i in range(count):
            await sio.emit("b", (next(numbers), text))
            if i % 64 == 63:
                await asyncio.sleep(0)

    @sio.on("bench:echo")
    async def echo(sid, value):
        return value

    app = socketio.ASGIApp(sio)
    print(f"ready {os.getpid()}", flush=True)
    if name == "fanio":
        socketio.run(app, port=port, log_level="warning")
    else:
        uvicorn.run(app, port=port, log_level="warning", loop="uvloop")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
