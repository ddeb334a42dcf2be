"""Acknowledgements, both ways."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


class Point(NamedTuple):
    x: int
    y: int


@case()
def results_of_every_shape(sio: Any, socketio: Any) -> Talk:
    results: list[Any] = [
        None,
        (),
        (1,),
        (1, "two", None),
        [],
        [1, 2],
        {},
        {"a": (1, 2)},
        0,
        1.5,
        False,
        "",
        "text",
        b"bytes",
        (b"one", {"two": b"2"}),
        {"deep": [b"x", {"y": b"z"}]},
        (None,),
        ((1, 2),),
        [(1, 2)],
    ]

    @sio.event
    async def result(sid: str, number: int) -> Any:
        return results[number]

    @sio.on("result", namespace="/sync")
    def result_sync(sid: str, number: int) -> Any:
        return results[number]

    def talk(world: World) -> None:
        client = world.client("/", "/sync")
        for number in range(len(results)):
            client.emit("result", number, ack=number)
            client.emit("result", number, ack=number, namespace="/sync")
        client.fence()

    return talk


@case()
def named_tuple_as_result(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def point(sid: str) -> Any:
        return Point(1, 2)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("point", ack=1)
        client.fence()

    return talk


@case()
def no_ack_wanted(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def value(sid: str) -> str:
        return "value"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("value")
        client.emit("value", ack=0)
        client.emit("value", ack=9007199254740991)
        client.fence()

    return talk


@case()
def callbacks(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def ask(sid: str, *args: Any) -> None:
        async def answered(*answer: Any) -> None:
            await sio.emit("answered", (len(answer), *answer), to=sid)

        await sio.emit("question", args, to=sid, callback=answered)

    @sio.event
    async def ask_sync(sid: str) -> None:
        def answered(*answer: Any) -> None:
            sio.start_background_task(sio.emit, "answered", list(answer), to=sid)

        await sio.emit("question", to=sid, callback=answered)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("ask", 1, 2)
        client.read()
        client.send("431[]")
        client.read()
        client.emit("ask")
        client.read()
        client.send('432["x",{"y":1}]')
        client.read()
        client.emit("ask_sync")
        client.read()
        client.send("433[[1]]")
        client.read()
        client.send("433[1]", "4399[1]")
        client.fence()

    return talk


@case()
def calls(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def ask(sid: str) -> Any:
        answer = await sio.call("question", to=sid)
        return type(answer).__name__, answer

    @sio.event
    async def time_out(sid: str) -> str:
        try:
            await sio.call("question", to=sid, timeout=0.01)
        except socketio.exceptions.TimeoutError as error:
            return type(error).__name__
        return "answered"

    @sio.event
    async def broadcast(sid: str) -> str:
        try:
            await sio.call("question")
        except ValueError:
            return "ValueError"
        return "answered"

    def talk(world: World) -> None:
        client = world.client()
        for number, answer in enumerate(("[]", "[null]", "[1]", '[1,"2"]', "[[1]]", "[{}]"), 1):
            client.emit("ask", ack=number)
            client.read()
            client.send(f"43{number}{answer}")
            client.read()
        client.emit("time_out", ack=50)
        client.read(2)
        client.emit("broadcast", ack=51)
        client.read()

    return talk


@case(async_handlers=False)
def call_without_async_handlers(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def ask(sid: str) -> Any:
        try:
            await sio.call("question", to=sid, timeout=1)
        except RuntimeError:
            return "RuntimeError"
        return "answered"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("ask", ack=1)
        client.read()

    return talk


@case()
def call_to_a_client_that_leaves(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def ask(sid: str, other: str) -> str:
        call = asyncio.ensure_future(sio.call("question", to=other, timeout=0.5))
        await asyncio.wait([call], timeout=5)
        return type(call.exception()).__name__

    def talk(world: World) -> None:
        first, second = world.client(), world.client()
        first.emit("ask", second.sid, ack=1)
        second.read()
        second.drop()
        first.read()

    return talk


@case()
def binary_acks_to_the_server(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def ask(sid: str) -> Any:
        return await sio.call("question", b"raw", to=sid)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("ask", ack=7)
        client.read(2)
        client.send('461-1[{"_placeholder":true,"num":0}]', b"answer")
        client.read(2)

    return talk
