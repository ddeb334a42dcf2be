"""Acceptance and refusal of clients: the answers and their order."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


@case()
def no_connect_handler(sio: Any, socketio: Any) -> Talk:
    def talk(world: World) -> None:
        client = world.client()
        client.fence()

    return talk


@case()
def auth_arrives(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.save_session(sid, {"auth": auth})

    @sio.event
    async def tell(sid: str) -> Any:
        return (await sio.get_session(sid))["auth"]

    def talk(world: World) -> None:
        for auth in (None, {}, {"token": 1}, {"a": {"b": [None, "é"]}}):
            client = world.client(auth=auth)
            client.emit("tell", ack=1)
            client.fence()

    return talk


@case()
def auth_that_is_no_object(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.save_session(sid, {"auth": auth})

    @sio.event
    async def tell(sid: str) -> Any:
        return (await sio.get_session(sid))["auth"]

    def talk(world: World) -> None:
        client = world.lurker()
        client.send('40["token"]')
        client.fence_or_end()

    return talk


@case()
def two_arguments_without_auth(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        pass

    def talk(world: World) -> None:
        world.client().fence()
        world.client(auth={}).fence()

    return talk


@case()
def two_arguments_and_auth(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        pass

    def talk(world: World) -> None:
        client = world.lurker()
        client.send('40{"token":1}')
        client.fence()

    return talk


@case()
def what_connect_returns(sio: Any, socketio: Any) -> Talk:
    values = {"none": None, "true": True, "false": False, "zero": 0, "empty": "", "list": []}

    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> Any:
        return values[auth["name"]]

    @sio.on("connect", namespace="/sync")
    def connect_sync(sid: str, environ: dict[str, Any], auth: Any) -> Any:
        return values[auth["name"]]

    def talk(world: World) -> None:
        for name in values:
            client = world.client("/", "/sync", name="a", auth={"name": name})
            client.fence()

    return talk


@case()
def refusals(sio: Any, socketio: Any) -> Talk:
    refused = socketio.exceptions.ConnectionRefusedError
    errors = {
        "none": refused(),
        "message": refused("no"),
        "number": refused(7),
        "data": refused("no", {"why": [1]}),
        "several": refused("no", 1, "two", None),
        "builtin": builtins.ConnectionRefusedError(),
        "builtin-message": builtins.ConnectionRefusedError("no"),
    }

    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        raise errors[auth["name"]]

    @sio.event
    async def disconnect(sid: str, reason: str) -> None:
        await sio.emit("gone", reason, namespace="/fence")

    def talk(world: World) -> None:
        for name in errors:
            client = world.client(name="a", auth={"name": name})
            client.fence()

    return talk


@case(always_connect=True)
def always_connect(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.emit("early", "hello", to=sid)

    def talk(world: World) -> None:
        world.client().fence()

    return talk


@case(always_connect=True)
def refused_after_always_connect(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> bool:
        return False

    def talk(world: World) -> None:
        world.client().fence()

    return talk


@case()
def emit_to_oneself_in_connect(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.emit("early", "hello", to=sid)

    def talk(world: World) -> None:
        world.client().fence()

    return talk


@case()
def emit_to_others_in_connect(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.emit("joined", sid, skip_sid=sid)

    def talk(world: World) -> None:
        first, second = world.client(), world.client()
        second.fence()
        first.fence()

    return talk


@case()
def raising_connect_handler(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        raise ValueError(sid)

    def talk(world: World) -> None:
        client = world.lurker()
        client.send("40")
        client.fence()

    return talk


@case()
def second_connect(sio: Any, socketio: Any) -> Talk:
    def talk(world: World) -> None:
        client = world.client()
        client.send("40")
        client.fence_or_end()

    return talk


@case()
def unknown_namespace(sio: Any, socketio: Any) -> Talk:
    def talk(world: World) -> None:
        client = world.client()
        client.join("/unknown")
        client.emit("event", ack=1)
        client.fence()

    return talk


@case()
def again_after_leaving(sio: Any, socketio: Any) -> Talk:
    seen: list[str] = []

    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        seen.append(sid)

    @sio.event
    async def tell(sid: str) -> Any:
        return len(seen), len(set(seen)), seen[-1] == sid

    def talk(world: World) -> None:
        client = world.client()
        client.send("41")
        client.fence()
        client.join()
        client.emit("tell", ack=1)
        client.fence()

    return talk


@case(namespaces=["/", "/listed"])
def listed_namespaces(sio: Any, socketio: Any) -> Talk:
    def talk(world: World) -> None:
        client = world.client("/", "/listed", "/other")
        client.fence()

    return talk


@case(namespaces="*")
def every_namespace(sio: Any, socketio: Any) -> Talk:
    def talk(world: World) -> None:
        client = world.client("/", "/listed", "/other/deep")
        client.fence()

    return talk


@case()
def environ_of_a_client(sio: Any, socketio: Any) -> Talk:
    names = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SCRIPT_NAME", "SERVER_PROTOCOL", "wsgi.url_scheme")

    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.save_session(sid, {"environ": environ})

    @sio.event
    async def tell(sid: str) -> Any:
        environ = (await sio.get_session(sid))["environ"]
        scope = environ["asgi.scope"]
        same = environ["HTTP_HOST"] == sio.get_environ(sid)["HTTP_HOST"]
        return [environ[name] for name in names], same, scope["path"], scope["query_string"].decode(), scope["type"]

    def talk(world: World) -> None:
        client = world.client(query="&room=7&x=%20y")
        client.emit("tell", ack=1)
        client.fence()

    return talk


@case()
def remote_address(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.save_session(sid, {"known": environ["REMOTE_PORT"] != "0"})

    @sio.event
    async def tell(sid: str) -> Any:
        return (await sio.get_session(sid))["known"]

    def talk(world: World) -> None:
        client = world.client()
        client.emit("tell", ack=1)
        client.fence()

    return talk


@case()
def connected_inside_connect(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        inside = [sid in sio.rooms(sid), sio.transport(sid), sio.get_environ(sid)["PATH_INFO"]]
        environ["kept"] = "from connect"
        await sio.enter_room(sid, "lobby")
        await sio.save_session(sid, {"inside": inside, "rooms": sorted(set(sio.rooms(sid)) - {sid})})

    @sio.event
    async def tell(sid: str) -> Any:
        return await sio.get_session(sid), sio.get_environ(sid)["kept"]

    def talk(world: World) -> None:
        client = world.client()
        client.emit("tell", ack=1)
        client.fence()

    return talk


@case()
def disconnected_inside_connect(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.disconnect(sid)

    def talk(world: World) -> None:
        client = world.lurker()
        client.send("40")
        client.fence()

    return talk
