"""Servers that do not read: the client waits in bounded memory, and continues when they read again."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import fanio
from fixtures.impostor import OPEN, accept_websocket, frame, serving

SECONDS = 20


async def test_a_backlog_is_sent_when_the_server_reads_again() -> None:
    count, size = 2000, 10_000
    read = asyncio.Event()
    received = 0
    complete = asyncio.Event()

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal received
        # It sends nothing that would wake the client up.
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)) + frame('40{"sid":"x"}'))
        await writer.drain()
        await read.wait()
        while data := await reader.read(65536):
            received += len(data)
            if received > count * size:
                complete.set()

    # Emitting does not wait: the whole backlog is the client's.
    client = fanio.AsyncClient(reconnection=False, max_queue_bytes=1 << 25)
    async with serving(script) as url:
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        for _ in range(count):
            await client.emit("event", "x" * size)
        link = client._state.link
        assert link is not None
        before = -1
        while link.core.queued() != before:
            # Until the kernel takes no more.
            before = link.core.queued()
            await asyncio.sleep(0.05)
        assert before > 0
        read.set()
        await asyncio.wait_for(complete.wait(), SECONDS)
        await client.eio.disconnect(abort=True)


async def test_answers_that_are_not_taken_are_limited() -> None:
    size, limit = 60_000, 100_000_000
    sent = 0
    over = asyncio.Event()

    async def script(head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)) + frame('40{"sid":"x"}'))
        event = frame("421" + json.dumps(["echo", "x" * size]))
        try:
            while sent < limit:
                writer.write(event)
                sent += len(event)
                await asyncio.wait_for(writer.drain(), 2)
        except asyncio.TimeoutError:
            pass
        finally:
            over.set()
        await asyncio.sleep(SECONDS)

    def echo(text: Any) -> Any:
        return text

    client = fanio.AsyncClient(reconnection=False)
    client.on("echo", echo)
    async with serving(script) as url:
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        await asyncio.wait_for(over.wait(), SECONDS)
        link = client._state.link
        assert link is not None, "the connection stands, it only is not read from"
        assert link.core.queued() < 10_000_000
        assert sent < limit
        await client.eio.disconnect(abort=True)
