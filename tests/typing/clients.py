"""Code with each public method of the clients, which type checkers must accept.

mypy and pyright read this file, nothing runs it.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from typing import Any

from typing_extensions import assert_type

import fanio as socketio

client = socketio.AsyncClient(
    reconnection=True,
    reconnection_attempts=3,
    reconnection_delay=0.5,
    reconnection_delay_max=2.5,
    randomization_factor=0.25,
    logger=True,
    handle_sigint=False,
    request_timeout=3,
    ssl_verify=ssl.create_default_context(),
    retries=2,
    ack_timeout=1.5,
)


@client.event
async def connect() -> None: ...


@client.on("news", namespace="/chat")
def news(text: str, picture: bytes) -> str:
    return text


@client.on("*")
async def anything(event: str, *args: Any) -> None: ...


class Chat(socketio.AsyncClientNamespace):
    async def on_connect(self) -> None:
        await self.emit("hello", ("you", 1), callback=print)
        await self.send("text")
        await self.call("question", timeout=2)
        await self.disconnect()


class SyncChat(socketio.ClientNamespace):
    def on_connect(self) -> None:
        self.emit("hello", {"to": "you"}, callback=print)
        self.send("text")
        self.call("question", timeout=2)
        self.disconnect()


async def token() -> dict[str, str]:
    return {"token": "t"}


async def run() -> None:
    client.register_namespace(Chat("/chat"))
    await client.connect(
        lambda: "https://example.com",
        headers={"X-Name": "value"},
        auth=token,
        transports=["websocket"],
        namespaces=["/", "/chat"],
        socketio_path="ws",
        wait=True,
        wait_timeout=5,
        retry=True,
    )
    await client.emit("event", {"data": b"1"}, namespace="/chat", callback=print, timeout=1, on_error=print)
    await client.emit("event", volatile=True)
    await client.send("text")
    await client.call("question", ("a", 2), timeout=None)
    assert_type(client.get_sid("/chat"), str | None)
    assert_type(client.transport(), str | None)
    assert_type(client.connected, bool)
    assert_type(client.recovered, bool)
    assert_type(client.is_recovered("/chat"), bool)
    assert_type(client.start_background_task(token), asyncio.Task[Any])
    await client.sleep(1)
    await client.disconnect()
    await client.shutdown()
    await client.wait()


def run_sync() -> None:
    sync = socketio.Client(serializer="msgpack", http_session=None)
    sync.register_namespace(SyncChat("/chat"))
    sync.connect("http://localhost:5000", auth={"token": "t"}, namespaces="/chat")
    sync.emit("event", [1, 2], on_error=print)
    sync.send("text", callback=print)
    sync.call("question")
    assert_type(sync.get_sid(), str | None)
    assert_type(sync.transport(), str | None)
    assert_type(sync.start_background_task(print, "x"), threading.Thread)
    sync.sleep(0.1)
    sync.disconnect()
    sync.shutdown()
    sync.wait()


async def run_simple() -> None:
    async with socketio.AsyncSimpleClient(reconnection=False) as simple:
        await simple.connect("http://localhost:5000", namespace="/chat", wait_timeout=2)
        await simple.emit("event", 1)
        await simple.call("question", timeout=3)
        assert_type(await simple.receive(timeout=1), list[Any])
        assert_type(simple.sid, str | None)
        assert_type(simple.transport, str | None)
        await simple.disconnect()


def run_simple_sync() -> None:
    with socketio.SimpleClient() as simple:
        simple.connect("http://localhost:5000", transports="polling")
        simple.emit("event")
        simple.call("question")
        assert_type(simple.receive(), list[Any])
        simple.disconnect()


def refused_by_type_checkers() -> None:
    # With an error missing here, the checkers complain of a comment that ignores nothing.
    socketio.AsyncClient(request_timeot=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    socketio.AsyncClient(retries="3")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    socketio.Client(ssl_verfy=False)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    socketio.Client(ack_timeout="1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    socketio.SimpleClient(reconection=False)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    socketio.AsyncSimpleClient(upgrade=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def told_why(error: socketio.exceptions.ConnectionError) -> None:
    assert_type(error.refusals, dict[str, Any])
