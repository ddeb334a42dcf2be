"""The Redis server and the clusters of these tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.redis import Cluster, Redis

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fixtures.server import Pool


@pytest.fixture(scope="session")
def redis() -> Iterator[Redis]:
    """A Redis server that all tests share: each cluster has a channel of its own."""
    server = Redis()
    server.start()
    yield server
    server.kill()


@pytest.fixture
def own_redis() -> Iterator[Redis]:
    """A Redis server that the test may kill; it is not started."""
    server = Redis()
    yield server
    server.kill()


@pytest.fixture
async def cluster(redis: Redis, pool: Pool) -> AsyncIterator[Cluster]:
    """A cluster without servers."""
    found = Cluster(redis, pool)
    yield found
    await found.close()


@pytest.fixture
async def own_cluster(own_redis: Redis, pool: Pool) -> AsyncIterator[Cluster]:
    """The same over a Redis server of the test's own."""
    found = Cluster(own_redis, pool)
    yield found
    await found.close()
