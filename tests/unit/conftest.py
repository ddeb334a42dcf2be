"""Servers on a fake core, for the tests of the Python package."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

sys.path.insert(0, str(Path(__file__).parent))

from fake_core import FakeCore

import fanio


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every AsyncServer use the fake core."""
    monkeypatch.setattr("fanio._core.Server", FakeCore)


@pytest_asyncio.fixture
async def serve(fake: None) -> AsyncIterator[Callable[..., tuple[fanio.AsyncServer, FakeCore]]]:
    """Return a function that makes a server with options, running on this loop, and its core."""
    made: list[fanio.AsyncServer] = []

    def start(**options: Any) -> tuple[fanio.AsyncServer, FakeCore]:
        server = fanio.AsyncServer(**options)
        server._serve_on(asyncio.get_running_loop())
        made.append(server)
        return server, server._core  # type: ignore[return-value]

    yield start
    for server in made:
        await server.shutdown()


class CountingCore:
    """Two shards with the core's own counters. Each counter has its own value, times ten in the second."""

    def __init__(self) -> None:
        sio = fanio.AsyncServer(shards=1)
        sio._core.start()
        names = list(sio._core.counters()[0])
        sio._core.stop()
        self.shards = [{name: number * by for number, name in enumerate(names, 1)} for by in (1, 10)]

    def counters(self) -> list[dict[str, int]]:
        return self.shards


@pytest.fixture
def core() -> CountingCore:
    """Return a core that has counted something of each."""
    return CountingCore()
