"""Two workers of one uvicorn, joined by Redis."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING

import pytest

import fanio
from doors.servers import running
from fixtures.oracle import require_module
from fixtures.redis import until

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.redis import Redis

pytestmark = pytest.mark.differs("node", "python-socketio", reason="is about fanio's workers")


async def test_an_emit_reaches_the_clients_of_all_workers(redis: Redis, tmp_path: Path) -> None:
    require_module("redis", "uvicorn")
    channel = f"test-{uuid.uuid4().hex}"
    environ = {"FANIO_TEST_CLUSTER": json.dumps({"url": redis.url, "channel": channel})}
    with running("uvicorn", "clustered:app", tmp_path / "log", "--workers", "2", environ=environ) as server:
        server.wait_for("startup complete", 2)
        assert "not joined" not in server.output()
        got: list[list[int]] = []
        clients = []
        for _ in range(12):
            client = fanio.AsyncClient(reconnection=False)
            heard: list[int] = []
            client.on("n", heard.append)
            # Polling requests may come to another worker.
            await client.connect(server.url, namespaces=["/", "/control"], transports=["websocket"])
            clients.append(client)
            got.append(heard)
        await until(lambda: redis.listeners(channel) == 2)
        for n, client in enumerate(clients):
            await client.call("do", ("emit", {"event": "n", "data": n}), namespace="/control")
        await until(lambda: all(len(heard) == len(clients) for heard in got))
        assert all(sorted(heard) == list(range(len(clients))) for heard in got)
        for client in clients:
            await client.disconnect()
