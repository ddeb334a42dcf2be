"""One server of a cluster, which does what a client in the namespace /control asks it to.

`FANIO_TEST_CLUSTER` has the arguments of its `AsyncRedisManager`.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
from typing import Any

import library
from library import socketio

settings = json.loads(os.environ["FANIO_TEST_CLUSTER"])
sio = library.server(client_manager=socketio.AsyncRedisManager(**settings), namespaces=["/", "/chat", "/control"])
gone: list[list[str]] = []
answers: list[list[Any]] = []
heard: list[Any] = []


def plain(result: Any) -> Any:
    """What JSON can say of a result."""
    if isinstance(result, (set, list)):
        return [plain(one) for one in result]
    return dict(vars(result), rooms=list(result.rooms)) if hasattr(result, "handshake") else result


@sio.on("do", namespace="/control")
async def do(sid: str, method: str, kwargs: dict[str, Any]) -> Any:
    """Calls a method of the server; `callback: true` collects the answers."""
    if kwargs.get("callback"):
        kwargs["callback"] = lambda *args: answers.append(list(args))
    if "tuple" in kwargs:
        kwargs["data"] = tuple(kwargs.pop("tuple"))
    try:
        result = getattr(sio, method)(*kwargs.pop("args", ()), **kwargs)
        result = plain(await result if inspect.isawaitable(result) else result)
    except Exception as error:
        return {"error": type(error).__name__, "text": str(error)}
    return {"result": result}


@sio.on("many", namespace="/control")
async def many(sid: str, count: int, rooms: list[Any]) -> None:
    """Emits numbers, to each of the rooms in turn; no room is everybody."""
    for n in range(count):
        await sio.emit("n", n, to=rooms[n % len(rooms)])
        if n % 50 == 49:
            await asyncio.sleep(0)


@sio.on("answers", namespace="/control")
async def tell_answers(sid: str) -> list[list[Any]]:
    """What callbacks were called with."""
    return answers


@sio.on("gone", namespace="/control")
async def tell_gone(sid: str) -> list[list[str]]:
    """Which clients are gone, and why."""
    return gone


@sio.on("stats", namespace="/control")
async def tell_stats(sid: str) -> Any:
    """What fanio has counted."""
    return sio.stats()["cluster"]


@sio.on("enter")
async def enter(sid: str, room: Any) -> None:
    """Puts the client into a room."""
    await sio.enter_room(sid, room)


@sio.on("disconnect")
async def disconnect(sid: str, reason: str) -> None:
    """Notes that a client is gone."""
    gone.append([sid, reason])


def hello(data: Any) -> list[Any]:
    """Answers another server."""
    heard.append(data)
    return ["fanio", data]


if library.ORACLE == "fanio":
    sio.on_server_side("hello", hello)


@sio.on("heard", namespace="/control")
async def tell_heard(sid: str) -> list[Any]:
    """What other servers have said."""
    return heard


app = socketio.ASGIApp(sio)

if __name__ == "__main__":
    library.run(app)
