"""User sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


@case(namespaces=["/", "/other"])
def a_session_per_namespace(sio: Any, socketio: Any) -> Talk:
    def serve(namespace: str) -> None:
        @sio.on("store", namespace=namespace)
        async def store(sid: str, value: Any) -> None:
            await sio.save_session(sid, {"value": value}, namespace=namespace)

        @sio.on("fetch", namespace=namespace)
        async def fetch(sid: str) -> Any:
            return await sio.get_session(sid, namespace=namespace)

        @sio.on("count", namespace=namespace)
        async def count(sid: str) -> Any:
            async with sio.session(sid, namespace=namespace) as session:
                session["count"] = session.get("count", 0) + 1
            return (await sio.get_session(sid, namespace=namespace))["count"]

    serve("/")
    serve("/other")

    def talk(world: World) -> None:
        a, b = world.client("/", "/other"), world.client()
        a.emit("fetch", ack=1)
        a.emit("store", 1)
        a.emit("store", 2, namespace="/other")
        a.emit("fetch", ack=2)
        a.emit("fetch", ack=3, namespace="/other")
        a.emit("count", ack=4)
        a.emit("count", ack=5)
        a.fence()
        b.emit("fetch", ack=1)
        b.fence()

    return talk


@case()
def session_of_a_client_that_comes_back(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def store(sid: str, value: Any) -> None:
        await sio.save_session(sid, {"value": value})

    @sio.event
    async def fetch(sid: str) -> Any:
        return await sio.get_session(sid)

    def talk(world: World) -> None:
        client = world.client()
        client.emit("store", 1)
        client.send("41")
        client.fence()
        client.join()
        client.emit("fetch", ack=1)
        client.fence()

    return talk


@case()
def session_in_disconnect(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        await sio.save_session(sid, {"name": "ada"})
        await sio.enter_room(sid, "room")

    @sio.event
    async def disconnect(sid: str, reason: str) -> None:
        session = await sio.get_session(sid)
        environ = sio.get_environ(sid)
        facts = session["name"], "room" in sio.rooms(sid), environ is not None, reason
        await sio.emit("left", facts, namespace="/fence")

    def talk(world: World) -> None:
        a, b = world.client(), world.client()
        b.send("41")
        a.read()
        b.fence()
        c = world.client()
        c.drop()
        a.read()

    return talk
