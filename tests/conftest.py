"""What every test shares: the tools it may lack, the server to test, the pool of running servers.

`FANIO_TEST_ORACLE` names the server under test: `fanio` (default), or `node` (Socket.IO's own
server) and `python-socketio`, against which the tests check their own facts. With `CI=true` or
`FANIO_TEST_ALL=1` nothing is skipped for want of a tool: the test fails.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fixtures.oracle import ORACLE
from fixtures.server import Pool

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure(config: pytest.Config) -> None:
    """Registers the markers of these tests."""
    config.addinivalue_line(
        "markers",
        "differs(*oracles, reason): the named servers behave differently here, on purpose or not",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips what the oracle is known to do differently."""
    for item in items:
        for mark in item.iter_markers("differs"):
            if ORACLE in mark.args:
                reason = f"{ORACLE}: {mark.kwargs['reason']}"
                item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    """Running servers, shared by tests that want the same options."""
    with Pool(tmp_path_factory.mktemp("servers")) as servers:
        yield servers
