"""How each ASGI server is started, and which of its parts are chosen."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from fixtures.oracle import TESTS, require_module
from fixtures.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPS = TESTS / "apps"

#: Command lines by name; "{app}" and "{port}" are filled in.
COMMANDS = {
    "uvicorn": ["-m", "uvicorn", "{app}", "--port", "{port}"],
    "fanio": ["-m", "fanio", "run", "{app}", "--port", "{port}"],
    "hypercorn": ["-m", "hypercorn", "{app}", "--bind", "127.0.0.1:{port}"],
    "granian": ["-m", "granian", "--interface", "asgi", "{app}", "--port", "{port}"],
    "daphne": ["-m", "daphne", "{app}", "--port", "{port}", "--bind", "127.0.0.1"],
    "gunicorn": [
        "-m",
        "gunicorn",
        "{app}",
        "--bind",
        "127.0.0.1:{port}",
        "--worker-class",
        "uvicorn_worker.UvicornWorker",
    ],
}

#: Servers that cannot be asked for a port of the system's choice.
_NEED_A_PORT = ("granian", "daphne")


@contextlib.contextmanager
def running(
    name: str, app: str, log: Path, *arguments: str, environ: dict[str, str] | None = None, uds: str | None = None
) -> Iterator[Server]:
    """Runs a server.

    Args:
        name: One of `COMMANDS`.
        app: An object in tests/apps/anywhere.py, or "module:object".
        log: Where its output goes.
        *arguments: More of its command line.
        environ: More of its environment.
        uds: The Unix socket it listens on, for the clients of the tests.
    """
    if name != "fanio":
        require_module(name if name != "gunicorn" else "uvicorn_worker")
    port = _free_port() if name in _NEED_A_PORT else 0
    target = app if ":" in app else f"anywhere:{app}"
    command = [part.format(app=target, port=port) for part in COMMANDS[name]]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command, *arguments],
            cwd=APPS,
            env=os.environ | {"PYTHONPATH": str(APPS), "PYTHONUNBUFFERED": "1"} | (environ or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )
    try:
        yield Server(process, log, uds=uds)
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port
