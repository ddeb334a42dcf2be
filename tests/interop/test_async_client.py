"""fanio's AsyncClient against fanio's, Node's and python-socketio's server, on each transport."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest

import fanio
from fixtures.oracle import require_module, require_node

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fixtures.server import Pool, Server

SECONDS = 10
MODES = {
    "polling": ["polling"],
    "websocket": ["websocket"],
    "upgrade": ["polling", "websocket"],
}


@pytest.fixture(params=["fanio", "node", "python-socketio"])
def server(request: pytest.FixtureRequest, pool: Pool) -> Server:
    """A server of each kind with the wire app."""
    if request.param == "node":
        require_node("socket.io")
    if request.param == "python-socketio":
        require_module("socketio")
    return pool.get("wire", oracle=request.param)


@pytest.fixture(params=MODES.values(), ids=MODES.keys())
def transports(request: pytest.FixtureRequest) -> list[str]:
    """What the client may use."""
    found: list[str] = request.param
    return found


class Heard:
    """What a client heard of one event, in order."""

    def __init__(self, client: fanio.AsyncClient, event: str, namespace: str = "/") -> None:
        self._queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        client.on(event, self._put, namespace=namespace)

    async def _put(self, *args: Any) -> None:
        self._queue.put_nowait(args)

    async def next(self) -> tuple[Any, ...]:
        """The next arguments."""
        return await asyncio.wait_for(self._queue.get(), SECONDS)


async def open_client(server: Server, transports: list[str], **options: Any) -> fanio.AsyncClient:
    """A connected client."""
    client = fanio.AsyncClient(reconnection=False)
    await client.connect(server.url, transports=transports, wait_timeout=SECONDS, **options)
    return client


@pytest.fixture
async def client(server: Server, transports: list[str]) -> AsyncIterator[fanio.AsyncClient]:
    """A connected client, which disconnects in the end."""
    client = await open_client(server, transports)
    yield client
    await client.disconnect()


async def until(condition: Any) -> None:
    """Waits for something that nobody announces."""
    end = asyncio.get_running_loop().time() + SECONDS
    while not condition():
        assert asyncio.get_running_loop().time() < end, "it did not come true"
        await asyncio.sleep(0.01)


async def test_the_transport_is_the_one_asked_for(client: fanio.AsyncClient, transports: list[str]) -> None:
    await until(lambda: client.transport() == transports[-1])
    assert await client.call("message-with-ack", 1, timeout=SECONDS) == 1


async def test_sid_is_the_sockets_id(client: fanio.AsyncClient) -> None:
    sid = client.get_sid()
    assert sid is not None
    assert len(sid) == 20
    assert sid != client.sid


async def test_events_go_both_ways(client: fanio.AsyncClient) -> None:
    heard = Heard(client, "message-back")
    await client.emit("message", (1, "2", {"3": [True, None, 0.5]}, "héé ☃ 😀"))
    assert await heard.next() == (1, "2", {"3": [True, None, 0.5]}, "héé ☃ 😀")


async def test_the_server_acknowledges(client: fanio.AsyncClient) -> None:
    assert await client.call("message-with-ack", (1, [2]), timeout=SECONDS) == (1, [2])
    assert await client.call("nothing", timeout=SECONDS) is None


async def test_the_client_acknowledges(client: fanio.AsyncClient) -> None:
    client.on("question", lambda what: (f"{what}!", [1]))
    heard = Heard(client, "answer")
    await client.emit("ask", "why")
    assert await heard.next() == ("why!", [1])


async def test_the_client_acknowledges_what_nobody_handles(client: fanio.AsyncClient) -> None:
    heard = Heard(client, "answer")
    await client.emit("ask", "why")
    assert await heard.next() == ()


async def test_binary_goes_both_ways(client: fanio.AsyncClient) -> None:
    heard, sent = Heard(client, "message-back"), Heard(client, "bytes")
    await client.emit("message", (b"\x00\xff", {"deep": [b"\x07"]}))
    assert await heard.next() == (b"\x00\xff", {"deep": [b"\x07"]})
    await client.emit("bytes")
    assert await sent.next() == ({"a": b"\x01\x02", "b": [1, {"c": b"\x03"}]},)
    assert await client.call("message-with-ack", b"\x09", timeout=SECONDS) == b"\x09"


async def test_events_keep_their_order(server: Server, client: fanio.AsyncClient) -> None:
    heard = Heard(client, "message-back")
    for number in range(300):
        # python-socketio's server takes no more than 16 packets in one request.
        await client.emit("message", number)
        if number % 10 == 9:
            await client.call("nothing", timeout=SECONDS)
    assert [(await heard.next())[0] for _ in range(300)] == list(range(300))


async def test_messages_larger_than_the_buffers(client: fanio.AsyncClient) -> None:
    text = "ä" * 100_000
    assert await client.call("message-with-ack", text, timeout=SECONDS) == text
    data = bytes(range(256)) * 1500
    assert await client.call("message-with-ack", data, timeout=SECONDS) == data


async def test_messages_larger_than_servers_take(client: fanio.AsyncClient) -> None:
    heard = Heard(client, "big")
    await client.emit("big", 5_000_000)
    assert len((await heard.next())[0]) == 5_000_000


async def test_rooms_and_broadcasts(server: Server, client: fanio.AsyncClient, transports: list[str]) -> None:
    room, mark = uuid.uuid4().hex, uuid.uuid4().hex
    said, shouted = Heard(client, "said"), Heard(client, "shouted")
    assert await client.call("join", room, timeout=SECONDS) == "joined"
    other = await open_client(server, transports)
    also = Heard(other, "shouted")
    await other.emit("say", (room, "hello"))
    assert await said.next() == ("hello",)
    await other.emit("shout", mark)
    assert await shouted.next() == (mark,)
    assert await also.next() == (mark,)
    await other.disconnect()


async def test_namespaces(server: Server, transports: list[str]) -> None:
    client = fanio.AsyncClient(reconnection=False)
    auth = Heard(client, "auth", "/custom")
    await client.connect(
        server.url,
        transports=transports,
        auth={"token": "abc"},
        namespaces=["/", "/custom"],
        wait_timeout=SECONDS,
    )
    assert await auth.next() == ({"token": "abc"},)
    assert await client.call("message-with-ack", "here", namespace="/custom", timeout=SECONDS) == "here"
    assert await client.call("message-with-ack", "there", timeout=SECONDS) == "there"
    assert client.get_sid("/custom") != client.get_sid("/")
    await client.disconnect()
    assert client.namespaces == {}


async def test_a_refusal_comes_with_its_data(server: Server, transports: list[str]) -> None:
    client = fanio.AsyncClient()
    errors = Heard(client, "connect_error", "/refused")
    with pytest.raises(fanio.exceptions.ConnectionError, match="One or more namespaces failed to connect: /refused"):
        await open_refused(client, server, transports)
    assert await errors.next() == ({"message": "not allowed", "data": {"code": 7}},)
    assert not client.connected
    assert client.failed_namespaces == ["/refused"]
    await client.wait()


async def open_refused(client: fanio.AsyncClient, server: Server, transports: list[str]) -> None:
    """Asks for a namespace whose handler refuses."""
    await client.connect(
        server.url,
        transports=transports,
        auth={"data": True},
        namespaces=["/refused"],
        wait_timeout=SECONDS,
    )


async def test_the_server_may_disconnect(client: fanio.AsyncClient) -> None:
    gone = Heard(client, "disconnect")
    await client.emit("bye")
    assert await gone.next() == ("server disconnect",)
    assert not client.connected
    await asyncio.wait_for(client.wait(), SECONDS)
    with pytest.raises(fanio.exceptions.BadNamespaceError):
        await client.emit("message")


async def test_what_was_emitted_before_disconnect_arrives(server: Server, transports: list[str]) -> None:
    tag, mark = uuid.uuid4().hex, uuid.uuid4().hex
    listener = await open_client(server, ["websocket"])
    shouted = Heard(listener, "shouted")
    client = await open_client(server, transports, auth={"tag": tag})
    gone = Heard(client, "disconnect")
    for number in range(10):
        await client.emit("shout", (mark, number))
    await client.disconnect()
    assert await gone.next() == ("client disconnect",)
    assert [await shouted.next() for _ in range(10)] == [(mark, number) for number in range(10)]
    reason = await listener.call("reason", tag, timeout=SECONDS)
    assert reason in ("client disconnect", "client namespace disconnect")
    await listener.disconnect()


@pytest.mark.parametrize("server", ["fanio", "node"], indirect=True)
async def test_the_client_comes_back_when_the_server_does(
    request: pytest.FixtureRequest, pool: Pool, server: Server, transports: list[str]
) -> None:
    kind = request.node.callspec.params["server"]
    own = await asyncio.to_thread(pool.start, "wire", None, None, None, kind)
    client = fanio.AsyncClient(reconnection_delay=0.05, reconnection_delay_max=0.2)
    back, gone, again = Heard(client, "connect"), Heard(client, "disconnect"), Heard(client, "reconnect")
    heard = Heard(client, "message-back")
    try:
        await client.connect(own.url, transports=transports, wait_timeout=SECONDS)
        await back.next()
        await asyncio.to_thread(own.stop)
        assert (await gone.next())[0] in ("transport close", "transport error")
        for number in range(3):
            await client.emit("message", number)
        port = {"port": own.port}
        own = await asyncio.to_thread(pool.start, "wire", None, port, None, kind)
        await back.next()
        assert (await again.next())[0] >= 1
        assert [(await heard.next())[0] for _ in range(3)] == [0, 1, 2]
        assert await client.call("message-with-ack", 1, timeout=SECONDS) == 1
    finally:
        await client.disconnect()
        await asyncio.to_thread(own.stop)
