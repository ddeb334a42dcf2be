"""Handlers that raise: the client's view, and the handling of the exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


@case()
def raising_event_handler(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def fail(sid: str) -> None:
        raise ValueError("raising_event_handler")

    @sio.event
    async def well(sid: str) -> str:
        return "well"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("fail", ack=1)
        client.emit("well", ack=2)
        client.fence()
        found = [error for error in client.ask_unhandled() if "raising_event_handler" in error]
        world.write(f"loop's exception handler: {found}")

    return talk


@case()
def raising_synchronous_handler(sio: Any, socketio: Any) -> Talk:
    @sio.event
    def fail(sid: str) -> None:
        raise ValueError("raising_synchronous_handler")

    def talk(world: World) -> None:
        client = world.client()
        client.emit("fail", ack=1)
        client.fence()
        found = [error for error in client.ask_unhandled() if "raising_synchronous_handler" in error]
        world.write(f"loop's exception handler: {found}")

    return talk


@case(async_handlers=False)
def raising_serial_handler(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def fail(sid: str) -> None:
        raise ValueError("raising_serial_handler")

    @sio.event
    async def well(sid: str) -> str:
        return "well"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("fail", ack=1)
        client.emit("well", ack=2)
        client.fence()
        found = [error for error in client.ask_unhandled() if "raising_serial_handler" in error]
        world.write(f"loop's exception handler: {found}")

    return talk


@case()
def raising_disconnect_handler(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def disconnect(sid: str, reason: str) -> None:
        raise ValueError("raising_disconnect_handler")

    @sio.event
    async def exists(sid: str, other: str) -> bool:
        return sio.get_environ(other) is not None

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        b.send("41")
        b.fence()
        a.emit("exists", b.sid, ack=1)
        a.fence()

    return talk


@case()
def type_error_inside_a_handler(sio: Any, socketio: Any) -> Talk:
    runs: list[str] = []

    @sio.event
    async def disconnect(sid: str, reason: str = "none") -> None:
        runs.append(reason)
        raise TypeError("on purpose")

    @sio.event
    async def tell(sid: str) -> Any:
        return len(runs)

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        b.send("41")
        b.fence()
        a.emit("tell", ack=1)
        a.fence()

    return talk


@case()
def result_without_a_json_form(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def give(sid: str) -> Any:
        return {1, 2}

    @sio.event
    async def well(sid: str) -> str:
        return "well"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("give", ack=1)
        client.emit("well", ack=2)
        client.fence()

    return talk


@case()
def raising_callback(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def ask(sid: str) -> None:
        async def answered() -> None:
            raise ValueError("raising_callback")

        await sio.emit("question", to=sid, callback=answered)

    @sio.event
    async def well(sid: str) -> str:
        return "well"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("ask")
        client.read()
        client.send("431[]")
        client.emit("well", ack=2)
        client.fence()

    return talk
