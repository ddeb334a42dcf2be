"""The methods of a server that never wait: handlers and queries about clients."""

from __future__ import annotations

import pytest
from fake_core import until

from fanio import AsyncServer
from fanio.base_server import BaseServer


def test_async_server_is_one():
    assert issubclass(AsyncServer, BaseServer)
    assert AsyncServer.reserved_events == ["connect", "disconnect"]


async def test_transport_and_environ(serve):
    sio, core = serve()
    sid = core.connect()
    await until(lambda: core.of("accept"))
    assert sio.transport(sid) == "websocket"
    assert sio.get_environ(sid)["PATH_INFO"] == "/socket.io/"
    assert sio.get_environ("nobody") is None
    with pytest.raises(KeyError):
        sio.transport("nobody")


async def test_decorators_register(serve):
    sio, _ = serve()

    @sio.event
    def a(sid): ...

    @sio.event(namespace="/x")
    def b(sid): ...

    @sio.on("c")
    def other(sid): ...

    sio.on("d", other, "/x")
    assert sio.handlers == {"/": {"a": a, "c": other}, "/x": {"b": b, "d": other}}
