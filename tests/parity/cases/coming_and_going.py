"""Clients that leave or come back while their connect or disconnect handler runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World

PAUSE = 0.05


def journal(sio: Any, namespace: str = "/") -> None:
    """Handlers that take their time and tell everybody in /fence what they did."""

    async def tell(*step: Any) -> None:
        await sio.emit("step", step, namespace="/fence")

    @sio.on("connect", namespace=namespace)
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> Any:
        await sio.save_session(sid, {"auth": auth}, namespace=namespace)
        await asyncio.sleep(PAUSE)
        await sio.enter_room(sid, "room", namespace=namespace)
        async with sio.session(sid, namespace=namespace) as session:
            session["saved"] = True
        await tell("connect", sorted(sio.rooms(sid, namespace=namespace)) == sorted([sid, "room"]))
        if auth and "refuse" in auth:
            return False
        return None

    @sio.on("event", namespace=namespace)
    async def event(sid: str, number: int) -> int:
        await tell("event", number)
        return number

    @sio.on("disconnect", namespace=namespace)
    async def disconnect(sid: str, reason: str) -> None:
        session = await sio.get_session(sid, namespace=namespace)
        await tell("disconnect", reason, session, "room" in sio.rooms(sid, namespace=namespace))
        await asyncio.sleep(PAUSE)
        await tell("gone")


@case()
def leaves_while_connecting(sio: Any, socketio: Any) -> Talk:
    journal(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send("40", "41")
        watcher.read(3)
        client.fence()

    return talk


@case()
def stream_ends_while_connecting(sio: Any, socketio: Any) -> Talk:
    journal(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send("40")
        client.drop()
        watcher.read(3)

    return talk


@case()
def comes_and_goes_at_once(sio: Any, socketio: Any) -> Talk:
    journal(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send('40{"n":1}', "41", '40{"n":2}', "41", '40{"n":3}', '421["event",7]')
        watcher.read(8)
        client.fence()
        client.drop()
        watcher.read(2)

    return talk


@case()
def comes_and_goes_without_waiting_handlers(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def event(sid: str) -> str:
        return "handled"

    def talk(world: World) -> None:
        client = world.lurker()
        client.send("40", "41", "40", "41", "40", "41", "40", '421["event"]')
        client.fence()

    return talk


@case()
def refused_after_it_has_left(sio: Any, socketio: Any) -> Talk:
    journal(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send('40{"refuse":1}', '42["event",1]', "41", '40{"n":1}')
        watcher.read(2)
        client.fence()
        client.drop()
        watcher.read(2)

    return talk


@case()
def events_before_the_answer(sio: Any, socketio: Any) -> Talk:
    journal(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send("40", '421["event",1]', '422["event",2]', '423["event",3]')
        watcher.read(4)
        client.fence()

    return talk


@case()
def comes_back_while_its_disconnect_handler_runs(sio: Any, socketio: Any) -> Talk:
    journal(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.client()
        watcher.read()
        client.send("41", '40{"again":1}', '42["event",1]')
        watcher.read(4)
        client.fence()

    return talk


@case(async_handlers=False)
def comes_and_goes_one_after_the_other(sio: Any, socketio: Any) -> Talk:
    journal(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send("40", '42["event",1]', "41", "40", '42["event",2]')
        client.drop()
        watcher.read(8)

    return talk


@case(always_connect=True)
def leaves_while_connecting_with_always_connect(sio: Any, socketio: Any) -> Talk:
    journal(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send("40", '42["event",1]', "41", "40")
        watcher.read(5)
        client.fence()

    return talk


@case()
def a_class_namespace(sio: Any, socketio: Any) -> Talk:
    class Chat(socketio.AsyncNamespace):  # type: ignore[misc,name-defined]
        async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
            await asyncio.sleep(PAUSE)
            await self.enter_room(sid, "room")
            await self.emit("hello", to=sid)
            await sio.emit("step", "connect", namespace="/fence")

        async def on_disconnect(self, sid: str, reason: str) -> None:
            await sio.emit("step", ("disconnect", reason, "room" in self.rooms(sid)), namespace="/fence")

    sio.register_namespace(Chat("/chat"))

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send("40/chat,")
        client.drop()
        watcher.read(2)

    return talk


@case()
def several_namespaces(sio: Any, socketio: Any) -> Talk:
    journal(sio)
    journal(sio, "/other")

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send("40", "41", '421["event",1]')
        watcher.read(3)
        client.fence()
        client.send("40/other,")
        client.drop()
        watcher.read(3)

    return talk


@case()
def kinds_of_views_while_connecting(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        await asyncio.sleep(PAUSE)
        manager = sio.manager
        views = (
            manager.is_pre_connected(sid, "/"),
            manager.is_connected(sid, "/"),
            manager.sid_from_eio_sid(manager.eio_sid_from_sid(sid, "/"), "/") == sid,
            list(sio.rooms(sid)) == [sid],
            sio.get_environ(sid)["QUERY_STRING"] == environ["QUERY_STRING"],
        )
        await sio.emit("views", views, namespace="/fence")

    @sio.event
    async def disconnect(sid: str, reason: str) -> None:
        await sio.emit("left", reason, namespace="/fence")

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.lurker()
        client.send("40", "41")
        watcher.read(2)
        client.fence()

    return talk
