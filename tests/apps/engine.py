"""An Engine.IO server without Socket.IO, which sends its clients what its handlers get."""

from __future__ import annotations

import asyncio
from typing import Any

import library
from library import engineio

eio = engineio.AsyncServer(**library.options())
log: list[list[Any]] = []


@eio.on("connect")
async def connect(sid: str, environ: dict[str, Any]) -> Any:
    """Lets in, or refuses as the query says; greets, before the handshake is answered."""
    query = environ["QUERY_STRING"]
    await asyncio.sleep(0)
    if "refuse=false" in query:
        return False
    if "refuse=text" in query:
        return "go away"
    if "refuse=raise" in query:
        raise ValueError("on purpose")
    await eio.send(sid, "hello")
    async with eio.session(sid) as session:
        session["query"] = query
    if "kick" in query:
        await eio.disconnect(sid)
    return None


@eio.on("message")
async def message(sid: str, data: Any) -> None:
    """Does what a command says, or sends the data back with its type."""
    if data == "who":
        session = await eio.get_session(sid)
        answer = {"sid": sid, "transport": eio.transport(sid), "known": sid in eio.sockets, "query": session["query"]}
        await eio.send(sid, answer)
    elif data == "log":
        await eio.send(sid, log)
    elif data == "bye":
        await eio.send(sid, "bye")
        await eio.disconnect(sid)
    elif data == "fail":
        raise ValueError("on purpose")
    elif isinstance(data, bytes):
        await eio.send(sid, data + b"!")
    else:
        await eio.send(sid, [type(data).__name__, data])


@eio.on("disconnect")
def disconnect(sid: str, reason: str) -> None:
    """Notes the end of a client."""
    log.append([sid, reason, sid in eio.sockets])


app = engineio.ASGIApp(eio)

if __name__ == "__main__":
    library.run(app)
