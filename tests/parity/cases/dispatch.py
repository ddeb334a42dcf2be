"""The choice of the handler for an event, and the order of handlers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


@case(namespaces=["/", "/x", "/y"])
def functions_before_catch_alls(sio: Any, socketio: Any) -> Talk:
    @sio.on("own")
    async def own(sid: str, *args: Any) -> Any:
        return "own", *args

    @sio.on("*")
    async def rest(event: str, sid: str, *args: Any) -> Any:
        return "rest", event, *args

    @sio.on("own", namespace="*")
    async def anywhere(namespace: str, sid: str, *args: Any) -> Any:
        return "anywhere", namespace, *args

    @sio.on("*", namespace="*")
    async def all_of_all(event: str, namespace: str, sid: str, *args: Any) -> Any:
        return "all", event, namespace, *args

    @sio.on("*", namespace="/y")
    async def rest_of_y(event: str, sid: str, *args: Any) -> Any:
        return "rest of y", event, *args

    def talk(world: World) -> None:
        client = world.client("/", "/x", "/y")
        for namespace in ("/", "/x", "/y"):
            client.emit("own", 1, ack=1, namespace=namespace)
            client.emit("other", 2, ack=2, namespace=namespace)
            client.fence()

    return talk


@case(namespaces="*")
def class_namespaces(sio: Any, socketio: Any) -> Talk:
    class Chat(socketio.AsyncNamespace):  # type: ignore[misc,name-defined]
        async def on_connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
            await self.save_session(sid, {"auth": auth})

        def on_sync(self, sid: str, *args: Any) -> Any:
            return args

        async def on_async(self, sid: str, *args: Any) -> Any:
            return list(args)

        async def on_session(self, sid: str) -> Any:
            async with self.session(sid) as session:
                return session["auth"]

        async def on_say(self, sid: str, text: str) -> None:
            await self.emit("said", text)

    class Anywhere(socketio.AsyncNamespace):  # type: ignore[misc,name-defined]
        async def on_own(self, namespace: str, sid: str, *args: Any) -> Any:
            return namespace, *args

    sio.register_namespace(Chat("/chat"))
    sio.register_namespace(Anywhere("*"))

    def talk(world: World) -> None:
        client = world.client("/chat", "/free", auth={"token": 1})
        client.emit("sync", 1, 2, ack=1, namespace="/chat")
        client.emit("async", 1, 2, ack=2, namespace="/chat")
        client.emit("session", ack=3, namespace="/chat")
        client.emit("nobody", ack=4, namespace="/chat")
        client.emit("say", "hi", namespace="/chat")
        client.fence()
        client.emit("own", 1, ack=5, namespace="/free")
        client.emit("nobody", ack=6, namespace="/free")
        client.fence()

    return talk


@case()
def functions_before_classes(sio: Any, socketio: Any) -> Talk:
    class Chat(socketio.AsyncNamespace):  # type: ignore[misc,name-defined]
        async def on_both(self, sid: str) -> str:
            return "class"

        async def on_mine(self, sid: str) -> str:
            return "class"

    sio.register_namespace(Chat("/chat"))

    @sio.on("both", namespace="/chat")
    async def both(sid: str) -> str:
        return "function"

    @sio.on("*", namespace="*")
    async def everything(event: str, namespace: str, sid: str) -> str:
        return "catch-all"

    def talk(world: World) -> None:
        client = world.client("/chat")
        client.emit("both", ack=1, namespace="/chat")
        client.emit("mine", ack=2, namespace="/chat")
        client.fence()

    return talk


@case()
def overridden_trigger_event(sio: Any, socketio: Any) -> Talk:
    class Chat(socketio.AsyncNamespace):  # type: ignore[misc,name-defined]
        async def trigger_event(self, event: str, *args: Any) -> Any:
            if event == "connect":
                return await super().trigger_event(event, *args)
            return event, len(args), *args[1:]

        async def on_connect(self, sid: str, environ: dict[str, Any]) -> bool:
            return True

    sio.register_namespace(Chat("/chat"))

    def talk(world: World) -> None:
        client = world.client("/chat")
        client.emit("some:event", 1, ack=1, namespace="/chat")
        client.fence()

    return talk


@case()
def client_emits_a_star(sio: Any, socketio: Any) -> Talk:
    @sio.on("*")
    async def rest(event: str, sid: str, *args: Any) -> Any:
        return [event, *args]

    def talk(world: World) -> None:
        client = world.client()
        client.emit("*", 1, ack=1)
        client.fence()

    return talk


@case()
def reserved_events_from_a_client(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        pass

    @sio.on("*")
    async def rest(event: str, sid: str, *args: Any) -> Any:
        return [event, *args]

    def talk(world: World) -> None:
        client = world.client()
        client.emit("connect", {}, ack=1)
        client.fence_or_end()

    return talk


@case(namespaces="*")
def catch_all_namespace_gets_connect(sio: Any, socketio: Any) -> Talk:
    @sio.on("connect", namespace="*")
    async def connect(namespace: str, sid: str, environ: dict[str, Any], auth: Any) -> bool:
        return namespace != "/no"

    @sio.on("disconnect", namespace="*")
    async def disconnect(namespace: str, sid: str, reason: str) -> None:
        await sio.emit("left", (namespace, reason), namespace="/yes")

    @sio.on("*", namespace="*")
    async def rest(event: str, namespace: str, sid: str, *args: Any) -> Any:
        return event, namespace

    def talk(world: World) -> None:
        client = world.client("/yes", "/no", "/other")
        client.emit("x", ack=1, namespace="/other")
        client.fence()
        client.send("41/other,")
        client.fence()

    return talk


@case()
def catch_all_namespace_alone(sio: Any, socketio: Any) -> Talk:
    @sio.on("event", namespace="*")
    async def event(namespace: str, sid: str) -> str:
        return namespace

    def talk(world: World) -> None:
        client = world.client("/free")
        client.emit("event", ack=1, namespace="/free")
        client.fence()

    return talk


@case()
def handlers_run_at_the_same_time(sio: Any, socketio: Any) -> Talk:
    gate = asyncio.Event()

    @sio.event
    async def wait(sid: str) -> str:
        await gate.wait()
        return "waited"

    @sio.event
    async def go(sid: str) -> str:
        gate.set()
        return "went"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("wait", ack=1)
        client.emit("go", ack=2)
        client.read(2)

    return talk


@case()
def handlers_start_in_order(sio: Any, socketio: Any) -> Talk:
    started: list[int] = []

    @sio.event
    async def note(sid: str, number: int) -> None:
        started.append(number)
        await asyncio.sleep(0)

    @sio.event
    async def tell(sid: str) -> list[int]:
        return started

    def talk(world: World) -> None:
        client = world.client()
        for number in range(50):
            client.emit("note", number)
        client.emit("tell", ack=1)
        client.fence()

    return talk


@case(async_handlers=False)
def one_after_the_other(sio: Any, socketio: Any) -> Talk:
    steps: list[Any] = []

    @sio.event
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        steps.append("connect")

    @sio.event
    async def slow(sid: str, number: int) -> None:
        steps.append(["begin", number])
        await asyncio.sleep(0.01)
        steps.append(["end", number])

    @sio.event
    def quick(sid: str, number: int) -> int:
        steps.append(["quick", number])
        return number

    @sio.event
    async def disconnect(sid: str, reason: str) -> None:
        steps.append(reason)

    @sio.on("tell", namespace="/fence")
    async def tell(sid: str) -> Any:
        return steps

    def talk(world: World) -> None:
        client = world.client()
        for number in range(3):
            client.emit("slow", number, ack=number)
            client.emit("quick", number, ack=10 + number)
        client.fence()
        client.send("41")
        client.emit("tell", ack=7, namespace="/fence")
        client.fence()

    return talk


@case()
def synchronous_handlers(sio: Any, socketio: Any) -> Talk:
    @sio.event
    def connect(sid: str, environ: dict[str, Any]) -> None:
        pass

    @sio.event
    def add(sid: str, first: int, second: int) -> int:
        return first + second

    @sio.on("plain", handler=None)
    def plain(sid: str) -> None:
        pass

    sio.on("called", lambda sid, *args: args)

    @sio.event
    def disconnect(sid: str) -> None:
        sio.start_background_task(sio.emit, "gone", namespace="/fence")

    def talk(world: World) -> None:
        client = world.client()
        client.emit("add", 1, 2, ack=1)
        client.emit("plain", ack=2)
        client.emit("called", 1, "x", ack=3)
        client.fence()
        client.send("41")
        client.read()

    return talk


@case()
def decorated_handlers(sio: Any, socketio: Any) -> Talk:
    import functools

    def wrap(function: Any) -> Any:
        @functools.wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            return await function(*args, **kwargs)

        return wrapper

    @sio.event
    @wrap
    async def connect(sid: str, environ: dict[str, Any], auth: Any) -> None:
        await sio.save_session(sid, {"auth": auth})

    @sio.event
    @wrap
    async def tell(sid: str) -> Any:
        return await sio.get_session(sid)

    @sio.event(namespace="/")
    async def named(sid: str) -> str:
        return "named"

    def talk(world: World) -> None:
        client = world.client(auth={"a": 1})
        client.emit("tell", ack=1)
        client.emit("named", ack=2)
        client.fence()

    return talk


@case()
def callable_objects(sio: Any, socketio: Any) -> Talk:
    import functools

    class Adder:
        async def __call__(self, sid: str, *numbers: int) -> int:
            return sum(numbers)

    class Counter:
        count = 0

        async def method(self, sid: str) -> int:
            self.count += 1
            return self.count

    async def add(base: int, sid: str, number: int) -> int:
        return base + number

    sio.on("bound", Counter().method)
    sio.on("partial", functools.partial(add, 10))

    def talk(world: World) -> None:
        client = world.client()
        client.emit("bound", ack=1)
        client.emit("bound", ack=2)
        client.emit("partial", 5, ack=3)
        client.fence()

    return talk


@case()
def context_of_a_handler(sio: Any, socketio: Any) -> Talk:
    import contextvars

    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="fresh")

    @sio.event
    async def look(sid: str) -> Any:
        seen = variable.get()
        variable.set("used")
        task = asyncio.current_task()
        await asyncio.sleep(0)
        return seen, variable.get(), task is asyncio.current_task(), task is not None

    def talk(world: World) -> None:
        client = world.client()
        for number in range(3):
            client.emit("look", ack=number)
            client.read()

    return talk


@case()
def cancelled_handler(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def cancel(sid: str) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            return "caught"
        return "not cancelled"

    @sio.event
    async def give_up(sid: str) -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
        return "not cancelled"

    def talk(world: World) -> None:
        client = world.client()
        client.emit("cancel", ack=1)
        client.read()
        client.emit("give_up", ack=2)
        client.fence()
        client.fence()

    return talk
