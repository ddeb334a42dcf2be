"""The servers of a comparison: how each is installed, started on its core, named with its versions, and stopped.

Another peer is one more entry of ``SERVERS``: a command that takes a port, prints ``ready <pid>`` and handles the
events of ``python/fanio/bench/handlers.py`` (see peers/). Nothing here measures.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["HERE", "ROOT", "SERVERS", "MissingError", "Server", "binary", "build", "running"]

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PEERS = HERE / "peers"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve()
START_SECONDS = 30


class MissingError(Exception):
    """A server that does not start here; the text says why."""


@dataclass
class Server:
    """One server: ``prepare`` installs what it needs and returns its command (without the port) and its versions."""

    name: str
    prepare: Callable[[], tuple[list[str], dict[str, str]]]
    # The longest burst it is asked for: a slow server would need minutes for one of 500 and joins nothing anyway.
    burst: int = 500
    # Messages before the measured phase, so that a compiler that works at run time has done its work.
    warmup: int = 20_000
    # Cases with more clients than this take it a minute a run, and are left out unless --full.
    most_clients: int = 20_000
    # At most so many rounds: what no goal compares with and takes long.
    rounds: int = 1_000
    # Only the cases that name it measure it.
    variant: bool = False
    # It compresses.
    deflate: bool = False
    command: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def install(self) -> str | None:
        """Make it ready to be started; return why it cannot be, when a tool, a package or a build is not there."""
        try:
            self.command, self.versions = self.prepare()
        except FileNotFoundError as error:
            return f"{error.filename} is not on this machine"
        except subprocess.CalledProcessError as error:
            lines = f"{error.stderr or ''}{error.stdout or ''}".strip().splitlines() or ["no output"]
            return f"{error.cmd[0]}: {lines[-1]}"
        return None


def output(*command: str | Path, cwd: Path | None = None) -> str:
    """Return what a command prints.

    A profile for quick development builds, set in the environment, is not for what is measured.
    """
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_PROFILE_")}
    done = subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True, env=environ)
    return done.stdout.strip()


def build() -> None:
    """Build the generator and the floor."""
    output("cargo", "build", "--release", "--quiet", "--package", "load", "--manifest-path", ROOT / "Cargo.toml")


def binary() -> str:
    """Return the path of the generator."""
    return str(TARGET / "release" / "load")


def prepare_floor() -> tuple[list[str], dict[str, str]]:
    return [binary(), "floor"], {"rustc": output("rustc", "--version").split()[1]}


def prepare_joined_floor() -> tuple[list[str], dict[str, str]]:
    command, versions = prepare_floor()
    return [*command, "--join", "16"], versions


def prepare_node() -> tuple[list[str], dict[str, str]]:
    folder = PEERS / "node"
    versions = {"node": output("node", "--version").lstrip("v")}
    if not (folder / "node_modules" / "socket.io").is_dir():
        output("npm", "ci", "--no-audit", "--no-fund", cwd=folder)
    for package in ("socket.io", "engine.io", "ws"):
        text = (folder / "node_modules" / package / "package.json").read_text()
        versions[package] = json.loads(text)["version"]
    return ["node", str(folder / "server.js")], versions


def prepare_socketioxide() -> tuple[list[str], dict[str, str]]:
    manifest = PEERS / "socketioxide" / "Cargo.toml"
    target = manifest.with_name("target")
    output("cargo", "build", "--release", "--quiet", "--locked", "--manifest-path", manifest, "--target-dir", target)
    lock = manifest.with_name("Cargo.lock").read_text()
    versions = {}
    for package in ("socketioxide", "axum", "tokio", "mimalloc"):
        versions[package] = lock.split(f'name = "{package}"\nversion = "', 1)[1].split('"', 1)[0]
    return [str(target / "release" / "socketioxide-peer")], versions


def prepare_netty() -> tuple[list[str], dict[str, str]]:
    folder = PEERS / "netty"
    java = subprocess.run(["java", "-version"], check=True, capture_output=True, text=True).stderr.split('"')[1]
    jars = folder / "target" / "dependency"
    source, built = folder / "src/main/java/Peer.java", folder / "target/classes/Peer.class"
    if not jars.is_dir() or not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        output("mvn", "--quiet", "--batch-mode", "package", cwd=folder)
    versions = {"java": java}
    for name in ("netty-socketio", "netty-transport"):
        (jar,) = jars.glob(f"{name}-[0-9]*.jar")
        versions[name] = jar.stem.removeprefix(f"{name}-")
    return ["java", "-cp", f"{built.parent}:{jars}/*", "Peer"], versions


def project_python() -> str:
    """Return the interpreter that has fanio: the project's, else the one that runs this."""
    found = ROOT / ".venv" / "bin" / "python"
    return os.environ.get("BENCH_PYTHON") or (str(found) if found.exists() else sys.executable)


def versions_in(python: str, *packages: str) -> dict[str, str]:
    """Return the versions of packages in an interpreter; fails when one is not there."""
    code = (
        "import importlib.metadata as m, json, platform, sys\n"
        "print(json.dumps({'python': platform.python_version()} | {n: m.version(n) for n in sys.argv[1:]}))"
    )
    versions: dict[str, str] = json.loads(output(python, "-c", code, *packages))
    return versions


def prepare_python_socketio() -> tuple[list[str], dict[str, str]]:
    packages = ("python-socketio", "python-engineio", "uvicorn", "uvloop", "httptools", "websockets")
    python = project_python()
    try:
        versions = versions_in(python, *packages)
    except subprocess.CalledProcessError:
        # A venv of its own with the same interpreter, so that the project's stays as it is.
        folder = TARGET / "python-peers"
        output(python, "-m", "venv", folder)
        python = str(folder / "bin" / "python")
        output(python, "-m", "pip", "install", "--quiet", "-r", PEERS / "requirements.txt")
        versions = versions_in(python, *packages)
    return [python, str(PEERS / "python_socketio_server.py")], versions


def prepare_fanio() -> tuple[list[str], dict[str, str]]:
    python = project_python()
    versions = versions_in(python, "orjson", "uvicorn", "uvloop")
    # Imported, not looked up: it also runs from the source folder on PYTHONPATH.
    output(python, "-c", "import fanio")
    versions["commit"] = output("git", "describe", "--always", "--dirty", cwd=ROOT)
    return [python, str(PEERS / "fanio_server.py")], versions


def prepare_fanio_deflate() -> tuple[list[str], dict[str, str]]:
    command, versions = prepare_fanio()
    # An option that it does not know is a warning.
    code = "import fanio; fanio.AsyncServer(per_message_deflate=True)"
    output(command[0], "-W", "error", "-c", code)
    return command, versions


SERVERS = {
    server.name: server
    for server in (
        Server("floor", prepare_floor),
        Server("fanio", prepare_fanio),
        Server("socketioxide", prepare_socketioxide),
        Server("node", prepare_node, burst=100, warmup=50_000),
        Server("netty-socketio", prepare_netty, burst=100, warmup=150_000, rounds=3),
        Server("python-socketio", prepare_python_socketio, burst=20, warmup=5_000, rounds=3, most_clients=2_000),
        Server("floor, 16 joined", prepare_joined_floor, variant=True),
        Server("fanio, compressed", prepare_fanio_deflate, variant=True, deflate=True),
        Server("node, compressed", prepare_node, warmup=50_000, variant=True, deflate=True),
    )
}


@contextmanager
def running(server: Server, core: int | None, port: int, **environ: str) -> Iterator[int]:
    """Run a server and give its pid.

    Args:
        server: One that is installed.
        core: The core that it gets; None leaves it all of them.
        port: Where it is to listen.
        **environ: More environment variables.

    Raises:
        MissingError: When it does not start.
    """
    command = [*([] if core is None else ["taskset", "-c", str(core)]), *server.command, str(port)]
    environ = os.environ | ({"BENCH_DEFLATE": "1"} if server.deflate else {}) | environ
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL, env=environ)
    try:
        yield ready(process, server.name, port)
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def ready(process: subprocess.Popen[str], name: str, port: int) -> int:
    """Wait for the line ``ready <pid>`` and for the port."""
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline().split() if readable else []
    if len(line) != 2 or line[0] != "ready":
        raise MissingError(f"{name} did not start (its messages are above)")
    deadline = time.monotonic() + START_SECONDS
    while not listens(port):
        if time.monotonic() > deadline or process.poll() is not None:
            raise MissingError(f"{name} does not listen on port {port}")
        time.sleep(0.02)
    return int(line[1])


def listens(port: int) -> bool:
    with socket.socket() as stream:
        return stream.connect_ex(("127.0.0.1", port)) == 0
