"""Broken and hostile servers: each ends with a named error, in bounded memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from typing import Any

import pytest

import fanio
from fixtures.impostor import OPEN, Script, accept_websocket, frame, response, serving

SECONDS = 10
ConnectionError = fanio.exceptions.ConnectionError


async def refused(script: Script, transport: str, match: str, **options: Any) -> Any:
    """Connects in vain; returns what connect_error heard."""
    client = fanio.AsyncClient(request_timeout=options.pop("request_timeout", SECONDS), **options)
    heard: list[Any] = []
    client.on("connect_error", heard.append)
    async with serving(script) as url:
        with pytest.raises(ConnectionError, match=match):
            await asyncio.wait_for(client.connect(url, transports=transport, wait_timeout=SECONDS), SECONDS)
    await asyncio.wait_for(client.wait(), SECONDS)
    return heard[0]


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize(
    ("answer", "match"),
    [
        (response("", "302 Found", "Location: http://example.com/\r\n"), "302 in server response: redirects are not"),
        (response("<html>", "500 Oops"), "Unexpected status code 500"),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", "no HTTP response"),
        (b"", "closed the connection"),
    ],
    ids=["redirect", "error", "other-protocol", "nothing"],
)
async def test_answers_that_are_no_handshake(answer: bytes, match: str, transport: str) -> None:
    async def script(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        raise OSError

    await refused(script, transport, match)


async def test_the_words_of_a_refusal_reach_connect_error() -> None:
    async def script(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response('{"code":5,"message":"Unsupported protocol version"}', "400 Bad Request"))

    assert await refused(script, "polling", "400") == {"code": 5, "message": "Unsupported protocol version"}


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_an_endless_head(transport: str) -> None:
    sent = 0

    async def script(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while sent < 50_000_000:
            writer.write(b"X-Pad: " + b"x" * 60_000)
            sent += 60_000
            await writer.drain()

    await refused(script, transport, "no HTTP response, or a head of more than")
    assert sent < 20_000_000, "the client stops reading"


@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_a_server_that_sends_nothing(transport: str) -> None:
    async def script(_head: str, reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read()

    await refused(script, transport, "in time", request_timeout=0.2)


@pytest.mark.parametrize(
    "packet",
    [
        "hello",
        "4x",
        "0",
        "0[]",
        '0{"sid":1}',
        "0" + json.dumps(OPEN | {"pingInterval": 0, "pingTimeout": 0}),
        "0" + json.dumps(OPEN | {"pingInterval": -5}),
        "0" + json.dumps(OPEN | {"pingInterval": "soon"}),
        "",
        "<html>",
    ],
)
@pytest.mark.parametrize("transport", ["polling", "websocket"])
async def test_first_packets_that_open_nothing(packet: str, transport: str) -> None:
    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if transport == "websocket":
            writer.write(accept_websocket(head) + frame(packet))
            await reader.read()
        else:
            writer.write(response(packet))

    await refused(script, transport, "packet|handshake")


async def test_a_websocket_handshake_with_another_key() -> None:
    async def script(_head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept_websocket("sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ=="))
        await reader.read()

    await refused(script, "websocket", "Sec-WebSocket-Accept")


async def test_compression_that_nobody_asked_for() -> None:
    async def script(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response("bomb", headers="Content-Encoding: gzip\r\n"))

    await refused(script, "polling", "compressed")


@pytest.mark.parametrize(
    "opening", [{}, {"pingInterval": 2**63, "pingTimeout": 2**63}, {"maxPayload": 0}, {"maxPayload": 1}]
)
async def test_odd_numbers_in_a_handshake_do_no_harm(opening: dict[str, int]) -> None:
    polls = 0

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal polls
        if head.startswith("POST"):
            writer.write(response("ok"))
            return
        polls += 1
        if polls == 1:
            writer.write(response("0" + json.dumps(OPEN | opening)))
        elif polls == 2:
            writer.write(response('40{"sid":"x"}'))
        else:
            await reader.read()

    client = fanio.AsyncClient(reconnection=False)
    async with serving(script) as url:
        await client.connect(url, transports="polling", wait_timeout=SECONDS)
        assert client.get_sid() == "x"
        await client.emit("event", "x" * 1000)
        await client.disconnect()


async def test_cookies_of_the_handshake_are_sent_again() -> None:
    heads: list[str] = []

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(head)
        if head.startswith("POST"):
            writer.write(response("ok"))
        elif len(heads) == 1:
            cookies = "Set-Cookie: route=a1; Path=/; HttpOnly\r\nSet-Cookie: mine=theirs\r\n"
            writer.write(response("0" + json.dumps(OPEN | {"upgrades": ["websocket"]}), headers=cookies))
        elif "websocket" in head:
            writer.write(response("", "400 Bad Request"))
        elif sum(one.startswith("GET") and "polling" in one for one in heads) == 2:
            writer.write(response('40{"sid":"x"}'))
        else:
            await reader.read()

    client = fanio.AsyncClient(reconnection=False)
    async with serving(script) as url:
        await client.connect(url, {"Cookie": "mine=1"}, wait_timeout=SECONDS)
        end = asyncio.get_running_loop().time() + SECONDS
        while not any("websocket" in head for head in heads):
            assert asyncio.get_running_loop().time() < end
            await asyncio.sleep(0.01)
        await client.disconnect()
    found = [re.findall(r"(?i)\r\ncookie: ([^\r]*)", head) for head in heads]
    assert found[0] == ["mine=1"]
    assert len(found) > 3
    assert all(cookies == ["mine=1; route=a1"] for cookies in found[1:])


@pytest.mark.parametrize(
    ("data", "reason", "options"),
    [
        (b"\x81\x7f" + (200_000_000).to_bytes(8, "big"), "parse error", {}),
        (b"\x81\x85abcd" + b"x" * 5, "parse error", {}),
        (b"\xc1\x01x", "parse error", {}),
        (frame("9"), "parse error", {}),
        (frame('42["connect"]'), "parse error", {}),
        (frame("4{nonsense"), "parse error", {}),
        (frame("42[nonsense"), "parse error", {}),
        (frame("42{}"), "parse error", {}),
        (frame('451-["a",{"_placeholder":true,"num":5}]'), "parse error", {}),
        (frame('4599-["a"]'), "parse error", {}),
        (frame('451-["a"]') + frame('42["b"]'), "parse error", {}),
        (b"\x82\x01x", "parse error", {}),
        (frame("42" + json.dumps(["big", "x" * 2000])), "parse error", {"max_http_buffer_size": 1000}),
        (b"\x88\x02\x03\xe8", "transport close", {}),
        (frame("1"), "transport close", {}),
        (b"", "ping timeout", {}),
    ],
)
async def test_sessions_that_break_the_rules(data: bytes, reason: str, options: dict[str, Any]) -> None:
    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pings = {"pingInterval": 100, "pingTimeout": 50} if not data else {}
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN | pings)))
        await reader.read(1)
        writer.write(frame('40{"sid":"x"}'))
        await writer.drain()
        writer.write(data)
        with contextlib.suppress(OSError):
            await reader.read()

    client = fanio.AsyncClient(reconnection=False, **options)
    gone: asyncio.Queue[str] = asyncio.Queue()
    client.on("disconnect", gone.put_nowait)
    async with serving(script) as url:
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        assert await asyncio.wait_for(gone.get(), SECONDS) == reason
        await asyncio.wait_for(client.wait(), SECONDS)


async def test_a_flood_that_nobody_takes_is_not_read() -> None:
    sent = 0

    async def script(head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)) + frame('40{"sid":"x"}'))
        event = frame("42" + json.dumps(["event", "x" * 60_000]))
        while sent < 200_000_000:
            writer.write(event)
            sent += len(event)
            await asyncio.wait_for(writer.drain(), 1)

    handled = 0
    release = asyncio.Event()

    async def slow(_text: str) -> None:
        nonlocal handled
        handled += 1
        await release.wait()

    client = fanio.AsyncClient(reconnection=False)
    client.on("event", slow)
    async with serving(script) as url:
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        end = asyncio.get_running_loop().time() + SECONDS
        before = -1
        while sent != before and asyncio.get_running_loop().time() < end:
            before = sent
            await asyncio.sleep(1.2)
        assert sent < 150_000_000
        assert 0 < handled < 3000
        release.set()
        await client.disconnect()
