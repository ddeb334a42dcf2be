"""An AsyncClient that is used from another event loop than its own, which is running, stopped or closed."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, TypeVar

import pytest

import fanio
from fanio import exceptions
from fixtures.server import Pool

SECONDS = 10
T = TypeVar("T")


@pytest.fixture
def url(pool: Pool) -> str:
    """A server with the wire app."""
    return pool.get("wire").url


def in_new_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine as a program of its own, but not for ever."""
    return asyncio.run(asyncio.wait_for(work, SECONDS))


def closed_without_a_word(work: Coroutine[Any, Any, Any]) -> None:
    """Run a coroutine on a loop whose tasks nobody cancels."""
    loop = asyncio.new_event_loop()
    loop.run_until_complete(work)
    loop.close()


class Elsewhere:
    """A loop that runs in a thread."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, SECONDS), self.loop).result(SECONDS)

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(SECONDS)
        self.loop.close()


@pytest.fixture
async def elsewhere() -> AsyncIterator[Elsewhere]:
    """Another loop that runs."""
    other = Elsewhere()
    yield other
    other.stop()


async def connect(client: fanio.AsyncClient, url: str) -> None:
    await client.connect(url, transports=["websocket"], wait_timeout=SECONDS)


async def connect_and_echo(client: fanio.AsyncClient, url: str) -> Any:
    await connect(client, url)
    try:
        return await client.call("message-with-ack", 1, timeout=SECONDS)
    finally:
        await client.disconnect()


async def lose_server(client: fanio.AsyncClient, _url: str) -> None:
    """The client waits for its next attempt."""
    tried = asyncio.Event()
    client.on("reconnect_error", lambda _error: tried.set())
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    retrying = asyncio.create_task(client.connect(f"http://127.0.0.1:{port}", retry=True))
    await tried.wait()
    retrying.cancel()
    await asyncio.wait([retrying])
    server.close()


async def come_back(client: fanio.AsyncClient, url: str) -> None:
    await connect(client, url)
    client._state.link._close("transport close", "")  # type: ignore[union-attr]
    await asyncio.sleep(0)


ENDS: list[Callable[[Coroutine[Any, Any, Any]], None]] = [asyncio.run, closed_without_a_word]


@pytest.mark.parametrize("end", ENDS, ids=["cancelled", "closed"])
@pytest.mark.parametrize("first", [connect, come_back, lose_server])
def test_a_client_whose_loop_has_ended_starts_afresh(
    url: str, first: Callable[..., Coroutine[Any, Any, None]], end: Callable[[Coroutine[Any, Any, Any]], None]
) -> None:
    client = fanio.AsyncClient(reconnection_delay=60, reconnection_delay_max=60)
    if first is lose_server:
        client.reconnection_delay = 0.01
    end(first(client, url))
    assert in_new_loop(connect_and_echo(client, url)) == 1
    assert not client.connected
    gc.collect()


@pytest.mark.parametrize("end", ENDS, ids=["cancelled", "closed"])
def test_a_client_whose_loop_has_ended_is_disconnected(
    url: str, end: Callable[[Coroutine[Any, Any, Any]], None]
) -> None:
    client = fanio.AsyncClient()

    async def pending() -> None:
        await connect(client, url)
        waiting = [asyncio.create_task(work) for work in (client.call("silent"), client.wait(), client.emit("x"))]
        await asyncio.sleep(0)
        waiting[0].get_loop().call_soon(waiting.clear)

    async def ask() -> None:
        with pytest.raises(exceptions.BadNamespaceError):
            await client.emit("message-with-ack", 1)
        with pytest.raises(exceptions.BadNamespaceError):
            await client.call("message-with-ack", 1)
        await client.wait()
        await client.sleep(0)
        await client.disconnect()
        assert client.transport() is None

    end(pending())
    in_new_loop(ask())
    assert in_new_loop(connect_and_echo(client, url)) == 1


def test_a_loop_that_is_stopped_is_left_by_connect_and_disconnect_only(url: str) -> None:
    client = fanio.AsyncClient()
    loop = asyncio.new_event_loop()

    async def ask() -> None:
        for work in (client.emit("x"), client.call("x"), client.wait()):
            with pytest.raises(RuntimeError, match="is stopped"):
                await work

    loop.run_until_complete(connect(client, url))
    in_new_loop(ask())
    # It may run again.
    assert loop.run_until_complete(client.call("message-with-ack", 2, timeout=SECONDS)) == 2
    in_new_loop(client.disconnect())
    assert not client.connected
    loop.run_until_complete(connect(client, url))
    assert in_new_loop(connect_and_echo(client, url)) == 1
    loop.close()


async def test_arguments_of_emit_and_call_are_checked_at_the_call(url: str) -> None:
    client = fanio.AsyncClient()
    await connect(client, url)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"callback": 3}, "callback: expected a function"),
        ({"on_error": "log"}, "on_error: expected a function"),
        ({"timeout": "3"}, "timeout: expected seconds"),
        ({"timeout": float("nan")}, "timeout: expected seconds"),
        ({"data": object()}, "cannot be sent"),
    ]
    for arguments, match in wrong:
        with pytest.raises(TypeError, match=match):
            await client.emit("x", **arguments)
    for name in ("disconnect", "newListener", 3, None, b"x"):
        with pytest.raises(ValueError, match="event"):
            await client.emit(name)  # type: ignore[arg-type]
    with pytest.raises(exceptions.BadNamespaceError, match="3 is not a connected namespace"):
        await client.emit("x", namespace=3)  # type: ignore[arg-type]
    # What is left of a deadline.
    with pytest.raises(exceptions.TimeoutError):
        await client.call("silent", timeout=-1)
    assert await client.call("message-with-ack", 1, timeout=float("inf")) == 1
    await client.disconnect()


async def test_every_method_works_from_another_loop_that_runs(url: str, elsewhere: Elsewhere) -> None:
    client = fanio.AsyncClient()
    answered: asyncio.Queue[Any] = asyncio.Queue()
    await connect(client, url)

    def use() -> None:
        assert elsewhere.run(client.call("message-with-ack", 3, timeout=SECONDS)) == 3
        elsewhere.run(client.emit("message-with-ack", 4, callback=answered.put_nowait))
        with pytest.raises(ValueError, match="reserved"):
            elsewhere.run(client.emit("connect"))
        with pytest.raises(exceptions.ConnectionError, match="Already connected"):
            elsewhere.run(connect(client, url))
        with pytest.raises(asyncio.TimeoutError):
            elsewhere.run(asyncio.wait_for(client.wait(), 0.01))
        with pytest.raises(exceptions.TimeoutError):
            elsewhere.run(client.call("silent", timeout=0.01))
        assert client.connected
        elsewhere.run(client.disconnect())
        elsewhere.run(client.wait())

    await asyncio.to_thread(use)
    assert await asyncio.wait_for(answered.get(), SECONDS) == 4
    assert not client.connected


async def test_connect_does_not_take_a_client_from_a_loop_that_runs(url: str, elsewhere: Elsewhere) -> None:
    client = fanio.AsyncClient(reconnection_delay=60, reconnection_delay_max=60)
    await come_back(client, url)
    with pytest.raises(RuntimeError, match="another event loop"):
        await asyncio.to_thread(elsewhere.run, connect(client, url))
    await asyncio.to_thread(elsewhere.run, client.disconnect())
    assert await asyncio.to_thread(elsewhere.run, connect_and_echo(client, url)) == 1


async def test_calls_on_another_loop_raise_when_the_clients_loop_has_ended(url: str) -> None:
    client = fanio.AsyncClient()
    connected, waiting = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def own() -> None:
        await connect(client, url)
        end = asyncio.Event()
        asked = [
            asyncio.run_coroutine_threadsafe(wait_for_end(work), loop)
            for work in (client.call("silent"), client.wait())
        ]
        loop.call_soon_threadsafe(waiting.set)
        connected.set()
        outcomes.extend(asked)
        await asyncio.sleep(0.1)
        end.set()

    async def wait_for_end(work: Coroutine[Any, Any, Any]) -> str:
        try:
            await asyncio.wait_for(work, SECONDS)
        except Exception as error:
            return type(error).__name__
        return "went on"

    outcomes: list[Any] = []
    await asyncio.to_thread(asyncio.run, own())
    names = [await asyncio.wrap_future(outcome) for outcome in outcomes]
    assert names == ["DisconnectedError", "DisconnectedError"]


@pytest.mark.parametrize("end", ENDS, ids=["cancelled", "closed"])
def test_a_simple_client_whose_loop_has_ended_connects_again(
    url: str, end: Callable[[Coroutine[Any, Any, Any]], None]
) -> None:
    simple = fanio.AsyncSimpleClient()

    async def use() -> None:
        await simple.connect(url, transports=["websocket"])
        with pytest.raises(exceptions.TimeoutError):
            await simple.receive(timeout=0.01)
        assert await simple.call("message-with-ack", 1, timeout=SECONDS) == 1

    async def ask() -> None:
        for work in (simple.emit("x"), simple.call("x"), simple.receive()):
            with pytest.raises(exceptions.DisconnectedError):
                await work

    end(use())
    in_new_loop(ask())
    end(use())
    in_new_loop(use())
    in_new_loop(simple.disconnect())


async def test_a_simple_client_works_from_another_loop_that_runs(url: str, elsewhere: Elsewhere) -> None:
    simple = fanio.AsyncSimpleClient()
    await simple.connect(url, transports=["websocket"])

    def use() -> None:
        elsewhere.run(simple.emit("message", 5))
        assert elsewhere.run(simple.receive(timeout=SECONDS)) == ["message-back", 5]
        assert elsewhere.run(simple.call("message-with-ack", 6)) == 6
        elsewhere.run(simple.disconnect())

    await asyncio.to_thread(use)
    assert not simple.connected
