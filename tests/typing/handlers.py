"""Handlers that type checkers must accept, and lines that they must refuse.

mypy and pyright read this file, nothing runs it. A line with an ignore is one that both refuse:
an ignore that is not needed is an error itself.
"""

from __future__ import annotations

import json
from typing import Any

import orjson
from typing_extensions import assert_type

import fanio as socketio
from fanio.types import Room

sio = socketio.AsyncServer(json=json, cors_allowed_origins="*", logger=True)
other = socketio.AsyncServer(json=orjson)
app = socketio.ASGIApp(sio)


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: dict[str, Any] | None) -> bool:
    return bool(auth)


@sio.on("connect", namespace="/legacy")
def connect_legacy(sid: str, environ: dict[str, Any]) -> None: ...


@sio.on("connect", namespace="*")
async def connect_anywhere(namespace: str, sid: str, environ: dict[str, Any], auth: Any = None) -> None: ...


@sio.on("connect")  # type: ignore[type-var] # pyright: ignore[reportArgumentType]
async def connect_without_environ(sid: str) -> None: ...


@sio.on("disconnect")
async def disconnect(sid: str, reason: str) -> None: ...


@sio.on("disconnect", namespace="/legacy")
def disconnect_legacy(sid: str) -> None: ...


@sio.on("disconnect")  # type: ignore[type-var] # pyright: ignore[reportArgumentType]
def disconnect_of_a_number(sid: int) -> None: ...


@sio.on("say")
async def say(sid: str, text: str, loud: bool = False) -> tuple[str, int]:
    await sio.emit("line", (text, loud), to="room", skip_sid=[sid])
    await sio.emit("line", {"any": "thing"}, room=["a", 7, ("x", 1)], callback=print)
    assert_type(await sio.call("question", to=sid, timeout=None), Any)
    assert_type(sio.rooms(sid), list[Room])
    assert_type(await sio.get_session(sid), dict[str, Any])
    assert_type(sio.transport(sid), str)
    assert_type(sio.get_environ(sid), dict[str, Any] | None)
    async with sio.session(sid) as session:
        assert_type(session, dict[str, Any])
    await sio.emit("line", nobody=True)  # type: ignore[call-arg] # pyright: ignore[reportCallIssue]
    await sio.enter_room(7, "room")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    return text, 1


# A decorator gives back what it was given.
async def check_decorated() -> None:
    assert_type(await say("sid", "text"), tuple[str, int])


sio.on("later", say)
sio.on("*", lambda event, sid, *args: args)


class Chat(socketio.AsyncNamespace):
    async def on_connect(self, sid: str, environ: dict[str, Any]) -> None:
        await self.emit("welcome", to=sid)
        async with self.session(sid) as session:
            session["since"] = 1
        await self.enter_room(sid, "lobby")


sio.register_namespace(Chat("/chat"))
sio.register_namespace(Chat)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
