"""The smallest server: every event is answered with its arguments.

Run it with ``fanio run examples.echo:app`` or ``python examples/echo.py``.
"""

import sys
from typing import Any

import fanio as socketio

sio = socketio.AsyncServer()
app = socketio.ASGIApp(sio)


@sio.on("*")
async def echo(event: str, sid: str, *args: Any) -> tuple[Any, ...]:
    return event, *args


if __name__ == "__main__":
    socketio.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8000)
