"""Attachments, both ways."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


@case()
def attachments_from_a_client(sio: Any, socketio: Any) -> Talk:
    @sio.on("*")
    async def rest(event: str, sid: str, *args: Any) -> Any:
        return [repr(value) for value in args]

    def talk(world: World) -> None:
        client = world.client()
        client.send('451-1["one",{"_placeholder":true,"num":0}]', b"\x01\x02")
        client.read()
        client.send(
            '453-2["deep",{"a":[{"_placeholder":true,"num":1},{"b":{"_placeholder":true,"num":0}}]},{"_placeholder":true,"num":2}]',
            b"0",
            b"1",
            b"",
        )
        client.read()

    return talk


@case()
def attachments_to_a_client(sio: Any, socketio: Any) -> Talk:
    data: list[Any] = [
        b"\x00\xff",
        (b"a", b"b"),
        [b"a", [b"b", [b"c"]]],
        {"x": b"a", "y": {"z": b"b"}},
        b"",
        (1, {"x": [b"a", 2]}, "three"),
    ]

    @sio.event
    async def give(sid: str, number: int) -> None:
        await sio.emit("given", data[number], to=sid)

    def talk(world: World) -> None:
        client = world.client()
        for number in range(len(data)):
            client.emit("give", number, ack=1)
            client.until_ack(1)

    return talk


@case()
def bytearray_to_a_client(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def give(sid: str) -> None:
        await sio.emit("given", {"x": bytearray(b"a")}, to=sid)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("give")
        client.fence_or_end()

    return talk


@case()
def bytes_in_a_nested_tuple(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def give(sid: str) -> str:
        try:
            await sio.emit("given", {"x": (b"a", 1)}, to=sid)
        except TypeError:
            return "TypeError"
        return "sent"

    @sio.event
    async def view(sid: str) -> str:
        try:
            await sio.emit("given", memoryview(b"a"), to=sid)
        except TypeError:
            return "TypeError"
        return "sent"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("give", ack=1)
        client.until_ack(1)
        client.emit("view", ack=2)
        client.until_ack(2)

    return talk


@case()
def placeholder_out_of_range(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def event(sid: str, *args: Any) -> int:
        return len(args)

    def talk(world: World) -> None:
        client = world.client()
        client.session.stream.socket.settimeout(3)
        client.send('451-1["event",{"_placeholder":true,"num":5}]', b"x")
        client.emit("event", ack=2)
        client.fence_or_end()

    return talk


@case()
def eleven_attachments(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def give(sid: str) -> str:
        try:
            await sio.emit("given", [b"x"] * 11, to=sid)
        except ValueError:
            return "ValueError"
        return "sent"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("give", ack=1)
        client.until_ack(1)

    return talk
