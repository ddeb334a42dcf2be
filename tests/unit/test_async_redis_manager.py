"""AsyncRedisManager without a Redis: its arguments, and which way emits go."""

from __future__ import annotations

import asyncio
import gc
import itertools
import weakref

import pytest
from fake_core import until

import fanio
from fanio._cluster.callbacks import _MOST, Callbacks
from fanio._cluster.redis_options import url_with
from fanio._cluster.values import read

#: Nobody listens there.
NOWHERE = "redis://:secret@127.0.0.1:1/0"


def test_it_is_exported_and_found_as_python_socketios():
    from fanio.async_redis_manager import AsyncRedisManager

    assert fanio.AsyncRedisManager is AsyncRedisManager


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"url": "http://localhost"}, ValueError, "redis\\+sentinel://"),
        ({"url": None}, TypeError, "url: expected"),
        ({"channel": 5}, TypeError, "channel: expected"),
        ({"max_bus_bytes": 0}, ValueError, "max_bus_bytes"),
        ({"redis_options": {"ssl_cert_reqs": None}}, ValueError, "redis_options: .*ssl_cert_reqs"),
        ({"dialect": "php"}, ValueError, "expected 'python-socketio' or 'node' or 'both', got 'php'"),
        ({"mode": "sharded"}, NotImplementedError, "not there yet"),
        ({"mode": "list"}, ValueError, "expected 'pubsub'"),
    ],
)
def test_arguments_are_checked(arguments, error, text):
    with pytest.raises(error, match=text):
        fanio.AsyncRedisManager(**arguments)


@pytest.mark.parametrize(
    ("url", "options", "expected"),
    [
        ("redis://h", {}, "redis://h"),
        ("redis://h", {"password": "p@"}, "redis://:p%40@h"),
        ("redis://h:1", {"username": "u", "password": "p", "db": 3}, "redis://u:p@h:1/3"),
        ("redis://u:own@h/1", {"password": "p", "db": 3}, "redis://u:own@h/1"),
        ("redis://u@h/", {"password": "p"}, "redis://u:p@h/"),
        ("unix:///tmp/s?db=1", {"password": "p", "db": 3}, "unix:///tmp/s?pass=p&db=1"),
        ("redis://h", {"password": None}, "redis://h"),
    ],
)
def test_options_beside_the_url(url, options, expected):
    assert url_with(url, options) == expected
    fanio.AsyncRedisManager(url, redis_options=options)


def test_nodes_channels_begin_as_nodes_do():
    assert fanio.AsyncRedisManager(NOWHERE).channel == "socketio"
    assert fanio.AsyncRedisManager(NOWHERE, dialect="node").channel == "socket.io"
    assert fanio.AsyncRedisManager(NOWHERE, "mine", dialect="node").channel == "mine"


async def test_a_server_emits_the_short_way():
    manager = fanio.AsyncRedisManager(NOWHERE)
    sio = fanio.AsyncServer(client_manager=manager)
    assert sio.manager is manager and not manager.takes_emits and not manager.takes_disconnects
    await sio.emit("nobody", {"a": b"x"})
    await sio.emit("nobody", room=[])
    await manager.emit("nobody", None, ignore_queue=True)
    assert sio.stats()["cluster"] == manager.cluster.stats()
    assert sio.stats()["cluster"]["up"] is False
    sio.manager = fanio.AsyncManager()
    assert sio.stats()["cluster"] is None
    await sio.emit("nobody")


async def test_a_subclass_may_have_its_own_emit():
    emitted = []

    class Own(fanio.AsyncRedisManager):
        async def emit(self, event, data, *args, **kwargs):
            emitted.append(event)
            await super().emit(event, data, *args, **kwargs)

    manager = Own(NOWHERE)
    sio = fanio.AsyncServer(client_manager=manager)
    await sio.emit("e")
    assert emitted == ["e"]
    manager.cluster.stop()


def test_each_server_needs_its_own():
    manager = fanio.AsyncRedisManager(NOWHERE)
    fanio.AsyncServer(client_manager=manager)
    with pytest.raises(ValueError, match="give each server a manager of its own"):
        fanio.AsyncServer(client_manager=manager)


def test_packets_of_a_class_of_the_applications_are_refused():
    class Own(fanio.packet.Packet):
        def encode(self):
            return super().encode()

    with pytest.raises(ValueError, match="cannot be told to other servers"):
        fanio.AsyncServer(client_manager=fanio.AsyncRedisManager(NOWHERE), serializer=Own)


async def test_without_a_server_there_are_no_callbacks():
    manager = fanio.AsyncRedisManager(NOWHERE, write_only=True)
    with pytest.raises(RuntimeError, match="context of a server"):
        await manager.emit("e", 1, room="r", callback=print)
    with pytest.raises(ValueError, match="reserved"):
        await manager.emit("connect", 1)
    with pytest.raises(TypeError, match="JSON"):
        await manager.emit("e", object())
    with pytest.raises(TypeError, match="text or whole numbers"):
        await manager.enter_room("sid", "/", frozenset("a"))


async def test_passwords_are_not_logged(caplog):
    sio = fanio.AsyncServer(client_manager=fanio.AsyncRedisManager(NOWHERE))
    sio._serve_on(asyncio.get_running_loop())
    await until(lambda: "cluster: not connected" in caplog.text)
    await sio.shutdown()
    assert "secret" not in caplog.text


def test_a_manager_that_is_not_used_goes():
    manager = fanio.AsyncRedisManager(NOWHERE)
    gone = weakref.ref(manager)
    del manager
    gc.collect()
    assert gone() is None


def test_callbacks_are_bounded():
    callbacks = Callbacks(itertools.count(1))
    numbers = [callbacks.expect(object(), 60.0) for _ in range(_MOST + 5)]
    assert len(callbacks) == _MOST
    assert callbacks.find(numbers[0]) is None and callbacks.find(numbers[-1]) is not None
    callbacks.drop(numbers[-1])
    callbacks.drop(numbers[-1])
    assert len(callbacks) == _MOST - 1


def test_values_with_attachments():
    text = b'[{"a":[{"_placeholder":true,"num":1}]},{"_placeholder":true,"num":0},{"_placeholder":false}]'
    assert read((text, [b"x", b"y"])) == [{"a": [b"y"]}, b"x", {"_placeholder": False}]
    for wrong in (b"{", b'[{"_placeholder":true,"num":2}]', b'[{"_placeholder":true,"num":"0"}]'):
        with pytest.raises(ValueError):
            read((wrong, [b"x", b"y"]))
