"""Changes of a server after it was created."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


@case()
def handlers_taken_out_and_set(sio: Any, socketio: Any) -> Talk:
    @sio.on("gone")
    async def gone(sid: str) -> str:
        return "still here"

    @sio.on("*")
    async def others(sid: str, *args: Any) -> str:
        return "anything"

    async def added(sid: str) -> str:
        return "added"

    sio.handlers["/"].pop("gone")
    del sio.handlers["/"]["*"]
    sio.handlers["/"]["added"] = added

    def talk(world: World) -> None:
        a = world.client()
        for number, event in enumerate(["gone", "added", "unknown"]):
            a.emit(event, ack=number)
        a.fence()

    return talk


@case()
def namespaces_set_later(sio: Any, socketio: Any) -> Talk:
    sio.namespaces = ["/", "/late"]

    def talk(world: World) -> None:
        world.client("/", "/late")

    return talk


@case()
def always_connect_set_later(sio: Any, socketio: Any) -> Talk:
    sio.always_connect = True

    @sio.event
    async def connect(sid: str, environ: dict[str, Any]) -> bool:
        return False

    def talk(world: World) -> None:
        a = world.lurker()
        a.send("40")
        # The answer comes before the refusal; what follows it differs on purpose (`always-connect-refusal`).
        a.read()

    return talk


@case()
def async_handlers_set_later(sio: Any, socketio: Any) -> Talk:
    sio.async_handlers = False

    @sio.event
    async def slow(sid: str) -> str:
        await asyncio.sleep(0.05)
        return "slow"

    @sio.event
    async def fast(sid: str) -> str:
        return "fast"

    def talk(world: World) -> None:
        a = world.client()
        a.emit("slow", ack=1)
        a.emit("fast", ack=2)
        a.until_ack(2)

    return talk
