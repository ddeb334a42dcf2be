"""AsyncSimpleClient without a server: the events that wait for `receive`."""

from __future__ import annotations

import asyncio

import pytest

import fanio
from fanio import async_simple_client, exceptions


async def test_events_are_taken_in_order():
    client = fanio.AsyncSimpleClient()
    client.connected = True
    await client._take("a", 1)
    await client._take("b")
    assert await client.receive() == ["a", 1]
    assert await client.receive(timeout=1) == ["b"]
    with pytest.raises(exceptions.TimeoutError):
        await client.receive(timeout=0.01)


async def test_handlers_wait_when_nobody_takes_their_events(monkeypatch):
    monkeypatch.setattr(async_simple_client, "_MAX_WAITING", 2)
    client = fanio.AsyncSimpleClient()
    client.connected = True
    await client._take(1)
    await client._take(2)
    third = asyncio.ensure_future(client._take(3))
    await asyncio.sleep(0)
    assert not third.done()
    assert [await client.receive() for _ in range(3)] == [[1], [2], [3]]
    await asyncio.wait_for(third, 5)


async def test_waiting_calls_learn_of_the_end():
    client = fanio.AsyncSimpleClient()
    inner = fanio.AsyncClient()
    client._register(inner)
    client.connected = True
    waiting = asyncio.ensure_future(client.receive())
    await asyncio.sleep(0)
    await inner._dispatcher.trigger("__disconnect_final", "/")
    with pytest.raises(exceptions.DisconnectedError):
        await waiting
    with pytest.raises(exceptions.DisconnectedError):
        await client.emit("x")
