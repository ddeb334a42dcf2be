"""`permessage-deflate` of the clients: offered when the application asks for it, and bounded."""

from __future__ import annotations

import asyncio
import contextlib
import json
import zlib
from typing import TYPE_CHECKING, Any

import pytest

import fanio
from fixtures.impostor import OPEN, Script, accept_websocket, frame, serving
from fixtures.oracle import require_module, require_node
from fixtures.relay import Relay

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

SECONDS = 20
AGREED = "permessage-deflate; server_no_context_takeover"
RSV1 = 0x40


@pytest.fixture(params=["fanio", "node", "python-socketio"])
def server(request: pytest.FixtureRequest, pool: Pool) -> Server:
    """A server of each kind that compresses for those who offer it."""
    if request.param == "python-socketio":
        # uvicorn's default.
        require_module("socketio", "websockets")
        return pool.get("wire", oracle=request.param)
    if request.param == "node":
        require_node("socket.io")
    return pool.get("wire", {"per_message_deflate": {"threshold": 1024}}, oracle=request.param)


async def bytes_of_an_echo(server: Server, size: int, transports: list[str], **options: Any) -> int:
    """How many bytes it takes to send an event and have it back."""
    heard: asyncio.Queue[Any] = asyncio.Queue()
    client = fanio.AsyncClient(**options)
    client.on("message-back", heard.put)
    async with Relay(server.port) as relay:
        await client.connect(relay.url, transports=transports, wait_timeout=SECONDS)
        while client.transport() != "websocket":
            await asyncio.sleep(0.01)
        before = relay.passed
        for value in ("x" * size, b"y" * size, "small"):
            await client.emit("message", value)
            assert await asyncio.wait_for(heard.get(), SECONDS) == value
        passed = relay.passed - before
        await client.disconnect()
    return passed


@pytest.mark.parametrize("transports", [["websocket"], ["polling", "websocket"]], ids=["websocket", "upgrade"])
async def test_messages_are_compressed_both_ways(server: Server, transports: list[str]) -> None:
    size = 100_000
    assert await bytes_of_an_echo(server, size, transports, per_message_deflate=True) < size // 4


async def test_nothing_is_offered_by_default(server: Server) -> None:
    size = 100_000
    assert await bytes_of_an_echo(server, size, ["websocket"]) > 4 * size


async def test_aiohttps_option_and_a_threshold(server: Server) -> None:
    size = 100_000
    extra = {"compress": 15}
    assert await bytes_of_an_echo(server, size, ["websocket"], websocket_extra_options=extra) < size // 4
    # The server compresses, the client does not.
    half = await bytes_of_an_echo(server, size, ["websocket"], per_message_deflate={"threshold": 2 * size})
    assert 2 * size < half < 3 * size


@pytest.mark.parametrize(
    "given", [{"threshold": -1}, {"level": 0}, {"level": 10}, {"window": 9}], ids=lambda given: next(iter(given))
)
def test_other_values_raise(given: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="per_message_deflate"):
        fanio.AsyncClient(per_message_deflate=given)


def deflated(data: bytes) -> bytes:
    """A message, compressed by itself."""
    compress = zlib.compressobj(wbits=-15)
    return (compress.compress(data) + compress.flush(zlib.Z_SYNC_FLUSH))[:-4]


def deflated_frame(data: bytes) -> bytes:
    """A compressed text frame of a server's."""
    assert 126 <= len(data) < 65536 or len(data) < 126
    length = bytes([len(data)]) if len(data) < 126 else b"\x7e" + len(data).to_bytes(2, "big")
    return bytes([0x81 | RSV1]) + length + data


def answering(extensions: str, *frames: bytes) -> Script:
    """A server that agrees to these extensions, and sends these frames when asked for a namespace."""

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = f"Sec-WebSocket-Extensions: {extensions}\r\n\r\n".encode()
        writer.write(accept_websocket(head).removesuffix(b"\r\n") + line + frame("0" + json.dumps(OPEN)))
        await reader.read(1)
        writer.write(frame('40{"sid":"x"}') + b"".join(frames))
        with contextlib.suppress(OSError):
            while await reader.read(1000):
                pass
        raise OSError

    return script


@pytest.mark.parametrize(
    ("extensions", "options"),
    [
        (AGREED, {}),
        ("permessage-deflate", {"per_message_deflate": True}),
        (f"{AGREED}; client_max_window_bits=15", {"per_message_deflate": True}),
        ("permessage-bzip2", {"per_message_deflate": True}),
    ],
    ids=["not-offered", "with-takeover", "unknown-parameter", "another"],
)
async def test_another_agreement_than_the_offer_is_refused(extensions: str, options: dict[str, Any]) -> None:
    client = fanio.AsyncClient(**options)
    async with serving(answering(extensions)) as url:
        with pytest.raises(fanio.exceptions.ConnectionError, match="an extension that nobody asked for"):
            await client.connect(url, transports="websocket", wait_timeout=SECONDS)


@pytest.mark.parametrize(
    "data",
    [
        deflated(b'42["x","' + b"x" * 1_000_000 + b'"]'),
        deflated(b'42["x"]')[:-3],
        b"\xff\xff\xff",
        deflated(b"42[\xff]"),
    ],
    ids=["bomb", "cut-off", "no-deflate", "no-utf-8"],
)
async def test_what_cannot_be_decompressed_ends_the_connection(data: bytes) -> None:
    client = fanio.AsyncClient(per_message_deflate=True, max_http_buffer_size=100_000, reconnection=False)
    heard: list[Any] = []
    client.on("x", heard.append)
    client.on("y", lambda: heard.append("y"))
    client.on("disconnect", heard.append)
    async with serving(answering(AGREED, deflated_frame(deflated(b'42["y"]')), deflated_frame(data))) as url:
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        await asyncio.wait_for(client.wait(), SECONDS)
    assert heard == ["y", "parse error"]
