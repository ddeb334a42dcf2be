"""The server calls the methods that an application's manager overrides, and no others."""

from __future__ import annotations

import asyncio
import inspect
import itertools

import orjson
import pytest
from fake_core import until

import fanio


class Recording(fanio.AsyncManager):
    """Notes what it is asked and passes it on."""

    def __init__(self):
        super().__init__()
        self.asked = []

    async def emit(self, event, data, namespace, room=None, skip_sid=None, callback=None, to=None, **kwargs):
        self.asked.append(("emit", event, data, namespace, room, skip_sid, kwargs))
        await super().emit(event, data, namespace, room, skip_sid, callback, to, **kwargs)

    async def enter_room(self, sid, namespace, room, eio_sid=None):
        self.asked.append(("enter", sid, namespace, room))
        await super().enter_room(sid, namespace, room, eio_sid)

    def basic_leave_room(self, sid, namespace, room):
        self.asked.append(("leave", sid, namespace, room))
        super().basic_leave_room(sid, namespace, room)

    async def close_room(self, room, namespace):
        self.asked.append(("close", room, namespace))
        await super().close_room(room, namespace)

    def get_rooms(self, sid, namespace):
        return [*super().get_rooms(sid, namespace), "and mine"]

    async def can_disconnect(self, sid, namespace):
        self.asked.append(("can", sid, namespace))
        return await super().can_disconnect(sid, namespace)

    async def disconnect(self, sid, namespace, **kwargs):
        self.asked.append(("gone", sid, namespace))


async def joined(core, namespace="/"):
    """Returns the sid of a client that has been accepted."""
    sid = core.connect(namespace)
    await until(lambda: core.state(sid) == "connected")
    return sid


async def test_overridden_methods_are_called(serve):
    manager = Recording()
    sio, core = serve(client_manager=manager)
    sid = await joined(core)
    await sio.emit("e", 1, to="r", skip_sid="s", except_room="x", ignore_queue=True)
    await sio.send("m")
    await sio.enter_room(sid, "r")
    await sio.leave_room(sid, "r")
    await sio.close_room("r")
    assert sio.rooms(sid) == [sid, "and mine"]
    await sio.disconnect(sid)
    await until(lambda: manager.asked[-1] == ("gone", sid, "/"))
    assert manager.asked == [
        ("emit", "e", 1, "/", "r", "s", {"ignore_queue": True, "except_room": "x"}),
        ("emit", "message", "m", "/", None, None, {"ignore_queue": False}),
        ("enter", sid, "/", "r"),
        ("leave", sid, "/", "r"),
        ("close", "r", "/"),
        ("can", sid, "/"),
        ("gone", sid, "/"),
    ]
    assert [call[1] for call in core.of("emit")] == [b'["e",1]', b'["message","m"]']
    assert core.of("emit")[0][6:] == (["x"], False, None, True)


async def test_call_goes_through_an_overridden_emit(serve):
    manager = Recording()
    sio, core = serve(client_manager=manager)
    sid = await joined(core)
    call = asyncio.ensure_future(sio.call("ask", to=sid))
    await until(lambda: core.of("emit"))
    core.answer(sid, b"[7]", core.of("emit")[0][5])
    assert await call == 7
    with pytest.raises(fanio.exceptions.TimeoutError):
        await sio.call("ask", to=sid, timeout=0)


async def test_emit_nowait_reaches_it_from_a_thread(serve):
    manager = Recording()
    sio, core = serve(client_manager=manager)
    await joined(core)
    await asyncio.to_thread(sio.emit_nowait, "e", 1)
    await until(lambda: core.of("emit"))
    assert manager.asked[0][:3] == ("emit", "e", 1)


async def test_methods_replaced_on_an_instance_are_called(serve):
    sio, core = serve()
    await joined(core)
    assert not (sio.manager.takes_emits or sio.manager.takes_disconnects)
    asked, original = [], sio.manager.emit

    async def emit(*args, **kwargs):
        asked.append(args)
        await original(*args, **kwargs)

    sio.manager.emit = emit
    await sio.emit("e")
    assert asked == [("e", None, "/")]
    assert len(core.of("emit")) == 1


def test_the_class_decides_which_methods_the_server_calls():
    class Mixin:
        async def emit(self, *args, **kwargs):
            """Do nothing."""

    class Mixed(Mixin, fanio.AsyncManager):
        pass

    class Shipped(Recording):
        __module__ = "fanio.async_redis_manager"

    class Native(Recording):
        takes_emits = False

        async def emit(self, *args, **kwargs):
            """Do nothing: the core tells the others itself."""

    class OfNative(Native):
        pass

    def said(kind):
        return kind.takes_emits, kind.takes_disconnects

    assert said(fanio.AsyncManager) == (False, False)
    assert said(Mixed) == (True, False)
    assert said(Shipped) == (True, True)
    assert said(Native) == said(OfNative) == (False, True)


async def test_a_manager_may_be_set_later(serve):
    class Starting(fanio.AsyncManager):
        started = 0

        def initialize(self):
            self.started += 1

    sio, _ = serve()
    sio.manager = manager = Starting()
    manager.set_server(sio)
    assert (sio.manager, manager.server, manager.started) == (manager, sio, 1)
    sio._serve_on(asyncio.get_running_loop())
    assert manager.started == 1


@pytest.mark.parametrize("door", [lambda sio: sio, lambda sio: fanio.ASGIApp(sio).engine])
async def test_a_manager_starts_once_whatever_the_door(fake, door):
    class Starting(fanio.AsyncManager):
        started = 0

        def initialize(self):
            self.started += 1
            super().initialize()

    sio = fanio.AsyncServer(client_manager=Starting())
    for _ in range(2):
        door(sio)._serve_on(asyncio.get_running_loop())
        assert (sio.manager.started, sio.manager_initialized) == (1, True)
    await sio.shutdown()


class Channel:
    """A message queue in memory: each host gets every message, as JSON."""

    def __init__(self):
        self.queues = []


def cluster_manager():
    """Return python-socketio's own class for message queues, on fanio's manager, as if it were fanio's."""
    theirs = pytest.importorskip("socketio.async_pubsub_manager")
    names = vars(theirs) | {"AsyncManager": fanio.AsyncManager, "__name__": "fanio.async_pubsub_manager"}
    exec(inspect.getsource(theirs.AsyncPubSubManager), names)

    class Manager(names["AsyncPubSubManager"]):
        def __init__(self, channel):
            super().__init__()
            self.all, self.mine = channel.queues, asyncio.Queue()
            self.all.append(self.mine)

        async def _publish(self, data):
            for queue in self.all:
                queue.put_nowait(orjson.dumps(data))

        async def _listen(self):
            while True:
                yield await self.mine.get()

    return Manager


async def test_servers_are_joined_by_an_adapter_that_ships_with_fanio(serve):
    kind, channel = cluster_manager(), Channel()
    assert kind.__mro__[1].__module__ == "fanio.async_pubsub_manager"
    (one, here), (two, there) = (serve(client_manager=kind(channel)) for _ in range(2))
    there._numbers = itertools.count(100)
    mine, other = await joined(here), await joined(there)

    await one.emit("e", {"a": 1}, to="r", skip_sid="x", namespace="/")
    one.emit_nowait("n")
    await until(lambda: len(there.of("emit")) == 2)
    assert [call[:5] for call in there.of("emit")] == [call[:5] for call in here.of("emit")]
    assert there.of("emit")[0][1:5] == (b'["e",{"a":1}]', None, ["r"], ["x"])

    await one.enter_room(other, "r")
    await until(lambda: two.rooms(other) == [other, "r"])
    await one.leave_room(other, "r")
    await until(lambda: two.rooms(other) == [other])

    call = asyncio.ensure_future(one.call("ask", to=other))
    await until(lambda: len(there.of("emit")) == 3)
    there.answer(other, b"[7]", there.of("emit")[2][5])
    assert await asyncio.wait_for(call, 5) == 7

    gone = []
    two.on("disconnect", lambda sid, reason: gone.append((sid, reason)))
    await one.disconnect(other)
    await until(lambda: gone)
    assert gone == [(other, "server disconnect")]
    assert one.manager.is_connected(mine, "/")


def test_a_manager_has_a_json_module(fake):
    mine = fanio.AsyncManager()
    mine.json = orjson
    assert fanio.AsyncServer(client_manager=mine).manager.json is orjson
    assert fanio.AsyncServer().manager.json is fanio.packet.Packet.json


def test_what_is_no_manager_is_refused(fake):
    with pytest.raises(TypeError, match="expected an AsyncManager, got str"):
        fanio.AsyncServer(client_manager="redis://")


async def test_callbacks_can_be_triggered(serve):
    sio, core = serve()
    sid = await joined(core)
    got = []
    await sio.emit("e", to=sid, callback=lambda *args: got.append(args))
    assert list(sio.manager.callbacks) == [sid]
    ((number, function),) = sio.manager.callbacks[sid].items()
    assert callable(function)
    await sio.manager.trigger_callback(sid, number, [1, 2])
    await sio.manager.trigger_callback(sid, number, [1, 2])
    await until(lambda: got)
    assert got == [(1, 2)]
    assert not sio.manager.callbacks
