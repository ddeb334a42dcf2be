"""Many clients in one process, and the memory of each."""

from __future__ import annotations

import json
import subprocess
import sys

from fixtures.oracle import TESTS

COUNT = 1000
#: For all of them together at 10,000 the goal is 200 MiB, of which Python itself takes 35.
KIB_EACH = 17


def test_a_thousand_clients_are_small() -> None:
    command = [sys.executable, str(TESTS.parent / "benches/clients.py"), str(COUNT), "websocket"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["KiB a client, called"] < KIB_EACH, found
    assert found["threads"] <= 3, found
