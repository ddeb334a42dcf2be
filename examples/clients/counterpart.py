"""The server of the client examples: python examples/clients/counterpart.py [port]."""

import sys
from typing import Any

import fanio as socketio

sio = socketio.AsyncServer()
app = socketio.ASGIApp(sio)


@sio.on("*")
async def echo(event: str, sid: str, *args: Any) -> tuple[Any, ...]:
    """Answer any event with its name and its arguments."""
    return (event, *args)


@sio.event
async def tick(sid: str, count: int) -> None:
    """Send a number of events to the client."""
    for number in range(count):
        await sio.emit("tock", number, to=sid)


@sio.event(namespace="/members")
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    """Let in who knows the word."""
    if not auth or auth.get("token") != "sesame":
        raise socketio.ConnectionRefusedError("wrong token", {"hint": "open ..."})


@sio.event(namespace="/members")
async def whoami(sid: str) -> str:
    """Tell a member its sid."""
    return sid


if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    socketio.run(app, port=port)
