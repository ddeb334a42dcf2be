"""Each `connect` handler of a client is followed by one `disconnect` handler, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest

import fanio
from fanio import exceptions
from fixtures.impostor import OPEN, Script, accept_websocket, frame, serving

SECONDS = 10
NAMESPACES = ["/", "/a", "/b"]


class Heard:
    """What the handlers of each namespace heard, in order; they wait for as long as `wait` says."""

    def __init__(self, client: fanio.AsyncClient, wait: Callable[[], float], names: list[str] = NAMESPACES) -> None:
        self.heard: dict[str, list[str]] = {name: [] for name in names}
        for name in names:
            self._register(client, name, wait)

    def _register(self, client: fanio.AsyncClient, name: str, wait: Callable[[], float]) -> None:
        heard = self.heard[name]

        async def connect() -> None:
            heard.append("connecting")
            await asyncio.sleep(wait())
            heard.append("connected")

        async def disconnect(_reason: str) -> None:
            heard.append("disconnecting")
            await asyncio.sleep(wait())
            heard.append("disconnected")

        client.on("connect", connect, namespace=name)
        client.on("disconnect", disconnect, namespace=name)

    def assert_pairs(self) -> int:
        """Check each namespace's; return how many there were."""
        count = 0
        for name, heard in self.heard.items():
            pairs = len(heard) // 4
            assert heard == ["connecting", "connected", "disconnecting", "disconnected"] * pairs, name
            count += pairs
        return count


def capricious(chance: random.Random) -> Script:
    """A server that grants, refuses, ends namespaces and breaks connections as it likes."""

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)))
        await reader.read(1)
        granted: set[str] = set()
        for _ in range(chance.randrange(1, 9)):
            await asyncio.sleep(chance.choice([0, 0, 0.001, 0.003]))
            name = chance.choice(NAMESPACES)
            suffix = "" if name == "/" else f"{name},"
            if name not in granted:
                granted.add(name)
                writer.write(frame(f"40{suffix}" + '{"sid":"x"}'))
            elif chance.random() < 0.1:
                writer.write(frame(f"44{suffix}" + '{"message":"no"}'))
            elif chance.random() < 0.2:
                writer.write(frame(f"41{suffix}"))
        if chance.random() < 0.5:
            with contextlib.suppress(asyncio.TimeoutError):
                while await asyncio.wait_for(reader.read(1000), 0.01):
                    pass
        writer.transport.abort()
        raise OSError

    return script


async def live(chance: random.Random, url: str) -> int:
    client = fanio.AsyncClient(
        reconnection=chance.random() < 0.7, reconnection_delay=0.001, reconnection_delay_max=0.002
    )
    heard = Heard(client, lambda: chance.choice([0, 0, 0.001, 0.004]))
    connecting = asyncio.create_task(
        client.connect(
            url,
            transports="websocket",
            namespaces=NAMESPACES[: chance.randrange(1, 4)],
            wait=chance.random() < 0.7,
            wait_timeout=chance.choice([0.001, 0.05]),
            retry=chance.random() < 0.5,
        )
    )
    await asyncio.wait([connecting], timeout=chance.choice([0.001, 0.01, 0.03]))
    if chance.random() < 0.5:
        connecting.cancel()
    await asyncio.wait([connecting], timeout=0.02)
    await asyncio.wait_for(client.disconnect(), SECONDS)
    await asyncio.wait_for(asyncio.wait([connecting]), SECONDS)
    if not connecting.cancelled():
        connecting.exception()
    await asyncio.wait_for(client.disconnect(), SECONDS)
    await asyncio.wait_for(client.wait(), SECONDS)
    assert not client.connected
    return heard.assert_pairs()


@pytest.mark.parametrize("seed", range(10))
async def test_random_lives(seed: int) -> None:
    chance = random.Random(seed)
    pairs = 0
    async with serving(capricious(chance)) as url:
        for _ in range(25):
            pairs += sum(await asyncio.gather(*(live(chance, url) for _ in range(4))))
    # How many get as far as to be connected depends on the machine's load; some always do.
    assert pairs > 0


def cutting(granted: str, moment: asyncio.Event) -> Script:
    """A server that grants a namespace, and breaks the connection at a moment; later ones it only opens."""

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)))
        await reader.read(1)
        writer.write(frame(granted))
        await moment.wait()
        writer.transport.abort()
        raise OSError

    return script


async def test_a_disconnect_handler_waits_for_the_connect_handler() -> None:
    client, heard = fanio.AsyncClient(reconnection=False), []
    cut, go = asyncio.Event(), asyncio.Event()

    @client.event
    async def connect() -> None:
        cut.set()
        await go.wait()
        heard.append("connected")

    @client.event
    async def disconnect(reason: str) -> None:
        heard.append(reason)

    async with serving(cutting('40{"sid":"x"}', cut)) as url:
        await client.connect(url, transports="websocket", wait_timeout=0.1)
        while client.transport():
            await asyncio.sleep(0.001)
        assert heard == []
        go.set()
        await asyncio.wait_for(client.wait(), SECONDS)
    assert heard == ["connected", "transport error"] or heard == ["connected", "transport close"]


async def test_a_namespace_that_was_granted_before_another_is_told_of_the_end() -> None:
    client, cut = fanio.AsyncClient(), asyncio.Event()
    heard = Heard(client, lambda: 0)
    cut.set()
    async with serving(cutting('40/a,{"sid":"x"}', cut)) as url:
        with pytest.raises(exceptions.ConnectionError):
            await client.connect(url, transports="websocket", namespaces=["/a", "/b"], wait_timeout=SECONDS)
    assert heard.assert_pairs() == 1


async def test_reconnection_does_not_wait_for_a_connect_handler_that_does_not_end() -> None:
    client, heard = fanio.AsyncClient(reconnection_delay=0.001, reconnection_delay_max=0.001), []
    cut, end = asyncio.Event(), asyncio.Event()
    back = asyncio.Event()
    client.on("reconnect_attempt", lambda _count: back.set())

    @client.event
    async def connect() -> None:
        heard.append("connect")
        await end.wait()

    @client.event
    async def disconnect() -> None:
        heard.append("disconnect")

    async with serving(cutting('40{"sid":"x"}', cut)) as url:
        await client.connect(url, transports="websocket", wait_timeout=0.1)
        cut.set()
        await asyncio.wait_for(back.wait(), SECONDS)
        assert heard == ["connect"]
        leaving = asyncio.create_task(client.disconnect())
        await asyncio.sleep(0)
        end.set()
        await asyncio.wait_for(leaving, SECONDS)
    assert heard == ["connect", "disconnect"] * (len(heard) // 2)


@pytest.mark.parametrize("again", [True, False])
@pytest.mark.parametrize("event", ["connect", "disconnect"])
async def test_handlers_may_disconnect_and_connect(event: str, again: bool) -> None:
    client, heard = fanio.AsyncClient(reconnection=again), []
    cut, done = asyncio.Event(), asyncio.Event()
    client.on("connect", lambda: heard.append("connect"))
    client.on("disconnect", lambda _reason: heard.append("disconnect"))

    async def handler(*_args: Any) -> None:
        heard.append(event)
        if not done.is_set():
            done.set()
            await client.disconnect()
            with contextlib.suppress(exceptions.ConnectionError):
                await client.connect(url, transports="websocket", wait_timeout=0.2)

    client.on(event, handler)
    if event == "disconnect":
        cut.set()
    async with serving(cutting('40{"sid":"x"}', cut)) as url:
        with contextlib.suppress(exceptions.ConnectionError):
            await client.connect(url, transports="websocket", wait_timeout=0.2)
        await asyncio.wait_for(done.wait(), SECONDS)
        cut.set()
        await asyncio.sleep(0.1)
        await asyncio.wait_for(client.disconnect(), SECONDS)
        await asyncio.wait_for(client.wait(), SECONDS)
    assert heard == ["connect", "disconnect"] * (len(heard) // 2)
    assert heard


async def test_handlers_of_a_sync_client_may_disconnect() -> None:
    client, heard, done = fanio.Client(), [], threading.Event()

    @client.event
    def connect() -> None:
        client.disconnect()
        heard.append("connect")

    @client.event
    def disconnect() -> None:
        client.disconnect()
        heard.append("disconnect")
        done.set()

    cut = asyncio.Event()
    async with serving(cutting('40{"sid":"x"}', cut)) as url:
        await asyncio.to_thread(client.connect, url, transports="websocket", wait_timeout=SECONDS)
        assert await asyncio.to_thread(done.wait, SECONDS)
        await asyncio.wait_for(asyncio.to_thread(client.wait), SECONDS)
    assert heard == ["connect", "disconnect"]


#: Events of a client's own, and what the server does with its connections for them to happen.
OWN_EVENTS = [
    ("connect_error", ["refuse"]),
    ("connect_error", ["lose", "refuse"]),
    ("reconnect_attempt", ["lose", "stay"]),
    ("reconnect_error", ["lose", "refuse"]),
    ("reconnect_error", ["lose", "break", "break", "stay"]),
    ("reconnect_failed", ["lose", *["break"] * 9]),
    ("reconnect", ["lose", "stay"]),
    ("__disconnect_final", ["lose", "refuse"]),
]


def doing(*steps: str) -> Script:
    """A server that does this with one connection after the other."""
    left = list(steps)

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        step = left.pop(0) if left else "stay"
        if step == "break":
            writer.transport.abort()
            raise OSError
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)))
        await reader.read(1)
        writer.write(frame('44{"message":"no"}' if step == "refuse" else '40{"sid":"x"}'))
        if step == "lose":
            await asyncio.sleep(0.02)
            writer.transport.abort()
            raise OSError
        while await reader.read(1000):
            pass
        raise OSError

    return script


@pytest.mark.parametrize(("event", "steps"), OWN_EVENTS)
@pytest.mark.parametrize("connects", [False, True])
async def test_handlers_of_the_clients_own_events_may_disconnect_and_connect(
    event: str, steps: list[str], connects: bool
) -> None:
    client = fanio.AsyncClient(reconnection_delay=0.001, reconnection_delay_max=0.001, reconnection_attempts=3)
    heard, finals = [], []
    done = asyncio.Event()
    client.on("connect", lambda: heard.append("connect"))
    client.on("disconnect", lambda _reason: heard.append("disconnect"))
    if event != "__disconnect_final":
        client.on("__disconnect_final", lambda: finals.append(1))

    async def handler(*_args: Any) -> None:
        if not done.is_set():
            await client.disconnect()
            if connects:
                with contextlib.suppress(exceptions.ConnectionError):
                    await client.connect(url, transports="websocket", wait_timeout=0.2)
            done.set()

    client.on(event, handler)
    async with serving(doing(*steps)) as url:
        with contextlib.suppress(exceptions.ConnectionError):
            await client.connect(url, transports="websocket", wait_timeout=0.2)
        await asyncio.wait_for(done.wait(), 3)
        await asyncio.wait_for(client.disconnect(), 3)
        await asyncio.wait_for(client.wait(), 3)
    assert heard == ["connect", "disconnect"] * (len(heard) // 2)
    assert len(finals) <= 1 + connects
    assert len(asyncio.all_tasks()) == 1
