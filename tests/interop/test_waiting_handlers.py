"""Handlers that wait for something from their own peer: it is read while they wait. For servers and clients."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import uvicorn

import fanio
from fanio import exceptions
from fixtures.impostor import OPEN, accept_websocket, frame, serving

SECONDS = 60
#: Count and size of events that are past the limit in number, in bytes, or far past it.
AMOUNTS = [(1500, 10), (20, 500_000), (100, 500_000), (12_000, 100)]


@contextlib.asynccontextmanager
async def running(sio: fanio.AsyncServer) -> AsyncIterator[str]:
    """Serve on this loop; the URL."""
    server = uvicorn.Server(uvicorn.Config(fanio.ASGIApp(sio), port=0, log_level="error"))
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


class Side:
    """One end of a connection: its handlers take the arguments only, whichever end it is."""

    def __init__(self, inner: fanio.AsyncServer | fanio.AsyncClient) -> None:
        self.inner = inner
        self._to: dict[str, str] = {}
        self.connected = asyncio.Event()
        self.gone = asyncio.Event()
        inner.on("connect", self._connect)  # type: ignore[arg-type]
        inner.on("disconnect", self._disconnect)  # type: ignore[arg-type]

    @property
    def is_server(self) -> bool:
        return isinstance(self.inner, fanio.AsyncServer)

    async def _connect(self, *args: Any) -> None:
        if self.is_server:
            self._to = {"to": args[0]}
        self.connected.set()

    async def _disconnect(self, *_args: Any) -> None:
        self.gone.set()

    def on(self, event: str, function: Callable[..., Any]) -> None:
        async def handler(*args: Any) -> Any:
            return await function(*(args[1:] if self.is_server else args))

        self.inner.on(event, handler)

    async def emit(self, event: str, data: Any = None) -> None:
        await self.inner.emit(event, data, **self._to)

    async def call(self, event: str, timeout: float = SECONDS) -> Any:
        return await self.inner.call(event, timeout=timeout, **self._to)


@pytest.fixture(params=["server", "client"])
def side(request: pytest.FixtureRequest) -> str:
    """Where handlers wait."""
    return str(request.param)


@pytest.fixture(params=["websocket", "polling"])
async def pair(request: pytest.FixtureRequest, side: str) -> AsyncIterator[tuple[Side, Side]]:
    """The side whose handlers wait and the one that sends."""
    roomy: Any = {"max_queue_bytes": None, "max_queue_packets": None, "write_timeout": 300}
    sio = fanio.AsyncServer(async_mode="asgi", max_http_buffer_size=10_000_000, **roomy)
    client = fanio.AsyncClient(reconnection=False, max_http_buffer_size=10_000_000)
    ends = Side(sio), Side(client)
    async with running(sio) as url:
        await client.connect(url, transports=[request.param], wait_timeout=SECONDS)
        await asyncio.wait_for(ends[0].connected.wait(), SECONDS)
        yield ends if side == "server" else (ends[1], ends[0])
        await client.disconnect()


async def all_of(results: list[Any], count: int) -> None:
    """Wait until there are so many."""
    end = asyncio.get_running_loop().time() + SECONDS
    while len(results) < count:
        assert asyncio.get_running_loop().time() < end, f"only {len(results)} of {count}"
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(("count", "size"), AMOUNTS)
async def test_acknowledgements_are_read(pair: tuple[Side, Side], count: int, size: int) -> None:
    waiting, sending = pair
    results: list[Any] = []

    async def chunk(_data: str) -> None:
        results.append(await waiting.call("confirm"))

    async def confirm() -> str:
        return "yes"

    waiting.on("chunk", chunk)
    sending.on("confirm", confirm)
    for _ in range(count):
        await sending.emit("chunk", "x" * size)
    await all_of(results, count)
    assert set(results) == {"yes"}


@pytest.mark.parametrize(("count", "size"), AMOUNTS[:2])
async def test_later_events_are_read(pair: tuple[Side, Side], count: int, size: int) -> None:
    waiting, sending = pair
    go, results = asyncio.Event(), []

    async def chunk(_data: str) -> None:
        await go.wait()
        results.append(1)

    async def let_go() -> None:
        go.set()

    waiting.on("chunk", chunk)
    waiting.on("go", let_go)
    for _ in range(count):
        await sending.emit("chunk", "x" * size)
    await sending.emit("go")
    await all_of(results, count)


@pytest.mark.parametrize(("count", "size"), AMOUNTS[:2])
async def test_the_end_is_read(pair: tuple[Side, Side], side: str, count: int, size: int) -> None:
    waiting, sending = pair
    results = []

    async def chunk(_data: str) -> None:
        await waiting.gone.wait()
        results.append(1)

    waiting.on("chunk", chunk)
    for _ in range(count):
        await sending.emit("chunk", "x" * size)
    if side == "server":
        await sending.inner.disconnect()
    else:
        await sending.inner.disconnect(sending._to["to"])
    await all_of(results, count)


async def test_a_simple_client_that_takes_no_events_is_answered() -> None:
    sio = fanio.AsyncServer(async_mode="asgi")

    @sio.event
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        for number in range(5000):
            await sio.emit("news", number, to=sid)

    @sio.event
    async def question(sid: str) -> str:
        return "answer"

    async with running(sio) as url, fanio.AsyncSimpleClient(reconnection=False) as simple:
        await simple.connect(url, transports="websocket")
        assert await simple.call("question", timeout=SECONDS) == "answer"
        assert [await simple.receive(SECONDS) for _ in range(5000)] == [["news", number] for number in range(5000)]


async def test_pings_are_answered_and_memory_is_bounded_while_handlers_wait(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A server floods a client whose handlers never end: it is read so far, and ends by its heartbeat."""
    sent, pongs = 0, 0
    event = frame('42["x","' + "x" * 60_000 + '"]')

    async def count_pongs(reader: asyncio.StreamReader) -> None:
        nonlocal pongs
        while data := await reader.read(1000):
            # A masked frame of one byte.
            pongs += data.count(b"\x81\x81")

    async def flood(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        fast = OPEN | {"pingInterval": 300, "pingTimeout": 2700}
        writer.write(accept_websocket(head) + frame("0" + json.dumps(fast)))
        await reader.read(1)
        writer.write(frame('40{"sid":"x"}'))
        counting = asyncio.create_task(count_pongs(reader))
        with contextlib.suppress(OSError):
            while True:
                writer.write(event + frame("2"))
                await writer.drain()
                sent += len(event)
        counting.cancel()
        raise OSError

    client = fanio.AsyncClient(reconnection=False)
    reasons: list[str] = []
    started = 0
    client.on("disconnect", reasons.append)

    @client.on("x")
    async def wait_for_ever(_data: str) -> None:
        nonlocal started
        started += 1
        await asyncio.Event().wait()

    async with serving(flood) as url:
        with caplog.at_level(logging.WARNING, "fanio"):
            await client.connect(url, transports="websocket", wait_timeout=SECONDS)
            await asyncio.wait_for(client.wait(), SECONDS)
    assert reasons == ["ping timeout"]
    # What is allowed, and what the kernel and the buffers on the way hold.
    assert 32 << 20 < started * 60_000 < 72 << 20
    assert sent < 96 << 20
    assert pongs > 10
    assert [record.getMessage()[:30] for record in caplog.records] == ["the handlers of client client "]
    with pytest.raises(exceptions.BadNamespaceError):
        await client.emit("x")
