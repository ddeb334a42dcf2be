"""State that libraries keep by task, context variable or greenlet belongs to one event, also if events share a task."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

import pytest

import fanio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fixtures.server import Pool

pytestmark = pytest.mark.differs("node", "python-socketio", reason="have a task for each event")

CLIENTS = 50
EVENTS = 20
SECONDS = 60
KINDS = [
    *(["timeout", "task_group"] if sys.version_info >= (3, 11) else []),
    "anyio_scopes",
    "structlog_context",
    "opentelemetry_spans",
    "sqlalchemy_sessions",
    "sentry_scopes",
]


@pytest.fixture(params=[{}, {"TASK_FACTORY": "1"}], ids=["shared tasks", "task factory"])
async def clients(request: pytest.FixtureRequest, pool: Pool) -> AsyncIterator[list[fanio.AsyncClient]]:
    """Connected clients, which disconnect in the end."""
    server = pool.get("libraries", environ=request.param)
    clients = [fanio.AsyncClient(reconnection=False) for _ in range(CLIENTS)]
    for client in clients:
        await client.connect(server.url, transports=["websocket"], wait_timeout=SECONDS)
    yield clients
    for client in clients:
        await client.disconnect()


@pytest.mark.parametrize("kind", KINDS)
async def test_each_event_has_its_own(clients: list[fanio.AsyncClient], kind: str) -> None:
    async def burst(client: fanio.AsyncClient, number: int, first: int) -> list[Any]:
        """Sends half of the events at once, with a few that wait; returns the answers."""
        answers: asyncio.Queue[Any] = asyncio.Queue()
        events = range(first, first + EVENTS // 2)
        for event in events:
            data = (number, event, (7 * number + event) % 11 == 0)
            await client.emit(kind, data, callback=lambda *answer, event=event: answers.put_nowait((event, *answer)))
        return sorted([await answers.get() for _ in events])

    async def converse(client: fanio.AsyncClient, number: int) -> None:
        first, second = await burst(client, number, 0), await burst(client, number, EVENTS // 2)
        assert first + second == [(event, event) for event in range(EVENTS)]

    await asyncio.wait_for(asyncio.gather(*map(converse, clients, range(CLIENTS))), SECONDS)
