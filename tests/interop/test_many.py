"""18,000 idle connections in one server process, and a broadcast to all of them."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import TESTS, require
from fixtures.websocket import connected

if TYPE_CHECKING:
    from fixtures.server import Pool

COUNT = 18_000


@pytest.mark.differs("node", "python-socketio", reason="too slow to wait for")
def test_a_broadcast_reaches_18000_clients_once(pool: Pool) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    require(hard >= COUNT + 1000, f"{COUNT + 1000} file descriptors per process")
    server = pool.start("wire")
    try:
        done = subprocess.run(
            [sys.executable, str(TESTS / "interop" / "crowd.py"), str(server.port), str(COUNT)],
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, done.stderr + server.output()[-2000:]
        assert json.loads(done.stdout) == {"joined": COUNT, "right": COUNT, "wrong": 0}
        with connected(server) as client:
            assert client.is_served()
    finally:
        assert server.stop() in (0, -15)
