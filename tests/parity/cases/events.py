"""Events from a client: the arguments of the handler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


@case()
def arguments_of_every_shape(sio: Any, socketio: Any) -> Talk:
    @sio.on("*")
    async def rest(event: str, sid: str, *args: Any) -> Any:
        return [event, len(args), *args]

    def talk(world: World) -> None:
        client = world.client()
        shapes: list[list[Any]] = [
            [],
            [None],
            [True, False],
            [0, -1, 1.5, 1e300],
            ["", "é", "😀", "\u2028"],
            [[]],
            [{}],
            [{"a": {"b": [1, {"c": None}]}}],
            [[1, 2], [3, [4]]],
            list(range(40)),
        ]
        for number, args in enumerate(shapes):
            client.emit("shape", *args, ack=number)
        client.emit("a b/c", ack=77)
        client.emit("", ack=78)
        client.fence()

    return talk


@case()
def event_names_that_are_no_text(sio: Any, socketio: Any) -> Talk:
    @sio.on("*")
    async def rest(event: Any, sid: str, *args: Any) -> Any:
        return [event, *args]

    def talk(world: World) -> None:
        client = world.client()
        client.emit(7, "x", ack=1)
        client.fence_or_end()

    return talk


@case()
def nobody_listens(sio: Any, socketio: Any) -> Talk:
    def talk(world: World) -> None:
        client = world.client()
        client.emit("nobody", 1)
        client.emit("nobody", 1, ack=1)
        client.fence()

    return talk


@case()
def event_before_connect(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def event(sid: str) -> None:
        pass

    def talk(world: World) -> None:
        client = world.lurker()
        client.emit("event", ack=1)
        client.fence_or_end()

    return talk


@case()
def packet_that_is_no_packet(sio: Any, socketio: Any) -> Talk:
    def talk(world: World) -> None:
        client = world.client()
        client.send("42{]")
        client.fence_or_end()

    return talk


@case()
def too_many_arguments(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def one(sid: str, value: Any) -> Any:
        return value

    def talk(world: World) -> None:
        client = world.client()
        client.emit("one", 1, 2, ack=1)
        client.emit("one", ack=2)
        client.emit("one", "right", ack=3)
        client.fence()

    return talk


@case()
def namespaces_with_a_query(sio: Any, socketio: Any) -> Talk:
    @sio.on("tell", namespace="/chat")
    async def tell(sid: str) -> str:
        return "well"

    def talk(world: World) -> None:
        client = world.lurker()
        client.send("40/chat?token=1,")
        client.fence()

    return talk
