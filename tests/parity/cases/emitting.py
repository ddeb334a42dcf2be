"""The recipients of an emit."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import Client, World


def speaking(sio: Any) -> None:
    """Handlers that join rooms and emit as the client says."""

    @sio.event
    async def join(sid: str, *rooms: Any) -> None:
        for room in rooms:
            await sio.enter_room(sid, room)

    @sio.event
    async def leave(sid: str, *rooms: Any) -> None:
        for room in rooms:
            await sio.leave_room(sid, room)

    @sio.event
    async def say(sid: str, options: dict[str, Any]) -> None:
        await sio.emit("said", "x", **options)

    @sio.event
    async def rooms(sid: str) -> list[Any]:
        found = sio.rooms(sid)
        return [*sorted(set(map(str, found)) - {sid}), sid in found]


def everybody(world: World, *clients: Client) -> None:
    """Reads everything that is on its way to each."""
    for client in clients:
        client.fence()


@case()
def data_of_every_shape(sio: Any, socketio: Any) -> Talk:
    shapes: list[Any] = [
        None,
        (),
        (1,),
        (1, [2], {"three": 3}),
        [],
        [1, 2],
        {},
        0,
        "",
        "text",
        False,
        ((1, 2), 3),
        (None,),
    ]

    @sio.event
    async def give(sid: str) -> None:
        for shape in shapes:
            await sio.emit("given", shape, to=sid)
        await sio.emit("given", to=sid)
        await sio.send("a message", to=sid)
        await sio.send({"a": 1}, room=sid)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("give", ack=1)
        client.until_ack(1)

    return talk


@case()
def targets(sio: Any, socketio: Any) -> Talk:
    speaking(sio)

    def talk(world: World) -> None:
        a, b, c = world.client(), world.client(), world.client()
        a.emit("join", "one", "two")
        a.fence()
        b.emit("join", "two")
        b.fence()
        for options in (
            {},
            {"to": "one"},
            {"room": "two"},
            {"to": ["one", "two"]},
            {"to": "two", "room": "one"},
            {"to": c.sid},
            {"to": [c.sid, "one"]},
            {"to": "nobody"},
            {"skip_sid": a.sid},
            {"skip_sid": [a.sid, b.sid]},
            {"to": "two", "skip_sid": b.sid},
            {"namespace": "/elsewhere"},
            {"to": None, "room": None},
        ):
            c.emit("say", options)
            everybody(world, c, a, b)

    return talk


@case()
def empty_targets(sio: Any, socketio: Any) -> Talk:
    speaking(sio)

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        for options in ({"to": []}, {"to": ""}, {"room": []}):
            a.emit("say", options)
            everybody(world, a, b)

    return talk


@case()
def leaving_and_closing_rooms(sio: Any, socketio: Any) -> Talk:
    speaking(sio)

    @sio.event
    async def close(sid: str, room: str) -> None:
        await sio.close_room(room)

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        a.emit("join", "one", "two")
        a.emit("join", "one")
        a.emit("rooms", ack=1)
        a.fence()
        a.emit("leave", "one", "unknown")
        a.emit("rooms", ack=2)
        a.fence()
        b.emit("join", "two")
        b.emit("close", "two")
        b.emit("rooms", ack=3)
        b.fence()
        a.emit("rooms", ack=4)
        a.emit("say", {"to": "two"})
        everybody(world, a, b)

    return talk


@case()
def rooms_of_other_types(sio: Any, socketio: Any) -> Talk:
    names: list[Any] = [1, (1, 2), None, 2.5, True]

    @sio.event
    async def join(sid: str, number: int) -> str:
        try:
            await sio.enter_room(sid, names[number])
        except Exception as error:
            return type(error).__name__
        return "joined"

    @sio.event
    async def say(sid: str, number: int) -> None:
        await sio.emit("said", number, room=names[number])

    @sio.event
    async def rooms(sid: str) -> Any:
        return sorted(repr(room) for room in sio.rooms(sid) if room != sid)

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        for number in (0, 3):
            a.emit("join", number, ack=number)
            a.fence()
            b.emit("say", number)
            everybody(world, b, a)
        a.emit("rooms", ack=7)
        a.fence()

    return talk


@case()
def leaving_the_room_of_ones_own(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def leave(sid: str) -> bool:
        await sio.leave_room(sid, sid)
        await sio.emit("event", to=sid)
        return sid in sio.rooms(sid)

    def talk(world: World) -> None:
        a = world.client()
        a.emit("leave", ack=1)
        a.until_ack(1)

    return talk


@case()
def mistakes_with_rooms(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def attempt(sid: str, method: str, *args: Any) -> Any:
        try:
            result = getattr(sio, method)(*args)
            if asyncio.iscoroutine(result):
                result = await result
        except Exception as error:
            return type(error).__name__
        return repr(result)

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        attempts: list[tuple[Any, ...]] = [
            ("enter_room", "unknown", "room"),
            ("enter_room", a.sid, "room", "/other"),
            ("enter_room", a.sid, b.sid),
            ("leave_room", "unknown", "room"),
            ("leave_room", a.sid, "room", "/other"),
            ("close_room", "unknown"),
            ("rooms", "unknown"),
            ("rooms", a.sid, "/other"),
            ("get_session", "unknown"),
            ("save_session", "unknown", {}),
            ("transport", "unknown"),
            ("get_environ", "unknown"),
            ("disconnect", "unknown"),
            ("disconnect", a.sid, "/other"),
            ("emit", "event", None, "unknown"),
        ]
        for number, args in enumerate(attempts):
            a.emit("attempt", *args, ack=number)
            a.fence()

    return talk


@case()
def closing_the_room_of_a_sid(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def close(sid: str, other: str) -> str:
        try:
            await sio.close_room(other)
        except Exception as error:
            return type(error).__name__
        return "closed"

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        a.emit("close", b.sid, ack=1)
        a.fence()

    return talk


@case()
def order_of_emits(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def go(sid: str) -> str:
        await sio.enter_room(sid, "room")
        for number in range(10):
            await sio.emit("all", number)
            await sio.emit("room", number, to="room")
            await sio.emit("own", number, to=sid)
            if number == 5:
                await sio.leave_room(sid, "room")
        return "done"

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        a.emit("go", ack=1)
        a.until_ack(1)
        b.fence()

    return talk


@case()
def from_a_background_task(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def start(sid: str, count: int) -> str:
        async def work(target: str, *, count: int) -> str:
            for number in range(count):
                await sio.sleep(0)
                await sio.emit("tick", number, to=target)
            return "worked"

        task = sio.start_background_task(work, sid, count=count)
        return str(await task)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("start", 3, ack=1)
        client.read(4)

    return talk


@case()
def from_another_thread(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def start(sid: str) -> str:
        loop = asyncio.get_running_loop()

        def work() -> str:
            future = asyncio.run_coroutine_threadsafe(sio.emit("tick", 1, to=sid), loop)
            future.result(5)
            return "worked" if threading.current_thread().name != "MainThread" else "same thread"

        return await asyncio.to_thread(work)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("start", ack=1)
        client.read(2)

    return talk


@case()
def from_a_loop_of_another_thread(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def start(sid: str) -> str:
        def work() -> str:
            asyncio.run(sio.emit("tick", {"from": "thread"}, to=sid))
            return "worked"

        return await asyncio.to_thread(work)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("start", ack=1)
        client.read(2)

    return talk
