"""fanio's client with Node's server: recovery, retries, refusals, disconnections, cookies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import fanio
from fixtures.oracle import require_node

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

SECONDS = 10


@pytest.fixture
def server(pool: Pool) -> Server:
    """Node's server."""
    require_node("socket.io")
    return pool.get("client", oracle="node")


@pytest.fixture(params=["polling", "websocket"])
def transport(request: pytest.FixtureRequest) -> str:
    """What the client uses."""
    found: str = request.param
    return found


class Heard:
    """What a client heard of one event, in order."""

    def __init__(self, client: fanio.AsyncClient, event: str, count: int | None = 1, namespace: str = "/") -> None:
        self._queue: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        # A handler with as many parameters as the event has arguments.
        one = lambda value: self._queue.put_nowait((value,))  # noqa: E731
        many = lambda *args: self._queue.put_nowait(args)  # noqa: E731
        client.on(event, one if count == 1 else many, namespace=namespace)

    async def next(self) -> tuple[Any, ...]:
        """The next arguments."""
        return await asyncio.wait_for(self._queue.get(), SECONDS)

    def empty(self) -> bool:
        """Whether nothing more was heard."""
        return self._queue.empty()


def new_client(**options: Any) -> fanio.AsyncClient:
    """A client that comes back at once."""
    return fanio.AsyncClient(reconnection_delay=0.02, reconnection_delay_max=0.1, **options)


async def test_a_session_is_recovered_with_what_was_missed(server: Server, transport: str) -> None:
    client = new_client()
    hello, missed = Heard(client, "hello"), Heard(client, "missed")
    await client.connect(server.url, transports=transport, wait_timeout=SECONDS)
    assert await hello.next() == (False,)
    assert not client.recovered
    sid = client.get_sid()
    await client.emit("drop", ("a", "b", 3))
    assert [await missed.next() for _ in range(3)] == [("a",), ("b",), (3,)]
    assert client.recovered
    assert client.get_sid() == sid
    assert missed.empty()
    assert await client.call("echo", 1, timeout=SECONDS) == 1
    await client.disconnect()


async def test_offsets_are_kept_from_the_handlers(server: Server) -> None:
    client = new_client()
    said = Heard(client, "said", None)
    await client.connect(server.url, transports="websocket", wait_timeout=SECONDS)
    for event, args in [("say", ("x", "text")), ("say-volatile", ("x", "message")), ("say", ())]:
        await client.emit(event, args)
        assert await said.next() == args
        # So that the server's transport is free for volatile events.
        await client.call("echo", timeout=SECONDS)
    await client.disconnect()


async def test_a_session_that_the_client_left_is_not_recovered(server: Server) -> None:
    client = new_client()
    hello = Heard(client, "hello")
    for _ in range(2):
        await client.connect(server.url, transports="websocket", wait_timeout=SECONDS)
        assert await hello.next() == (False,)
        assert not client.recovered
        await client.disconnect()


async def test_an_event_is_sent_again_until_it_is_acknowledged(server: Server, transport: str) -> None:
    client = new_client(retries=3, ack_timeout=0.3)
    await client.connect(server.url, transports=transport, wait_timeout=SECONDS)
    names = [f"{transport} {number}" for number in range(3)]
    answers: asyncio.Queue[str] = asyncio.Queue()
    for name in names:
        await client.emit("flaky", name, callback=answers.put_nowait)
    assert [await asyncio.wait_for(answers.get(), SECONDS) for _ in names] == names
    tries = [name for name in await client.call("tries", timeout=SECONDS) if name in names]
    assert tries == [name for name in names for _ in range(2)], "one at a time, in order"
    await client.disconnect()


async def test_an_event_is_given_up_after_its_retries(server: Server) -> None:
    client = new_client(retries=2, ack_timeout=0.05)
    await client.connect(server.url, transports="websocket", wait_timeout=SECONDS)
    errors: asyncio.Queue[Exception] = asyncio.Queue()
    await client.emit("never", "given up", callback=lambda: None, on_error=errors.put_nowait)
    error = await asyncio.wait_for(errors.get(), SECONDS)
    assert isinstance(error, fanio.exceptions.TimeoutError)
    tries = await client.call("tries", timeout=SECONDS)
    assert tries.count("given up") == 3
    await client.disconnect()


async def test_an_event_in_flight_is_sent_again_after_a_reconnection(server: Server) -> None:
    client = new_client(retries=3, ack_timeout=SECONDS)
    await client.connect(server.url, transports="websocket", wait_timeout=SECONDS)
    back = Heard(client, "reconnect")
    calling = asyncio.ensure_future(client.call("flaky", "in flight", timeout=SECONDS))
    await asyncio.sleep(0)
    await client.emit("drop", volatile=True)
    await back.next()
    assert await calling == "in flight"
    await client.disconnect()


async def test_a_call_that_nobody_answers_times_out(server: Server) -> None:
    client = new_client()
    await client.connect(server.url, transports="websocket", wait_timeout=SECONDS)
    with pytest.raises(fanio.exceptions.TimeoutError) as caught:
        await client.call("never", "x", timeout=0.05)
    assert not isinstance(caught.value, fanio.exceptions.DisconnectedError)
    waiting = asyncio.ensure_future(client.call("never", "y", timeout=None))
    await asyncio.sleep(0)
    await client.emit("drop")
    with pytest.raises(fanio.exceptions.AckLostError):
        await waiting
    await client.disconnect()


async def test_middleware_errors_come_with_their_data(server: Server) -> None:
    client = new_client()
    errors = Heard(client, "connect_error", namespace="/auth")
    with pytest.raises(fanio.exceptions.ConnectionError):
        await client.connect(server.url, auth={"token": "bad"}, namespaces="/auth", wait_timeout=SECONDS)
    assert await errors.next() == ({"message": "bad token", "data": {"token": "bad"}},)
    await client.connect(server.url, auth={"token": "good"}, namespaces="/auth", wait_timeout=SECONDS)
    assert client.connected
    await client.disconnect()


async def test_a_namespace_refused_after_a_reconnection_is_not_asked_for_again(server: Server) -> None:
    tokens = iter(["good", "bad", "never asked for"])
    client = new_client()
    client.on("connect", lambda: None)
    refused, back = Heard(client, "connect_error", namespace="/auth"), Heard(client, "reconnect")
    await client.connect(
        server.url,
        auth=lambda: {"token": next(tokens)},
        namespaces=["/", "/auth"],
        transports="websocket",
        wait_timeout=SECONDS,
    )
    await client.emit("drop")
    await back.next()
    assert (await refused.next())[0]["message"] == "bad token"
    assert list(client.namespaces) == ["/"]
    assert await client.call("echo", 1, timeout=SECONDS) == 1
    with pytest.raises(fanio.exceptions.BadNamespaceError):
        await client.emit("x", namespace="/auth")
    await client.disconnect()


async def test_a_client_that_the_server_disconnects_stays_away(server: Server, transport: str) -> None:
    client = new_client()
    gone = Heard(client, "disconnect")
    attempts = Heard(client, "reconnect_attempt")
    await client.connect(server.url, transports=transport, wait_timeout=SECONDS)
    await client.emit("disconnect-all")
    assert await gone.next() == ("server disconnect",)
    await asyncio.wait_for(client.wait(), SECONDS)
    assert attempts.empty()


async def test_msgpack(pool: Pool) -> None:
    client = new_client(serializer="msgpack")
    server = pool.get("wire", {"serializer": "msgpack"})
    await client.connect(server.url, wait_timeout=SECONDS)
    assert await client.call("message-with-ack", (b"\x01", {"a": [None, 1.5]}), timeout=SECONDS) == (
        b"\x01",
        {"a": [None, 1.5]},
    )
    await client.disconnect()
