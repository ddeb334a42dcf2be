"""The server for the conformance tests: echoes, acks, bursts, rooms, refusals.

The Node oracle (tests/interop/js/oracle_wire.mjs) has the same events.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import library
from library import socketio

sio = library.server()
tags: dict[str, str] = {}
reasons: dict[str, asyncio.Future[str]] = {}
details: dict[str, str] = {}
heard: list[Any] = []
gate: dict[str, asyncio.Event] = {}
held: dict[str, int] = {}
telling: set[str] = set()
floods: dict[str, int] = {}
counts: dict[str, int] = {}


def known(tag: str) -> asyncio.Future[str]:
    """The future reason of a tagged socket."""
    if tag not in reasons:
        reasons[tag] = asyncio.get_running_loop().create_future()
    return reasons[tag]


@sio.event
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    """Remembers a tag, so that tests can ask for the reason of its end."""
    if isinstance(auth, dict) and "tag" in auth:
        tags[sid] = auth["tag"]


@sio.event
async def disconnect(sid: str, reason: str) -> None:
    """Notes the reason."""
    if sid in telling:
        print(f"ended: {reason}", flush=True)
    tag = tags.pop(sid, None)
    if tag is not None and not known(tag).done():
        details[tag] = getattr(reason, "detail", "")
        known(tag).set_result(reason)


@sio.on("tell-of-end")
async def tell_of_end(sid: str) -> None:
    """Writes the end of this client to the standard output."""
    telling.add(sid)


@sio.on("reason")
async def tell_reason(sid: str, tag: str) -> str:
    """Returns the reason of a tagged socket's disconnect; waits for it."""
    return await asyncio.wait_for(asyncio.shield(known(tag)), 8)


@sio.on("detail")
async def tell_detail(sid: str, tag: str) -> str:
    """Returns the detail of the reason; waits for it."""
    await asyncio.wait_for(asyncio.shield(known(tag)), 8)
    return details[tag]


@sio.on("message")
async def echo(sid: str, *args: Any) -> None:
    """Sends everything back."""
    await sio.emit("message-back", args, to=sid)


@sio.on("message-with-ack")
async def acknowledge(sid: str, *args: Any) -> tuple[Any, ...]:
    """Sends everything back in the ack."""
    return args


@sio.on("nothing")
async def acknowledge_nothing(sid: str) -> None:
    """Acknowledges without a value."""


@sio.on("fail")
async def fail(sid: str) -> None:
    """A handler that raises."""
    msg = "on purpose"
    raise RuntimeError(msg)


@sio.on("burst")
async def burst(sid: str, count: int) -> None:
    """Emits numbers."""
    for number in range(count):
        await sio.emit("n", number, to=sid)


@sio.on("later")
async def later(sid: str, count: int, milliseconds: float) -> None:
    """Emits numbers, one at a time."""
    for number in range(count):
        await sio.emit("n", number, to=sid)
        await asyncio.sleep(milliseconds / 1000)


@sio.on("big")
async def big(sid: str, size: int, count: int = 1, compress: bool = True) -> None:
    """Emits long strings."""
    options = {} if compress else {"compress": False}
    for _ in range(count):
        await sio.emit("big", "x" * size, to=sid, **options)


@sio.on("stats")
async def tell_stats(sid: str) -> Any:
    """Returns the server's counts."""
    return sio.stats()


@sio.on("block")
async def block(sid: str, seconds: float) -> None:
    """Blocks the event loop, as an application does that computes."""
    time.sleep(seconds)


@sio.on("hold-up")
async def hold_up(sid: str, file: str) -> None:
    """Holds the loop up while the file is there, which it makes; not for ever."""
    path = Path(file)
    path.touch()
    end = time.monotonic() + 30
    while path.exists() and time.monotonic() < end:
        time.sleep(0.001)


@sio.on("count")
async def count(sid: str, name: str, *args: Any) -> int:
    """Returns how often it was called with this name."""
    counts[name] = counts.get(name, 0) + 1
    return counts[name]


@sio.on("counted")
async def tell_counted(sid: str, name: str) -> int:
    """How often `count` was called with this name."""
    return counts.get(name, 0)


@sio.on("flood")
async def flood(sid: str, room: str) -> int:
    """Emits to a room without pause from the first call on; returns how many events that made."""

    async def pour() -> None:
        while room in floods:
            await sio.emit("flood", "x" * 2000, to=room)
            floods[room] += 1
            if floods[room] % 20 == 0:
                await asyncio.sleep(0)

    if room not in floods:
        floods[room] = 0
        sio.start_background_task(pour)
    return floods[room]


@sio.on("flood-stop")
async def stop_flood(sid: str, room: str) -> int:
    """Ends a flood; returns how many events it made."""
    return floods.pop(room)


@sio.on("bytes")
async def send_bytes(sid: str) -> None:
    """Emits two attachments, one of them deep in the data."""
    await sio.emit("bytes", {"a": b"\x01\x02", "b": [1, {"c": b"\x03"}]}, to=sid)


@sio.on("ask")
async def ask(sid: str, *args: Any) -> None:
    """Asks the client, and sends its answer back."""

    async def answered(*answer: Any) -> None:
        await sio.emit("answer", answer, to=sid)

    await sio.emit("question", args, to=sid, callback=answered)


@sio.on("bye")
async def bye(sid: str) -> None:
    """Disconnects the client."""
    await sio.disconnect(sid)


@sio.on("join")
async def join(sid: str, room: str) -> str:
    """Enters a room."""
    await sio.enter_room(sid, room)
    return "joined"


@sio.on("leave")
async def leave(sid: str, room: str) -> str:
    """Leaves a room."""
    await sio.leave_room(sid, room)
    return "left"


@sio.on("say")
async def say(sid: str, room: Any, *args: Any) -> None:
    """Emits to a room."""
    await sio.emit("said", args, room=room)


@sio.on("shout")
async def shout(sid: str, *args: Any) -> None:
    """Emits to everybody."""
    await sio.emit("shouted", args)


@sio.on("shout-to-others")
async def shout_to_others(sid: str, *args: Any) -> None:
    """Emits to everybody else."""
    await sio.emit("shouted", args, skip_sid=sid)


@sio.on("shout-except")
async def shout_except(sid: str, rooms: Any, *args: Any) -> None:
    """Emits to everybody outside these rooms."""
    await sio.emit("shouted", args, except_room=rooms)


@sio.on("shout-slow")
async def shout_slow(sid: str, *args: Any) -> None:
    """Emits to everybody in /slow."""
    await sio.emit("shouted", args, namespace="/slow")


@sio.on("note", namespace="/slow")
async def note(sid: str, *args: Any) -> None:
    """Remembers what was received in /slow."""
    heard.extend(args)


@sio.on("heard")
async def tell_heard(sid: str) -> list[Any]:
    """Returns what was received in /slow."""
    return list(heard)


@sio.on("release")
async def release(sid: str, name: str) -> None:
    """Lets a waiting handler of `hold`, or of /slow's connect, go on."""
    gate.setdefault(name, asyncio.Event()).set()


@sio.on("hold")
async def hold(sid: str, name: str, data: str) -> None:
    """Keeps what it is given until `release`."""
    held[name] = held.get(name, 0) + 1
    await gate.setdefault(name, asyncio.Event()).wait()


@sio.on("held")
async def tell_held(sid: str, name: str) -> int:
    """How many `hold` have begun."""
    return held.get(name, 0)


@sio.on("connect", namespace="/slow")
async def connect_slowly(sid: str, environ: dict[str, Any], auth: Any) -> bool:
    """Waits for `release`, then accepts or refuses as the client asked for."""
    await asyncio.wait_for(gate.setdefault(auth["gate"], asyncio.Event()).wait(), 8)
    return bool(auth.get("accept", True))


@sio.on("connect", namespace="/custom")
async def connect_custom(sid: str, environ: dict[str, Any], auth: Any) -> None:
    """Sends the client its own auth."""
    await sio.emit("auth", auth or {}, to=sid, namespace="/custom")


@sio.on("message", namespace="/custom")
async def echo_custom(sid: str, *args: Any) -> None:
    """Sends everything back."""
    await sio.emit("message-back", args, to=sid, namespace="/custom")


@sio.on("message-with-ack", namespace="/custom")
async def acknowledge_custom(sid: str, *args: Any) -> tuple[Any, ...]:
    """Sends everything back in the ack."""
    return args


@sio.on("shout", namespace="/custom")
async def shout_custom(sid: str, *args: Any) -> None:
    """Emits to everybody in this namespace."""
    await sio.emit("shouted", args, namespace="/custom")


@sio.on("connect", namespace="/refused")
async def refuse(sid: str, environ: dict[str, Any], auth: Any) -> None:
    """Refuses, with data when the client asks for it."""
    name = socketio.exceptions.ConnectionRefusedError
    if auth and auth.get("data"):
        raise name("not allowed", {"code": 7})
    raise name("not allowed")


@sio.on("connect", namespace="/raises")
async def raise_in_connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
    """A connect handler with a bug."""
    msg = "on purpose"
    raise ValueError(msg)


app = socketio.ASGIApp(sio)

if __name__ == "__main__":
    library.run(app)
