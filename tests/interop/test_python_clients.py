"""python-socketio's AsyncClient and Client against our server."""

from __future__ import annotations

import asyncio
import threading
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import require_module

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fixtures.server import Pool, Server

SECONDS = 8
MODES = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    "upgrade": ["polling", "websocket"],
}


@pytest.fixture
def server(pool: Pool) -> Server:
    """A server with the wire app."""
    require_module("socketio", "aiohttp")
    return pool.get("wire")


@pytest.fixture(params=MODES.values(), ids=MODES.keys())
def transports(request: pytest.FixtureRequest) -> list[str]:
    """What the client may use."""
    found: list[str] = request.param
    return found


class Heard:
    """What a client heard of one event, in order."""

    def __init__(self, client: Any, event: str, namespace: str = "/") -> None:
        self._queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        client.on(event, self._put, namespace=namespace)

    async def _put(self, *args: Any) -> None:
        self._queue.put_nowait(args)

    async def next(self) -> tuple[Any, ...]:
        """The next arguments."""
        return await asyncio.wait_for(self._queue.get(), SECONDS)


@pytest.fixture
async def client(server: Server, transports: list[str]) -> AsyncIterator[Any]:
    """A connected AsyncClient."""
    async for one in open_client(server, transports):
        yield one


async def open_client(server: Server, transports: list[str]) -> AsyncIterator[Any]:
    """Connects, and disconnects in the end."""
    import socketio

    client = socketio.AsyncClient(reconnection=False)
    await client.connect(server.url, transports=transports, wait_timeout=SECONDS)
    yield client
    await client.disconnect()


async def test_the_transport_is_the_one_asked_for(client: Any, transports: list[str]) -> None:
    assert client.transport() == transports[-1]
    assert await client.call("message-with-ack", 1, timeout=SECONDS) == 1


async def test_sid_is_the_sockets_id(client: Any) -> None:
    assert len(client.get_sid()) == 20
    assert client.get_sid() != client.sid


async def test_events_go_both_ways(client: Any) -> None:
    heard = Heard(client, "message-back")
    await client.emit("message", (1, "2", {"3": [True, None, 0.5]}, "héé ☃ 😀"))
    assert await heard.next() == (1, "2", {"3": [True, None, 0.5]}, "héé ☃ 😀")


async def test_the_server_acknowledges(client: Any) -> None:
    assert await client.call("message-with-ack", (1, [2]), timeout=SECONDS) == (1, [2])
    assert await client.call("nothing", timeout=SECONDS) is None


async def test_the_client_acknowledges(client: Any) -> None:
    client.on("question", lambda what: (f"{what}!", [1]))
    heard = Heard(client, "answer")
    await client.emit("ask", "why")
    assert await heard.next() == ("why!", [1])


async def test_binary_goes_both_ways(client: Any) -> None:
    heard, sent = Heard(client, "message-back"), Heard(client, "bytes")
    await client.emit("message", (b"\x00\xff", {"deep": [b"\x07"]}))
    assert await heard.next() == (b"\x00\xff", {"deep": [b"\x07"]})
    await client.emit("bytes")
    assert await sent.next() == ({"a": b"\x01\x02", "b": [1, {"c": b"\x03"}]},)
    assert await client.call("message-with-ack", b"\x09", timeout=SECONDS) == b"\x09"


@pytest.mark.differs("python-socketio", reason="sends more than its client takes")
async def test_events_keep_their_order(client: Any) -> None:
    heard = Heard(client, "message-back")
    for number in range(300):
        await client.emit("message", number)
    found = [(await heard.next())[0] for _ in range(300)]
    # Its client starts a task for each event, in order.
    assert found == list(range(300))


async def test_rooms_and_broadcasts(server: Server, client: Any, transports: list[str]) -> None:
    room, mark = uuid.uuid4().hex, uuid.uuid4().hex
    said, shouted = Heard(client, "said"), Heard(client, "shouted")
    assert await client.call("join", room, timeout=SECONDS) == "joined"
    async for other in open_client(server, transports):
        also = Heard(other, "shouted")
        await other.emit("say", (room, "hello"))
        assert await said.next() == ("hello",)
        await other.emit("shout", mark)
        assert await shouted.next() == (mark,)
        assert await also.next() == (mark,)


async def test_namespaces(server: Server, transports: list[str]) -> None:
    import socketio

    client = socketio.AsyncClient(reconnection=False)
    auth = Heard(client, "auth", "/custom")
    await client.connect(
        server.url,
        transports=transports,
        auth={"token": "abc"},
        namespaces=["/", "/custom"],
        wait_timeout=SECONDS,
    )
    assert await auth.next() == ({"token": "abc"},)
    answer = await client.call("message-with-ack", "here", namespace="/custom", timeout=SECONDS)
    assert answer == "here"
    assert await client.call("message-with-ack", "there", timeout=SECONDS) == "there"
    assert client.get_sid("/custom") != client.get_sid("/")
    await client.disconnect()


async def test_a_refusal_comes_with_its_data(server: Server, transports: list[str]) -> None:
    import socketio

    client = socketio.AsyncClient(reconnection=False)
    errors = Heard(client, "connect_error", "/refused")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(
            server.url,
            transports=transports,
            auth={"data": True},
            namespaces=["/refused"],
            wait_timeout=SECONDS,
        )
    assert await errors.next() == ({"message": "not allowed", "data": {"code": 7}},)


async def test_the_server_may_disconnect(client: Any) -> None:
    gone = Heard(client, "disconnect")
    await client.emit("bye")
    await gone.next()
    assert not client.connected


async def test_the_client_may_disconnect(server: Server, transports: list[str]) -> None:
    import socketio

    tag = uuid.uuid4().hex
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(server.url, transports=transports, auth={"tag": tag}, wait_timeout=SECONDS)
    await client.disconnect()
    async for other in open_client(server, ["websocket"]):
        # Its client closes the WebSocket before it has said goodbye.
        reason = await other.call("reason", tag, timeout=SECONDS)
        assert reason in ("client disconnect", "transport close")


async def test_the_client_comes_back_when_the_server_does(pool: Pool) -> None:
    import socketio

    server = pool.start("wire")
    client = socketio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.1, randomization_factor=0)
    back = Heard(client, "connect")
    try:
        await client.connect(server.url, wait_timeout=SECONDS)
        await back.next()
        await asyncio.to_thread(server.stop)
        server = await asyncio.to_thread(pool.start, "wire", None, {"port": server.port})
        await back.next()
        assert await client.call("message-with-ack", 1, timeout=SECONDS) == 1
    finally:
        await client.disconnect()
        await asyncio.to_thread(server.stop)


@pytest.fixture
def sync_client(server: Server, transports: list[str]) -> Iterator[Any]:
    """A connected Client."""
    require_module("requests", "websocket")
    import socketio

    client = socketio.Client(reconnection=False, handle_sigint=False)
    client.connect(server.url, transports=transports, wait_timeout=SECONDS)
    yield client
    client.disconnect()


def test_the_sync_client_upgrades(sync_client: Any, transports: list[str]) -> None:
    assert sync_client.transport() == transports[-1]


def test_the_sync_client_is_acknowledged(sync_client: Any) -> None:
    answer = sync_client.call("message-with-ack", (1, {"a": b"\x01"}), timeout=SECONDS)
    assert answer == (1, {"a": b"\x01"})


def test_the_sync_client_acknowledges(sync_client: Any) -> None:
    done, found = threading.Event(), []

    def answered(*args: Any) -> None:
        found.append(args)
        done.set()

    sync_client.on("question", lambda what: (what, b"\x02"))
    sync_client.on("answer", answered)
    sync_client.emit("ask", "why")
    assert done.wait(SECONDS)
    assert found == [("why", b"\x02")]


@pytest.mark.differs("python-socketio", reason="sends more than its client takes")
def test_the_sync_client_hears_a_burst(sync_client: Any) -> None:
    done, found = threading.Event(), []

    def number(value: int) -> None:
        found.append(value)
        if len(found) == 200:
            done.set()

    sync_client.on("n", number)
    sync_client.emit("burst", 200)
    assert done.wait(SECONDS)
    # Its client starts a thread for each event: the order is not kept there.
    assert sorted(found) == list(range(200))
