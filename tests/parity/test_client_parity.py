"""The same application with python-socketio's clients and with ours, against the same server.

Handlers and callers must see the same. Not compared: the texts of connection errors, and the reasons that
only fanio distinguishes (docs/clients.md).
"""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
import socketio

import fanio
from fixtures.oracle import require_node

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

SECONDS = 10
SHAPES: list[Any] = [
    None,
    (),
    1,
    -0.5,
    "",
    "héé ☃ 😀",
    True,
    [],
    [1, [2]],
    {},
    {"a": {"b": None}},
    (1, "2", [3]),
    (None, None),
    b"",
    b"\x00\xff",
    {"deep": [b"\x01", {"er": b"\x02"}]},
    (b"\x01", 1, b"\x02"),
    2**53,
]


@pytest.fixture(params=["fanio", "node", "python-socketio"])
def server(request: pytest.FixtureRequest, pool: Pool) -> Server:
    """A server of each kind with the wire app."""
    if request.param == "node":
        require_node("socket.io")
    return pool.get("wire", oracle=request.param)


@pytest.fixture(params=["polling", "websocket"])
def transport(request: pytest.FixtureRequest) -> str:
    """What the client uses."""
    found: str = request.param
    return found


def name(error: BaseException) -> str:
    """What is compared of an exception."""
    words = str(error) if "One or more" in str(error) or "namespace" in str(error) else ""
    return f"{type(error).__name__} {words}"


def words(data: Any) -> Any:
    """The data of a refusal; what the library says itself in its own words is left out."""
    return data if isinstance(data, dict) else type(data).__name__


class Transcript(list[Any]):
    """What happened, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = asyncio.Event()

    def note(self, *what: Any) -> None:
        """Adds something."""
        self.append(what)
        self.changed.set()

    async def until(self, count: int) -> None:
        """Waits for so many entries."""
        while len(self) < count:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), SECONDS)


async def shapes(library: Any, url: str, transport: str) -> list[Any]:
    """Events and acknowledgements of every shape, both ways."""
    found = Transcript()
    sio = library.AsyncClient()
    sio.on("message-back", lambda *args: found.note("back", args))
    sio.on("answer", lambda *args: found.note("answer", args))
    await sio.connect(url, transports=transport, wait_timeout=SECONDS)
    for shape in SHAPES:
        before = len(found)
        await sio.emit("message", shape)
        await found.until(before + 1)
        found.note("call", await sio.call("message-with-ack", shape, timeout=SECONDS))
        done = asyncio.Event()
        await sio.emit(
            "message-with-ack", shape, callback=lambda *args, done=done: (found.note("ack", args), done.set())
        )
        await asyncio.wait_for(done.wait(), SECONDS)
    for shape in SHAPES:
        sio.on("question", lambda *_args, shape=shape: shape)
        before = len(found)
        await sio.emit("ask", "?")
        await found.until(before + 1)
    await sio.disconnect()
    return list(found)


async def namespaces(library: Any, url: str, transport: str) -> list[Any]:
    """Which handlers are called, and with what."""
    found = Transcript()
    sio = library.AsyncClient()

    class Custom(library.AsyncClientNamespace):
        async def on_connect(self) -> None:
            found.note("class connect", len(sio.get_sid("/custom")))

        async def on_auth(self, auth: Any) -> None:
            found.note("class auth", auth)

        def on_disconnect(self, reason: str) -> None:
            found.note("class disconnect", reason)

    sio.register_namespace(Custom("/custom"))
    sio.on("connect", lambda: found.note("connect"))
    sio.on("*", lambda event, *args: found.note("any", event, args))
    # Without a reason, as in old applications.
    sio.on("disconnect", lambda: found.note("disconnect"))
    await sio.connect(url, transports=transport, auth={"token": "x"}, namespaces=["/", "/custom"], wait_timeout=SECONDS)
    await found.until(3)
    found[:] = sorted(found, key=repr)
    found.note(sorted(sio.namespaces), sio.connected, sio.transport(), len(sio.sid), sio.get_sid("/none"))
    before = len(found)
    await sio.emit("message", ("x", b"y"))
    await found.until(before + 1)
    found.note(await sio.call("message-with-ack", 7, namespace="/custom", timeout=SECONDS))
    await sio.disconnect()
    await found.until(before + 4)
    tail = sorted(found[before + 2 :], key=repr)
    return [*found[: before + 2], *tail, sorted(sio.namespaces), sio.connected, sio.get_sid()]


async def errors(library: Any, url: str, transport: str) -> list[Any]:
    """What goes wrong, and how it is told."""
    found = Transcript()
    sio = library.AsyncClient(reconnection=False)
    sio.on("connect_error", lambda data: found.note("refused", words(data)), namespace="/refused")
    sio.on("disconnect", lambda reason: found.note("disconnect", reason))
    sio.on("__disconnect_final", lambda: found.note("final"))

    async def attempt(call: Any) -> None:
        try:
            found.note("fine", await call)
        except Exception as error:
            found.note("error", name(error))

    await attempt(sio.emit("x"))
    await attempt(sio.connect("http://127.0.0.1:1", transports=transport))
    await attempt(sio.connect(url, transports=["pigeon"]))
    await attempt(
        sio.connect(url, transports=transport, namespaces=["/refused"], auth={"data": 1}, wait_timeout=SECONDS)
    )
    found.note(sio.failed_namespaces, sio.connected)
    await attempt(sio.connect(url, transports=transport, namespaces="/", wait_timeout=SECONDS))
    await attempt(sio.connect(url, transports=transport))
    await attempt(sio.emit("x", namespace="/other"))
    await attempt(sio.call("no-such-event-here", timeout=0.05))
    before = len(found)
    await sio.emit("bye")
    await found.until(before + 2)
    await sio.wait()
    await attempt(sio.emit("x"))
    found.note(sio.connected, sio.sid)
    await sio.disconnect()
    return list(found)


async def urls(library: Any, url: str, transport: str) -> list[Any]:
    """Addresses that are none, given as text and by functions."""
    found = Transcript()
    for odd in ("nonsense", "http://", "", "ws://", "ftp://127.0.0.1"):
        for given in (odd, lambda odd=odd: odd):
            sio = library.AsyncClient()
            sio.on("connect_error", lambda data: found.note("refused", words(data)))
            try:
                await sio.connect(given, transports=transport)
            except Exception as error:
                found.note(odd, isinstance(error, library.exceptions.ConnectionError), type(error).__name__)
            found.note(sio.connected)
            await sio.disconnect()
    return list(found)


async def moments(library: Any, url: str, transport: str) -> list[Any]:
    """Handlers that take their time, and a client that connects and leaves again and again."""
    found = Transcript()
    sio = library.AsyncClient(reconnection=False)
    go = asyncio.Event()

    @sio.event
    async def connect() -> None:
        found.note("connecting")
        await go.wait()
        found.note("connected")

    @sio.event
    async def disconnect(reason: str) -> None:
        found.note("disconnect", reason)

    # It returns although the handler still runs.
    await sio.connect(url, transports=transport, wait_timeout=1)
    found.note("returned", sio.connected, await sio.call("message-with-ack", 1, timeout=SECONDS))
    go.set()
    await found.until(3)
    for _ in range(3):
        await sio.disconnect()
        await sio.wait()
        found.note("left", sio.connected, sio.get_sid(), dict(sio.namespaces))
        await sio.connect(url, transports=transport, wait_timeout=SECONDS)
        found.note("back", sio.connected, list(sio.namespaces))
    await sio.disconnect()
    return list(found)


@pytest.mark.parametrize("program", [shapes, namespaces, errors], ids=lambda program: program.__name__)
async def test_the_application_sees_the_same(pool: Pool, program: Any, server: Server, transport: str) -> None:
    if program is errors and transport == "polling" and server is pool.get("wire", oracle="python-socketio"):
        pytest.skip("python-socketio's server holds the poll of a client that is gone, and its client waits for it")
    theirs = await program(socketio, server.url, transport)
    ours = await program(fanio, server.url, transport)
    assert ours == theirs


# With a WebSocket, python-socketio raises aiohttp's exceptions for some URLs; with polling it waits for its last poll.
@pytest.mark.parametrize(("program", "transport"), [(urls, "polling"), (moments, "websocket")])
async def test_the_application_sees_the_same_of_our_server(pool: Pool, program: Any, transport: str) -> None:
    url = pool.get("wire", oracle="fanio").url
    assert await program(fanio, url, transport) == await program(socketio, url, transport)


def sync_program(library: Any, url: str, transport: str) -> list[Any]:
    """The same for threads: what is compared is sorted, as handlers run side by side."""
    found: list[Any] = []
    ready = threading.Semaphore(0)

    def note(*what: Any) -> None:
        found.append(what)
        ready.release()

    sio = library.Client(reconnection=False)
    sio.on("connect", lambda: note("connect"))
    sio.on("disconnect", lambda reason: note("disconnect", reason))
    sio.on("message-back", lambda *args: note("back", args))
    sio.on("answer", lambda *args: note("answer", args))
    sio.on("question", lambda *args: (list(args), b"\x01"))
    sio.connect(url, transports=transport, wait_timeout=SECONDS)
    for shape in SHAPES:
        sio.emit("message", shape)
        note("call", sio.call("message-with-ack", shape, timeout=SECONDS))
    sio.emit("ask", ("a", b"b"))
    for _ in range(2 * len(SHAPES) + 2):
        assert ready.acquire(timeout=SECONDS)
    note(sio.connected, sio.transport(), sorted(sio.namespaces))
    sio.emit("bye")
    for _ in range(2):
        assert ready.acquire(timeout=SECONDS)
    sio.wait()
    return sorted(found, key=repr)


def test_the_sync_application_sees_the_same(server: Server) -> None:
    assert sync_program(fanio, server.url, "websocket") == sync_program(socketio, server.url, "websocket")


def outcome(call: Any) -> Any:
    """What a call returns, or the name of what it raises."""
    try:
        return call()
    except Exception as error:
        return name(error)


def simple_program(library: Any, url: str, transport: str) -> list[Any]:
    """The same without handlers."""
    found: list[Any] = []
    with library.SimpleClient() as sio:
        sio.connect(url, transports=[transport], wait_timeout=SECONDS)
        found.append((sio.transport, len(sio.sid)))
        for shape in SHAPES:
            sio.emit("message", shape)
            found += [sio.receive(timeout=SECONDS), sio.call("message-with-ack", shape, timeout=SECONDS)]
        found += [outcome(lambda: sio.receive(timeout=0.01)), outcome(lambda: sio.connect(url))]
    return found


def test_the_simple_application_sees_the_same(server: Server) -> None:
    assert simple_program(fanio, server.url, "websocket") == simple_program(socketio, server.url, "websocket")
