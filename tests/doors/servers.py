"""The command lines of the ASGI servers, and of their variants."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from fixtures.oracle import TESTS, require_module
from fixtures.server import Server, path_with

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

APPS = TESTS / "apps"

#: Command lines by name; "{app}" and "{port}" are filled in.
COMMANDS = {
    "uvicorn": ["-m", "uvicorn", "{app}", "--port", "{port}"],
    "fanio run": ["-m", "fanio", "run", "{app}", "--port", "{port}"],
    "hypercorn": ["-m", "hypercorn", "{app}", "--bind", "127.0.0.1:{port}"],
    "granian": ["-m", "granian", "--interface", "asgi", "{app}", "--port", "{port}"],
    "daphne": ["-m", "daphne", "{app}", "--port", "{port}", "--bind", "127.0.0.1"],
    "gunicorn": ["-m", "gunicorn", "{app}", "--bind", "127.0.0.1:{port}"],
}

#: Servers that cannot be asked for a port of the system's choice.
_NEED_A_PORT = ("granian", "daphne")


@contextlib.contextmanager
def running(
    name: str,
    app: str,
    log: Path,
    *arguments: str,
    environ: dict[str, str] | None = None,
    uds: str | None = None,
    fds: Sequence[int] = (),
) -> Iterator[Server]:
    """Runs a server.

    Args:
        name: One of `COMMANDS`.
        app: An object in tests/apps/anywhere.py, or "module:object".
        log: Where its output goes.
        *arguments: More of its command line.
        environ: Further environment variables; its PYTHONPATH goes first.
        uds: The Unix socket it listens on, for the clients of the tests.
        fds: Descriptors it inherits.
    """
    require_module(name.split(maxsplit=1)[0] if name != "gunicorn" else "uvicorn_worker")
    port = _free_port() if name in _NEED_A_PORT else 0
    target = app if ":" in app else f"anywhere:{app}"
    environ = environ or {}
    path = path_with(APPS)
    if "PYTHONPATH" in environ:
        path = environ["PYTHONPATH"] + os.pathsep + path
    settings = {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
    command = [part.format(app=target, port=port) for part in COMMANDS[name]]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *command, *arguments],
            cwd=APPS,
            env=os.environ | environ | settings,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            pass_fds=fds,
            # Of its own, so that no worker outlives a server that was stopped while it started.
            start_new_session=True,
        )
    try:
        server = Server(process, log, uds=uds)
        if port:
            server.wait_until_open()
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def says(server: Server, *lines: str) -> None:
    """Checks that the log names each of these doors once, and no other."""
    output = server.output()
    assert [output.count(line) for line in lines] == [1] * len(lines), output
    assert output.count("(door: ") == len(lines), output
