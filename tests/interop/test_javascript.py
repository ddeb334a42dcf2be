"""socket.io-client 4 in Node against our server: polling, WebSocket, and the upgrade between them."""

from __future__ import annotations

import functools
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import JAVASCRIPT, ORACLE, require_node

if TYPE_CHECKING:
    from fixtures.server import Pool

SCENARIOS = re.findall(r"^  async (\w+)\(", (JAVASCRIPT / "scenarios.mjs").read_text(), re.M)
MODES = ["polling", "websocket", "polling,websocket"]
DIFFERS = {
    "an_unknown_namespace_is_refused": "answers with a string",
}


@functools.cache
def results(url: str, transports: str) -> dict[str, Any]:
    """What went wrong in each scenario; they all run in one Node process."""
    done = subprocess.run(
        ["node", str(JAVASCRIPT / "client.mjs"), url, transports],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("transports", MODES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_javascript_client(pool: Pool, scenario: str, transports: str) -> None:
    require_node("socket.io-client")
    if ORACLE == "python-socketio" and scenario in DIFFERS:
        pytest.skip(f"python-socketio {DIFFERS[scenario]}")
    error = results(pool.get("wire").url, transports)[scenario]
    assert not error, error


@pytest.mark.differs("python-socketio", reason="leaves compression to the web server")
@pytest.mark.parametrize("transports", ["websocket", "polling,websocket"])
def test_the_javascript_client_compresses(pool: Pool, transports: str) -> None:
    require_node("socket.io-client")
    server = pool.get("wire", {"per_message_deflate": {"threshold": 0}})
    command = ["node", str(JAVASCRIPT / "deflate.mjs"), server.url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "permessage-deflate 5000 bytes\n", done.stdout + done.stderr
    errors = {name: error for name, error in results(server.url, transports).items() if error}
    assert not errors, errors


def test_the_client_comes_back_when_the_server_does(pool: Pool) -> None:
    require_node("socket.io-client")
    server = pool.start("wire")
    command = ["node", str(JAVASCRIPT / "reconnect.mjs"), server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        try:
            lines = iter(client.stdout.readline, "")
            assert [next(lines), next(lines)] == ["connect\n", "event hello\n"]
            server.stop()
            assert next(lines).startswith("disconnect transport ")
            server = pool.start("wire", run={"port": server.port})
            assert [next(lines), next(lines)] == ["connect\n", "event hello\n"]
        finally:
            client.kill()
            server.stop()
