"""Clients with another parser than the default one: JavaScript's and python-socketio's."""

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

MODES = ["polling", "websocket", "polling,websocket"]
#: What a server with each parser cannot carry: JSON has no bytes.
LACKS = {"msgpack": "", "plain": "", "json": "binary"}

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="the oracles have no option for the parser here")


def names(file: str) -> list[str]:
    """The scenarios in a file."""
    return re.findall(r"^  async (\w+)\(", (JAVASCRIPT / file).read_text(), re.M)


SCENARIOS = [
    (parser, scenario)
    for parser, lacks in LACKS.items()
    for scenario in names("scenarios.mjs") + names(f"parser_{parser}.mjs")
    if not lacks or lacks not in scenario
]


@functools.cache
def results(url: str, transports: str, parser: str) -> dict[str, Any]:
    """What went wrong in each scenario; they all run in one Node process."""
    done = subprocess.run(
        ["node", str(JAVASCRIPT / "client.mjs"), url, transports, parser],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("transports", MODES)
@pytest.mark.parametrize(("parser", "scenario"), SCENARIOS)
def test_the_javascript_client(pool: Pool, parser: str, scenario: str, transports: str) -> None:
    require_node("socket.io-client", "socket.io-msgpack-parser")
    error = results(pool.get("wire", {"serializer": parser}).url, transports, parser)[scenario]
    assert not error, error
