"""Disconnects from both sides, and the reasons that a disconnect handler gets."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


def telling(sio: Any, namespace: str = "/") -> None:
    """Tells everybody in /fence who has left, and why."""

    @sio.on("disconnect", namespace=namespace)
    async def disconnect(sid: str, reason: str) -> None:
        await sio.emit("left", (namespace, reason), namespace="/fence")


@case()
def client_leaves(sio: Any, socketio: Any) -> Talk:
    telling(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        for number, end in enumerate(("41", "1")):
            client = world.client(name=f"b{number}")
            client.send(end)
            watcher.read()
        client = world.client(name="c")
        client.drop()
        watcher.read()

    return talk


@case(ping_interval=0.3, ping_timeout=1)
def client_that_answers_no_ping(sio: Any, socketio: Any) -> Talk:
    telling(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        world.client(name="b")
        watcher.read()

    return talk


@case(max_http_buffer_size=1000)
def message_over_the_limit(sio: Any, socketio: Any) -> Talk:
    telling(sio)

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.client(name="b")
        client.session.send('42["event","' + 1000 * "x" + '"]')
        watcher.read()
        world.write(f"closed with {client.session.close_code()}")

    return talk


@case()
def one_handler_per_namespace(sio: Any, socketio: Any) -> Talk:
    telling(sio)
    telling(sio, "/other")

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.client("/", "/other")
        client.send("41/other,")
        watcher.read()
        client.fence()
        client.join("/other")
        client.drop()
        watcher.read(2)

    return talk


@case()
def server_disconnects(sio: Any, socketio: Any) -> Talk:
    telling(sio)

    @sio.event
    async def kick(sid: str, other: str) -> str:
        await sio.disconnect(other)
        await sio.emit("after", to=other)
        return "kicked"

    def talk(world: World) -> None:
        watcher = world.lurker()
        a, b = world.client(), world.client()
        a.emit("kick", b.sid, ack=1)
        a.until_ack(1)
        watcher.read()
        b.fence()
        watcher.fence()

    return talk


@case()
def last_words_before_disconnect(sio: Any, socketio: Any) -> Talk:
    telling(sio)

    @sio.event
    async def bye(sid: str) -> None:
        await sio.emit("last", "words", to=sid)
        await sio.disconnect(sid)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("bye")
        client.read(2)
        client.fence()

    return talk


@case()
def acknowledgement_after_the_end(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def bye(sid: str) -> str:
        await sio.disconnect(sid)
        return "too late"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("bye", ack=1)
        client.fence()
        client.fence()

    return talk


@case()
def one_argument(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def disconnect(sid: str) -> None:
        await sio.emit("left", "async", namespace="/fence")

    @sio.on("disconnect", namespace="/sync")
    def disconnect_sync(sid: str) -> None:
        sio.start_background_task(sio.emit, "left", "sync", namespace="/fence")

    class Chat(socketio.AsyncNamespace):  # type: ignore[misc,name-defined]
        async def on_disconnect(self, sid: str) -> None:
            await self.emit("left", "class", namespace="/fence")

    sio.register_namespace(Chat("/chat"))

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.client("/", "/sync", "/chat")
        for packet in ("41", "41/sync,", "41/chat,"):
            client.send(packet)
            watcher.read()
            client.fence()

    return talk


@case()
def handler_that_returns_a_task(sio: Any, socketio: Any) -> Talk:
    tasks: list[Any] = []

    @sio.event
    def disconnect(sid: str) -> Any:
        return asyncio.ensure_future(sio.emit("left", namespace="/fence"))

    @sio.event
    def work(sid: str) -> None:
        tasks.append(asyncio.ensure_future(sio.emit("worked", to=sid)))

    def talk(world: World) -> None:
        watcher = world.lurker()
        client = world.client()
        client.emit("work")
        client.read()
        client.send("41")
        watcher.read()

    return talk


@case()
def packets_to_one_who_left(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def say(sid: str, other: str) -> Any:
        await sio.emit("said", to=other)
        return sio.rooms(other), sio.get_environ(other)

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        b.send("41")
        b.fence()
        a.emit("say", b.sid, ack=1)
        a.fence()

    return talk
