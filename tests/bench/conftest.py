"""Servers to measure: fanio's own, python-socketio's, and one with deliberate faults."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from fanio.bench.driver import own_server
from faulty import Faulty

PEERS = Path(__file__).parents[2] / "benches/load/peers"


@pytest.fixture(scope="session")
def fanio_server():
    """The URL and the pid of a fanio server with the handlers."""
    with own_server({"shards": 2}) as server:
        yield server


@pytest.fixture(scope="session")
def python_socketio_server():
    """The URL and the pid of a python-socketio server with the same handlers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = PEERS / "python_socketio_server.py"
    process = subprocess.Popen([sys.executable, str(server), str(port)], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while not listens(port):
            assert process.poll() is None and time.monotonic() < deadline, "python-socketio does not listen"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait(20)


def listens(port):
    """Whether a server is there."""
    with socket.socket() as stream:
        return stream.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def faulty_server():
    """A function that starts a server with one fault and returns its URL."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    servers = []

    def start(fault, *at):
        server = Faulty(fault, *at)
        servers.append(server)
        port = asyncio.run_coroutine_threadsafe(server.start(), loop).result(20)
        return f"http://127.0.0.1:{port}"

    yield start
    for server in servers:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
