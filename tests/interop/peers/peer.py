"""A Python client that stays connected: peer.py KIND TRANSPORT URL [SIZE]. It prints each connect, disconnect and echo.

With SIZE it sends so many bytes instead of a text. KIND is a library, `socketio` or `fanio`, and `sync` or `async`,
with a dot between.
"""

from __future__ import annotations

import asyncio
import importlib
import sys
from typing import Any

kind, transport, url, *size = sys.argv[1:]
SENT = bytes(int(size[0])) if size else "hello"
library, way = kind.split(".")
socketio: Any = importlib.import_module(library)
OPTIONS = {"reconnection_delay": 0.05, "reconnection_delay_max": 0.2}
TRANSPORTS = None if transport == "any" else [transport]


def say_echo(data: Any) -> None:
    """Writes a line for what came back."""
    say("event", data) if isinstance(data, str) else say("bytes", len(data))


def say(*words: object) -> None:
    """Writes a line."""
    print(*words, flush=True)


async def stay() -> None:
    """The asyncio client."""
    client = socketio.AsyncClient(**OPTIONS)

    @client.event
    async def connect() -> None:
        say("connect")
        await client.emit("message", SENT)

    @client.event
    async def disconnect(reason: str) -> None:
        say("disconnect", reason)

    @client.on("message-back")
    async def echo(data: Any) -> None:
        say_echo(data)

    await client.connect(url, transports=TRANSPORTS)
    await client.wait()


def stay_sync() -> None:
    """The client of threads."""
    client = socketio.Client(**OPTIONS)

    @client.event
    def connect() -> None:
        say("connect")
        client.emit("message", SENT)

    @client.event
    def disconnect(reason: str) -> None:
        say("disconnect", reason)

    @client.on("message-back")
    def echo(data: Any) -> None:
        say_echo(data)

    client.connect(url, transports=TRANSPORTS)
    client.wait()


if way == "async":
    asyncio.run(stay())
else:
    stay_sync()
say("gave up")
