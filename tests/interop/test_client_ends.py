"""Odd moments for an end: from within a handler, without anybody who waits, in the middle of retries."""

from __future__ import annotations

import asyncio
import contextlib
import json

import pytest

import fanio
from fixtures.impostor import OPEN, Script, accept_websocket, frame, serving

SECONDS = 10


def saying(*packets: str) -> Script:
    """A server that says this when a namespace is asked for, and closes when the client does."""

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)))
        await reader.read(1)
        for packet in packets:
            writer.write(frame(packet))
        with contextlib.suppress(OSError):
            while data := await reader.read(1000):
                if data[-8:-6] == b"\x88\x82":
                    break
        raise OSError

    return script


@pytest.mark.parametrize("last", ["41", '44{"message":"no more"}'])
async def test_a_handler_of_the_end_may_disconnect(last: str) -> None:
    client = fanio.AsyncClient()
    done = asyncio.Event()

    async def end(_why: object) -> None:
        await client.disconnect()
        done.set()

    client.on("disconnect", end)
    client.on("connect_error", end)
    async with serving(saying('40{"sid":"x"}', last)) as url:
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        await asyncio.wait_for(done.wait(), SECONDS)
        await asyncio.wait_for(client.wait(), SECONDS)
    assert not client.connected


async def test_a_refusal_that_nobody_waits_for_ends_the_connection() -> None:
    client = fanio.AsyncClient()
    heard: list[str] = []
    client.on("connect_error", lambda _data: heard.append("refused"))
    client.on("__disconnect_final", lambda: heard.append("final"))
    async with serving(saying('44{"message":"no"}')) as url:
        await client.connect(url, transports="websocket", wait=False)
        await asyncio.wait_for(client.wait(), SECONDS)
    assert heard == ["refused", "final"]
    assert not client.connected


async def test_who_does_not_wait_for_retries_any_more_ends_them() -> None:
    client = fanio.AsyncClient(reconnection_delay=0.01, reconnection_delay_max=0.01)
    tried = asyncio.Event()
    client.on("reconnect_error", lambda _error: tried.set())
    connecting = asyncio.create_task(client.connect("http://127.0.0.1:1", retry=True))
    await asyncio.wait_for(tried.wait(), SECONDS)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await asyncio.wait_for(client.wait(), SECONDS)
    assert asyncio.all_tasks() == {asyncio.current_task()}
