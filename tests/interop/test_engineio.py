"""The Engine.IO server: python-engineio's client and raw requests against an app without Socket.IO."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import require_module

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fixtures.server import Pool, Server

SECONDS = 10
MODES = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}

pytestmark = pytest.mark.differs("node", reason="has no such app")


@pytest.fixture
def server(pool: Pool) -> Server:
    """A server with the engine app."""
    require_module("engineio", "aiohttp")
    return pool.get("engine")


@pytest.fixture(params=MODES.values(), ids=MODES.keys())
def transports(request: pytest.FixtureRequest) -> list[str]:
    """What the client may use."""
    found: list[str] = request.param
    return found


class Client:
    """python-engineio's AsyncClient, and what it heard."""

    def __init__(self) -> None:
        import engineio

        self.eio = engineio.AsyncClient()
        self._heard: asyncio.Queue[Any] = asyncio.Queue()
        self.closed: asyncio.Queue[Any] = asyncio.Queue()
        self.eio.on("message", self._heard.put_nowait)
        self.eio.on("disconnect", self.closed.put_nowait)

    async def heard(self) -> Any:
        """The next message."""
        return await asyncio.wait_for(self._heard.get(), SECONDS)

    async def ask(self, message: Any) -> Any:
        """Sends a message and returns the next one that comes."""
        await self.eio.send(message)
        return await self.heard()


@pytest.fixture
async def client(server: Server, transports: list[str]) -> AsyncIterator[Client]:
    """A client that has been greeted."""
    client = Client()
    await client.eio.connect(f"{server.url}?name=me", transports=transports)
    assert await client.heard() == "hello"
    yield client
    await client.eio.disconnect()


async def test_a_client_is_known_while_it_is_there(client: Client, transports: list[str]) -> None:
    who = await client.ask("who")
    assert who["sid"] == client.eio.sid
    assert who["transport"] == transports[-1]
    assert who["known"] is True
    assert "name=me" in who["query"]


@pytest.mark.parametrize(
    ("sent", "kind", "got"),
    [
        ("text", "str", "text"),
        ("12", "str", "12"),
        ("{broken", "str", "{broken"),
        ({"a": [1, "é"]}, "dict", {"a": [1, "é"]}),
        ([None], "list", [None]),
        ("true", "bool", True),
        ("-1.5", "float", -1.5),
        ("", "str", ""),
    ],
)
async def test_messages_are_what_python_engineio_makes_of_them(client: Client, sent: Any, kind: str, got: Any) -> None:
    assert await client.ask(sent) == [kind, got]


async def test_bytes_stay_bytes(client: Client) -> None:
    assert await client.ask(b"\x00\xff") == b"\x00\xff!"


async def test_a_handler_that_raises_costs_nothing(client: Client) -> None:
    await client.eio.send("fail")
    assert await client.ask("on") == ["str", "on"]


async def test_a_client_is_disconnected_behind_its_last_message(server: Server, client: Client) -> None:
    sid = client.eio.sid
    assert await client.ask("bye") == "bye"
    await asyncio.wait_for(client.closed.get(), SECONDS)
    assert await last_words(server, sid) == [sid, "server disconnect", True]


async def test_a_client_that_leaves_has_left(server: Server, client: Client, transports: list[str]) -> None:
    sid = client.eio.sid
    await client.eio.disconnect()
    # Over a WebSocket this client closes the stream, on some Pythons before its close packet is sent.
    reasons = ["client disconnect"] if transports == ["polling"] else ["client disconnect", "transport close"]
    last_sid, reason = (await last_words(server, sid))[:2]
    assert last_sid == sid
    assert reason in reasons


async def last_words(server: Server, sid: str) -> list[Any]:
    """What the disconnect handler of a client was told."""
    other = Client()
    await other.eio.connect(server.url, transports=["websocket"])
    await other.heard()
    try:
        for _ in range(500):
            found: list[list[Any]] = [entry for entry in await other.ask("log") if entry[0] == sid]
            if found:
                (entry,) = found
                return entry
            await asyncio.sleep(0.01)
    finally:
        await other.eio.disconnect()
    raise AssertionError("its disconnect handler did not run")


def get(server: Server, query: str) -> tuple[int, str]:
    """Makes a polling request; its status and body."""
    url = f"{server.url}/engine.io/?EIO=4&transport=polling&{query}"
    try:
        with urllib.request.urlopen(url, timeout=SECONDS) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.mark.parametrize(("how", "body"), [("false", "Unauthorized"), ("text", "go away"), ("raise", "Unauthorized")])
def test_a_refused_handshake_is_401_with_the_reason(server: Server, how: str, body: str) -> None:
    status, text = get(server, f"refuse={how}")
    assert (status, json.loads(text)) == (401, body)


def test_the_status_of_a_refused_handshake_has_its_name(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="401: Unauthorized"):
        urllib.request.urlopen(f"{server.url}/engine.io/?EIO=4&transport=polling&refuse=text", timeout=SECONDS)


async def test_a_refused_websocket_is_refused(server: Server) -> None:
    import engineio

    client = engineio.AsyncClient()
    with pytest.raises(engineio.exceptions.ConnectionError):
        await client.connect(f"{server.url}?refuse=false", transports=["websocket"])


@pytest.mark.differs("python-socketio", reason="never ends such a WebSocket")
async def test_a_client_can_be_closed_in_its_connect_handler(server: Server) -> None:
    client = Client()
    await client.eio.connect(f"{server.url}?kick", transports=["websocket"])
    sid = client.eio.sid
    await asyncio.wait_for(client.closed.get(), SECONDS)
    assert (await last_words(server, sid))[1] == "server disconnect"
