"""Our client with the msgpack parser, against Node's server and python-socketio's with the same."""

from __future__ import annotations

import asyncio
import datetime
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import TESTS, require_module, require_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fixtures.server import Pool, Server

sys.path.insert(0, str(TESTS / "apps"))

import packets

SECONDS = 8
VALUE = {"bytes": [b"\x00\xff", {"deep": b""}], "int": 2**40, "float": 0.5, "none": None, "text": "é😀"}


@pytest.fixture(params=["node", "python-socketio"])
def kind(request: pytest.FixtureRequest) -> str:
    """Whose server it is."""
    return str(request.param)


@pytest.fixture
def server(pool: Pool, kind: str) -> Server:
    """A server with the parser."""
    if kind == "node":
        require_node("socket.io", "socket.io-msgpack-parser")
    else:
        require_module("socketio", "msgpack")
    return pool.get("wire", {"serializer": "msgpack"}, oracle=kind)


@pytest.fixture(params=[["polling"], ["websocket"], ["polling", "websocket"]], ids="-".join)
async def client(request: pytest.FixtureRequest, server: Server) -> AsyncIterator[Any]:
    """A client in two namespaces."""
    fanio = pytest.importorskip("fanio.async_client")
    one = fanio.AsyncClient(reconnection=False, handle_sigint=False, serializer="msgpack")
    one.heard = asyncio.Queue()
    for event, namespace in (("auth", "/custom"), ("message-back", "/"), ("answer", "/"), ("bytes", "/")):
        one.on(event, lambda *args: one.heard.put_nowait(args), namespace=namespace)
    one.on("question", lambda *args: args)
    await one.connect(
        server.url,
        transports=request.param,
        auth={"token": "abc"},
        namespaces=["/", "/custom"],
        wait_timeout=SECONDS,
    )
    assert await next_of(one) == ({"token": "abc"},)
    yield one
    await one.disconnect()


async def next_of(client: Any) -> Any:
    """The arguments of the next event."""
    return await asyncio.wait_for(client.heard.get(), SECONDS)


async def test_events_and_acks_go_both_ways(client: Any) -> None:
    assert await client.call("message-with-ack", (1, VALUE), timeout=SECONDS) == (1, VALUE)
    assert await client.call("message-with-ack", "here", namespace="/custom", timeout=SECONDS) == "here"
    assert await client.call("nothing", timeout=SECONDS) is None
    await client.emit("message", (VALUE, [b"x"]))
    assert await next_of(client) == (VALUE, [b"x"])
    await client.emit("ask", (VALUE, b"\x07"))
    assert await next_of(client) == (VALUE, b"\x07")
    await client.emit("bytes")
    assert await next_of(client) == ({"a": b"\x01\x02", "b": [1, {"c": b"\x03"}]},)


async def test_dates_come_back_from_node(client: Any, kind: str) -> None:
    if kind == "node":
        when = datetime.datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=datetime.timezone.utc)
        assert await client.call("message-with-ack", {"at": [when]}, timeout=SECONDS) == {"at": [when]}


async def test_a_refusal_comes_with_its_data(server: Server) -> None:
    fanio = pytest.importorskip("fanio.async_client")
    client = fanio.AsyncClient(reconnection=False, handle_sigint=False, serializer="msgpack")
    errors: asyncio.Queue[Any] = asyncio.Queue()
    client.on("connect_error", errors.put_nowait, namespace="/refused")
    with pytest.raises(Exception, match="failed to connect"):
        await client.connect(server.url, auth={"data": True}, namespaces=["/refused"], wait_timeout=SECONDS)
    assert await asyncio.wait_for(errors.get(), SECONDS) == {"message": "not allowed", "data": {"code": 7}}
    await client.disconnect()


async def test_the_server_may_disconnect(client: Any) -> None:
    gone: asyncio.Queue[Any] = asyncio.Queue()
    client.on("disconnect", gone.put_nowait)
    await client.emit("bye")
    await asyncio.wait_for(gone.get(), SECONDS)


@pytest.mark.parametrize("parser", ["json", "plain"])
@pytest.mark.parametrize("transports", [["polling"], ["websocket"]], ids="-".join)
@pytest.mark.parametrize("kind", ["fanio", "python-socketio"], indirect=True)
async def test_a_packet_class(pool: Pool, kind: str, transports: list[str], parser: str) -> None:
    fanio = pytest.importorskip("fanio.async_client")
    value: Any = {"a": [1, "é", None]} if parser == "json" else {"a": [1, b"\x00\xff"]}
    server = pool.get("wire", {"serializer": parser}, oracle=kind)
    client = fanio.AsyncClient(reconnection=False, handle_sigint=False, serializer=packets.CLASSES[parser])
    heard: asyncio.Queue[Any] = asyncio.Queue()
    for event, namespace in (("auth", "/custom"), ("message-back", "/"), ("answer", "/")):
        client.on(event, lambda *args: heard.put_nowait(args), namespace=namespace)
    client.on("question", lambda *args: args)
    await client.connect(
        server.url, transports=transports, auth={"token": 1}, namespaces=["/", "/custom"], wait_timeout=SECONDS
    )
    assert await asyncio.wait_for(heard.get(), SECONDS) == ({"token": 1},)
    assert await client.call("message-with-ack", (1, value), timeout=SECONDS) == (1, value)
    assert await client.call("message-with-ack", "here", namespace="/custom", timeout=SECONDS) == "here"
    for event in ("message", "ask"):
        await client.emit(event, (value, 2))
        assert await asyncio.wait_for(heard.get(), SECONDS) == (value, 2)
    await client.disconnect()
    assert not client.connected
