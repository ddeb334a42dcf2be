"""Connect and disconnect handlers that do what the client's auth says, and count their calls.

The namespaces have handlers of different kinds: coroutine functions, a class, a plain function that
starts tasks. `/control` returns the counts, and what the server still keeps.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import library
from library import socketio

CONTROL = "/control"
sio = library.server()
begun: Counter[str] = Counter()
accepted: Counter[str] = Counter()
refused: set[str] = set()
left: Counter[str] = Counter()
events = 0
faults: list[str] = []
told: set[str] = set()


def expect(condition: object, *facts: Any) -> None:
    """Notes a fault, with the facts, when something is not so."""
    if not condition:
        faults.append(" ".join(map(str, facts)))


async def use(namespace: str, sid: str) -> None:
    """Uses a client as connect handlers do, whether it is still connected or not."""
    await sio.enter_room(sid, f"room {sid}", namespace=namespace)
    await sio.save_session(sid, {"sid": sid}, namespace=namespace)
    async with sio.session(sid, namespace=namespace) as session:
        session["more"] = True
    await sio.emit("hello", "x" * 100, to=sid, namespace=namespace)
    await sio.emit("hello", b"x", room=f"room {sid}", namespace=namespace)
    expect(sid in sio.rooms(sid, namespace=namespace), "own room", sid)
    expect(sio.get_environ(sid, namespace=namespace), "environ", sid)


async def work_later(namespace: str, sid: str, seconds: float) -> None:
    """A task that outlives the connect handler, and perhaps the client."""
    await asyncio.sleep(seconds)
    await sio.emit("later", to=f"room {sid}", namespace=namespace)
    await sio.emit("later", to=sid, namespace=namespace)
    await sio.leave_room(sid, "none", namespace=namespace)


async def kick_later(namespace: str, sid: str, seconds: float) -> None:
    """The server disconnects the client, whatever its handler does."""
    await asyncio.sleep(seconds)
    await sio.disconnect(sid, namespace=namespace)


async def join(namespace: str, sid: str, environ: dict[str, Any], auth: Any) -> Any:
    """A connect handler: waits, uses the client, waits, and ends as the plan says."""
    plan: dict[str, Any] = auth or {}
    begun[sid] += 1
    if "tell" in plan:
        told.add(sid)
        print("connecting", flush=True)
    wait, end = plan.get("wait", 0) / 1000, plan.get("end")
    try:
        if end == "kick":
            sio.start_background_task(kick_later, namespace, sid, plan["after"] / 1000)
        if plan.get("later") is not None:
            sio.start_background_task(work_later, namespace, sid, plan["later"] / 1000)
        if wait:
            await asyncio.sleep(wait)
        await use(namespace, sid)
        await asyncio.sleep(wait)
        if end == "kick itself":
            await sio.disconnect(sid, namespace=namespace)
    except Exception as error:
        faults.append(f"connect {sid}: {error!r}")
    return ended(sid, end)


def ended(sid: str, end: str | None) -> Any:
    """The end of a connect handler."""
    if end in ("false", "refuse", "raise", "cancel"):
        refused.add(sid)
    else:
        accepted[sid] += 1
    if end == "refuse":
        msg = "no"
        raise socketio.exceptions.ConnectionRefusedError(msg)
    if end == "raise":
        msg = "on purpose"
        raise ValueError(msg)
    if end == "cancel":
        raise asyncio.CancelledError
    return end != "false"


async def leave(namespace: str, sid: str) -> None:
    """A disconnect handler."""
    left[sid] += 1
    expect(accepted[sid] == 1, "disconnect without connect", sid)
    try:
        session = await sio.get_session(sid, namespace=namespace)
        expect(session == {"sid": sid, "more": True} or namespace == "/plain", "session", sid, session)
        expect(sid in sio.rooms(sid, namespace=namespace), "own room at the end", sid)
        known = f"room {sid}" in sio.rooms(sid, namespace=namespace)
        expect(known or namespace == "/plain", "room at the end", sid)
        expect(sio.get_environ(sid, namespace=namespace), "environ at the end", sid)
        await sio.emit("gone", to=sid, namespace=namespace)
        await asyncio.sleep(0.002)
    except Exception as error:
        faults.append(f"disconnect {sid}: {error!r}")


async def event(namespace: str, sid: str, what: str) -> str:
    """An event, which may be the client's last."""
    global events
    events += 1
    expect(accepted[sid] == 1 and not left[sid], "event out of its order", sid)
    if what == "kick":
        await sio.disconnect(sid, namespace=namespace)
    elif what == "kill":
        await sio.eio.disconnect(sio.manager.eio_sid_from_sid(sid, namespace) or "")
    return what


class Classy(socketio.AsyncNamespace):  # type: ignore[misc]
    """The same as methods."""

    async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any) -> Any:
        """Joins."""
        return await join("/class", sid, environ, auth)

    async def on_disconnect(self, sid: str, reason: str) -> None:
        """Leaves."""
        await leave("/class", sid)

    async def on_event(self, sid: str, what: str) -> str:
        """Takes an event."""
        return await event("/class", sid, what)


@sio.on("connect", namespace="/")
async def connect(sid: str, environ: dict[str, Any], auth: Any) -> Any:
    """Joins."""
    return await join("/", sid, environ, auth)


@sio.on("disconnect", namespace="/")
async def disconnect(sid: str, reason: str) -> None:
    """Leaves."""
    await leave("/", sid)
    if sid in told:
        print(f"pair {accepted[sid]} {left[sid]}: {reason}, {faults}", flush=True)


@sio.on("event", namespace="/")
async def take_event(sid: str, what: str) -> str:
    """Takes an event."""
    return await event("/", sid, what)


@sio.on("connect", namespace="/plain")
def connect_plain(sid: str, environ: dict[str, Any], auth: Any) -> Any:
    """A plain function, which has nothing to wait for."""
    begun[sid] += 1
    return ended(sid, (auth or {}).get("end"))


@sio.on("disconnect", namespace="/plain")
def disconnect_plain(sid: str, reason: str) -> Any:
    """A plain function that returns a coroutine."""
    return leave("/plain", sid)


@sio.on("event", namespace="/plain")
async def take_plain_event(sid: str, what: str) -> str:
    """Takes an event."""
    return await event("/plain", sid, what)


sio.register_namespace(Classy("/class"))


@sio.on("connect", namespace=CONTROL)
async def connect_control(sid: str, environ: dict[str, Any]) -> None:
    """Lets everybody in."""


@sio.on("report", namespace=CONTROL)
async def report(sid: str) -> dict[str, Any]:
    """What was counted, and what is kept of other clients than who asks."""
    return {
        "begun": len(begun),
        "accepted": len(accepted),
        "refused": len(refused),
        "left": len(left),
        "events": events,
        "unpaired": [one for one in begun if accepted[one] + (one in refused) != 1 or left[one] != accepted[one]],
        "faults": faults[:10],
        "kept": {name: size for name, size in kept(sid).items() if size},
    }


def kept(sid: str) -> dict[str, int]:
    """The sizes of everything that may hold something of a client's; of python-socketio's server nothing."""
    if library.ORACLE != "fanio":
        return {}
    lifecycle, tasks, environs, core = sio._lifecycle, sio._tasks, sio._environs, sio._core
    session = core.session_of(sid)
    return {
        "clients": lifecycle.clients - 1,
        "pending connects": len(lifecycle._pending),
        "rejected auth": len(lifecycle._rejected_auth),
        "sessions": len(lifecycle.sessions),
        "waiting": len(lifecycle.waiting),
        "running": len(lifecycle.running),
        "disconnect waiters": len(lifecycle._disconnect_waiters),
        "serial": len(set(sio._queues._queues) - {session}),
        "in flight": len(set(tasks._in_flight) - {sid}),
        "ahead": len(tasks._read_pauses._clients) + len(tasks._read_pauses._paused),
        "environs": len({*environs._kept, *environs._owners} - {session}),
        "acks": len(sio._acks),
        "namespaces": len(core.namespaces()) - 1,
        "connections": len(core.sessions()) - 1,
    }


if __name__ == "__main__":
    library.run(socketio.ASGIApp(sio))
