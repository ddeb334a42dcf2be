"""The comparison, with the floor, fanio, and a server that cannot be installed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from fixtures.oracle import require

ROOT = Path(__file__).parents[2]
LOAD = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release/load"


def compare(path, *arguments, environ=None):
    require(LOAD.exists(), f"{LOAD}: cargo build --release -p load")
    command = [sys.executable, ROOT / "benches/load/run.py", "--no-build", "--rounds", "1", "--seconds", "0.2"]
    command += ["--max-steal", "1", "--output", path, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | (environ or {}))


def test_record_has_ratios_machine_and_versions(tmp_path):
    path = tmp_path / "record.json"
    done = compare(path, "--only", "event with ack: 8 clients", "--servers", "floor", "fanio")
    assert done.returncode == 0, done.stderr
    record = json.loads(path.read_text())
    (case,) = record["cases"]
    assert all(case["runs"][server][0]["cpu_us_per_round_trip"] > 0 for server in ("floor", "fanio"))
    assert record["machine"]["cores"] >= 1
    assert "uvicorn" in record["versions"]["fanio"]
    assert "event with ack: 8 clients" in done.stdout


def test_peer_that_is_not_there_is_reported(tmp_path):
    # No PATH: neither npm nor node is found, but the floor and taskset must be.
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("taskset", "rustc", "git", "cargo"):
        found = subprocess.run(["which", tool], capture_output=True, text=True, check=True).stdout.strip()
        (tools / tool).symlink_to(found)
    path = tmp_path / "record.json"
    arguments = ("--only", "event with ack: 8 clients", "--servers", "floor", "node")
    done = compare(path, *arguments, environ={"PATH": str(tools)})
    assert done.returncode == 0, done.stderr
    assert "NOT MEASURED: node: node is not on this machine" in done.stdout
    assert json.loads(path.read_text())["not_measured"] == {"node": "node is not on this machine"}
