"""A network that delays, splits, drops and resets: no event comes twice, and every loss is reported."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

import fanio
from fixtures.relay import Relay

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

SECONDS = 20


@pytest.fixture
def server(pool: Pool) -> Server:
    """fanio's server, which notices soon that a client is gone."""
    return pool.get("wire", {"ping_interval": 0.3, "ping_timeout": 0.3})


@pytest.fixture(params=["polling", "websocket", "upgrade"])
def transports(request: pytest.FixtureRequest) -> list[str]:
    """What the client may use."""
    return ["polling", "websocket"] if request.param == "upgrade" else [request.param]


class Program:
    """A program that emits numbered events and notes the outcome of each."""

    def __init__(self, server: Server, **options: Any) -> None:
        self.client = fanio.AsyncClient(reconnection_delay=0.02, reconnection_delay_max=0.1, **options)
        self.answered: Counter[int] = Counter()
        self.told: Counter[int] = Counter()
        self.emitted = 0
        self._server = server
        self._room = f"room {id(self)}"
        self.heard: list[int] = []
        self.listener = fanio.AsyncClient()

    async def start(self, url: str, transports: list[str]) -> None:
        """Connects, with a listener who is not behind the relay."""
        self.listener.on("said", self.heard.append)
        await self.listener.connect(self._server.url, transports="websocket", wait_timeout=SECONDS)
        await self.listener.call("join", self._room, timeout=SECONDS)
        await self.client.connect(url, transports=transports, wait_timeout=SECONDS)

    async def emit(self, count: int) -> None:
        """Emits numbers, some of them while the connection is away."""
        for _ in range(count):
            number = self.emitted
            self.emitted += 1
            await self.client.emit(
                "say",
                (self._room, number),
                callback=lambda number=number: self.answered.update([number]),
                on_error=lambda _error, number=number: self.told.update([number]),
            )
            await asyncio.sleep(0.002)

    async def settle(self) -> None:
        """Waits for the outcome of each."""
        end = asyncio.get_running_loop().time() + SECONDS
        while len(self.answered) + len(self.told) < self.emitted:
            assert asyncio.get_running_loop().time() < end, (self.emitted, self.answered, self.told)
            await asyncio.sleep(0.02)
        await self.client.disconnect()
        await self.listener.call("nothing", timeout=SECONDS)
        await self.listener.disconnect()

    def check_at_most_once(self) -> None:
        """No event twice; what was answered arrived; what did not arrive was told."""
        heard = Counter(self.heard)
        assert max(heard.values(), default=0) <= 1
        assert set(self.answered.values()) | set(self.told.values()) <= {1}
        assert not self.answered.keys() & self.told.keys()
        assert self.answered.keys() <= heard.keys()
        assert set(range(self.emitted)) - heard.keys() <= self.told.keys()
        assert self.heard == sorted(self.heard)


async def test_torn_and_late_bytes_change_nothing(server: Server, transports: list[str]) -> None:
    async with Relay(server.port) as relay:
        relay.torn, relay.delay = True, 0.01
        program = Program(server)
        await program.start(relay.url, transports)
        await program.emit(60)
        await program.settle()
    assert program.heard == list(range(60))
    assert not program.told


async def test_resets_lose_nothing_silently(server: Server, transports: list[str]) -> None:
    async with Relay(server.port) as relay:
        program = Program(server)
        await program.start(relay.url, transports)
        chance = random.Random(1)
        for _ in range(4):
            await program.emit(chance.randrange(20, 60))
            relay.reset()
        await program.emit(20)
        await program.settle()
    program.check_at_most_once()
    assert len(program.heard) > 20


async def test_a_black_hole_is_noticed_by_the_heartbeat(server: Server, transports: list[str]) -> None:
    async with Relay(server.port) as relay:
        program = Program(server, request_timeout=1)
        gone: asyncio.Queue[str] = asyncio.Queue()
        program.client.on("disconnect", gone.put_nowait)
        await program.start(relay.url, transports)
        await program.emit(10)
        relay.deaf = True
        await program.emit(10)
        reason = await asyncio.wait_for(gone.get(), SECONDS)
        assert reason in ("ping timeout", "transport error", "transport close")
        await program.emit(10)
        relay.deaf = False
        relay.reset()
        await program.settle()
    program.check_at_most_once()
    assert program.heard[-10:] == list(range(20, 30)), "what was emitted while away"


async def test_with_retries_everything_arrives(server: Server, transports: list[str]) -> None:
    async with Relay(server.port) as relay:
        program = Program(server, retries=10, ack_timeout=1.0)
        await program.start(relay.url, transports)
        for _ in range(3):
            await program.emit(20)
            relay.reset()
        await program.settle()
    assert not program.told
    assert set(program.heard) == set(range(60))
    first = list(dict.fromkeys(program.heard))
    assert first == sorted(first), "one at a time, in order"
