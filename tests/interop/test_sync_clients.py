"""fanio's Client, SimpleClient and AsyncSimpleClient against the three servers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import queue
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fanio
from fixtures.oracle import require_module, require_node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.server import Pool, Server

SECONDS = 10


@pytest.fixture(params=["fanio", "node", "python-socketio"])
def server(request: pytest.FixtureRequest, pool: Pool) -> Server:
    """A server of each kind with the wire app."""
    if request.param == "node":
        require_node("socket.io")
    if request.param == "python-socketio":
        require_module("socketio")
    return pool.get("wire", oracle=request.param)


@pytest.fixture(params=["polling", "websocket"])
def client(server: Server, request: pytest.FixtureRequest) -> Iterator[fanio.Client]:
    """A connected Client."""
    client = fanio.Client(reconnection=False)
    client.connect(server.url, transports=request.param, wait_timeout=SECONDS)
    yield client
    client.disconnect()


def test_it_calls_and_is_called(client: fanio.Client) -> None:
    assert client.connected
    assert len(client.get_sid() or "") == 20
    assert client.call("message-with-ack", (1, {"a": b"\x01"}), timeout=SECONDS) == (1, {"a": b"\x01"})
    found: queue.Queue[tuple[Any, ...]] = queue.Queue()
    client.on("question", lambda what: (what, b"\x02"))
    client.on("answer", lambda *args: found.put(args))
    client.emit("ask", "why")
    assert found.get(timeout=SECONDS) == ("why", b"\x02")


def test_handlers_run_in_threads_and_may_wait(client: fanio.Client) -> None:
    found: queue.Queue[tuple[str, Any]] = queue.Queue()

    def back(value: int) -> None:
        answer = client.call("message-with-ack", value + 1, timeout=SECONDS)
        found.put((threading.current_thread().name, answer))

    client.on("message-back", back)
    client.emit("message", 1)
    thread, answer = found.get(timeout=SECONDS)
    assert answer == 2
    assert thread == "fanio-handler"


def test_callbacks_run_in_threads(client: fanio.Client) -> None:
    found: queue.Queue[tuple[Any, ...]] = queue.Queue()
    client.emit("message-with-ack", (1, 2), callback=lambda *args: found.put(args))
    assert found.get(timeout=SECONDS) == (1, 2)


def test_the_server_may_end_it(client: fanio.Client) -> None:
    gone: queue.Queue[str] = queue.Queue()
    client.on("disconnect", gone.put)
    client.emit("bye")
    client.wait()
    assert gone.get(timeout=SECONDS) == "server disconnect"
    with pytest.raises(fanio.exceptions.BadNamespaceError):
        client.emit("message")


def test_namespaces_as_classes(server: Server) -> None:
    found: queue.Queue[tuple[str, Any]] = queue.Queue()

    class Custom(fanio.ClientNamespace):
        def on_connect(self) -> None:
            found.put(("connect", self.client.get_sid("/custom")))

        def on_auth(self, auth: Any) -> None:
            found.put(("auth", auth))

        def on_disconnect(self) -> None:
            found.put(("disconnect", None))

    client = fanio.Client()
    client.register_namespace(Custom("/custom"))
    client.connect(server.url, auth={"a": 1}, wait_timeout=SECONDS)
    heard = {found.get(timeout=SECONDS) for _ in range(1)} | {("", None)}
    assert ("connect", client.get_sid("/custom")) in heard
    assert found.get(timeout=SECONDS) == ("auth", {"a": 1})
    client.disconnect()
    assert found.get(timeout=SECONDS) == ("disconnect", None)


def test_functions_for_url_headers_and_auth_run_in_threads(server: Server) -> None:
    names: list[str] = []

    def auth() -> dict[str, int]:
        names.append(threading.current_thread().name)
        return {"n": 1}

    found: queue.Queue[Any] = queue.Queue()
    client = fanio.Client()
    client.on("auth", found.put, namespace="/custom")
    client.connect(lambda: server.url, headers=lambda: {"X": "1"}, auth=auth, wait_timeout=SECONDS)
    assert found.get(timeout=SECONDS) == {"n": 1}
    client.disconnect()
    assert names == ["fanio-handler"]


def name_of(task: Path) -> str:
    """The name of a thread; nothing when it has just ended."""
    with contextlib.suppress(OSError):
        return (task / "comm").read_text().strip()
    return ""


def names_of_threads() -> list[str]:
    """The threads of this process that are a client's."""
    found = [name for name in map(name_of, Path("/proc/self/task").iterdir()) if name.startswith("fanio-client")]
    return found + [thread.name for thread in threading.enumerate() if thread.name.startswith("fanio-client")]


def wait_until(condition: Any) -> None:
    """Waits for something that nobody announces."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.01)


@pytest.mark.parametrize("server", ["fanio"], indirect=True)
def test_nothing_is_left_of_it(server: Server) -> None:
    wait_until(lambda: not names_of_threads())
    before = len(os.listdir("/proc/self/fd"))
    for transport in ("polling", "websocket"):
        client = fanio.Client()
        client.connect(server.url, transports=transport, wait_timeout=SECONDS)
        assert names_of_threads()
        client.disconnect()
    with pytest.raises(fanio.exceptions.ConnectionError):
        fanio.Client().connect("http://127.0.0.1:1")
    wait_until(lambda: not names_of_threads() and len(os.listdir("/proc/self/fd")) <= before)


def test_the_simple_client(server: Server) -> None:
    with fanio.SimpleClient() as client:
        client.connect(server.url, transports=["websocket"], wait_timeout=SECONDS)
        assert client.transport == "websocket"
        assert len(client.sid or "") == 20
        client.emit("message", (1, b"\x01"))
        assert client.receive(timeout=SECONDS) == ["message-back", 1, b"\x01"]
        assert client.call("message-with-ack", "x", timeout=SECONDS) == "x"
        with pytest.raises(fanio.exceptions.TimeoutError):
            client.receive(timeout=0.01)
        with pytest.raises(RuntimeError):
            client.connect(server.url)
        client.emit("bye")
        with pytest.raises(fanio.exceptions.DisconnectedError):
            client.receive(timeout=SECONDS)
    with pytest.raises(fanio.exceptions.DisconnectedError):
        client.emit("message")


async def test_the_async_simple_client(server: Server) -> None:
    async with fanio.AsyncSimpleClient() as client:
        await client.connect(server.url, namespace="/custom", auth={"b": 2}, wait_timeout=SECONDS)
        assert await client.receive(timeout=SECONDS) == ["auth", {"b": 2}]
        await client.emit("message", (1, b"\x01"))
        assert await client.receive(timeout=SECONDS) == ["message-back", 1, b"\x01"]
        assert await client.call("message-with-ack", "x", timeout=SECONDS) == "x"
        with pytest.raises(fanio.exceptions.TimeoutError):
            await client.receive(timeout=0.01)
        waiting = asyncio.ensure_future(client.receive())
        await asyncio.sleep(0)
    with pytest.raises(fanio.exceptions.DisconnectedError):
        await waiting


def test_a_simple_client_waits_for_the_server_to_come_back(pool: Pool) -> None:
    server = pool.start("wire")
    client = fanio.SimpleClient(reconnection_delay=0.05, reconnection_delay_max=0.2)
    try:
        client.connect(server.url, wait_timeout=SECONDS)
        server.stop()
        wait_until(lambda: client.client is not None and not client.client.connected)
        server = pool.start("wire", run={"port": server.port})
        assert client.call("message-with-ack", "back", timeout=SECONDS) == "back"
    finally:
        client.disconnect()
        server.stop()
