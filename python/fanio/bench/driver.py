"""Runs the load generator in a thread, and fanio's own server as a process to measure.

The thread lets the main thread show the progress and react to Ctrl-C. Terminals and command lines are ``command``'s.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from fanio._core import Load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MODES", "BenchError", "own_server", "run"]

#: The modes of the load generator.
MODES = ("broadcast", "mixed", "echo", "connect", "idle")

Report: TypeAlias = "dict[str, str | int | float]"
#: Called with the phase, the part of it that is done (0 to 1), its count so far, and new lines to print.
Progress: TypeAlias = "Callable[[str, float, int, list[str]], None]"

_LOOK_SECONDS = 0.1
_START_SECONDS = 30.0


class BenchError(RuntimeError):
    """The server lost, doubled or reordered a message, sent a wrong response, or could not be reached."""


def run(mode: str, url: str, *, progress: Progress | None = None, **options: Any) -> Report:
    """Measure a server; call it on the main thread so that Ctrl-C can end it.

    Args:
        mode: One of ``MODES``.
        url: ``http://host:port``, with a path if it is not ``/socket.io/``.
        progress: Called about ten times a second with the progress of the run.
        **options: The load generator's options, with ``_`` for ``-``. A list repeats an option, True gives an option
            without a value, None and False leave it out. See ``fanio bench --help``.

    Returns:
        The figures by name; the name contains the unit.

    Raises:
        BenchError: When the server did something wrong or a client failed.
        ValueError: For options that the mode does not have.
        KeyboardInterrupt: When the user has interrupted the run; an idle run returns its figures instead.
    """
    load = Load(mode, [*_arguments(options), url])
    outcome: list[Report | Exception] = []
    done = threading.Event()

    def work() -> None:
        try:
            outcome.append(load.run())
        except (RuntimeError, ValueError) as error:
            outcome.append(error)
        finally:
            done.set()

    threading.Thread(target=work, name="fanio-bench").start()
    interrupted = _watch(load, done, progress)
    result = outcome[0]
    if interrupted and isinstance(result, Exception):
        raise KeyboardInterrupt
    if isinstance(result, RuntimeError):
        raise BenchError(str(result))
    if isinstance(result, Exception):
        raise result
    return result


def _watch(load: Load, done: threading.Event, progress: Progress | None) -> bool:
    """Wait until the run ends; return whether the user has interrupted it."""
    try:
        while not done.wait(_LOOK_SECONDS):
            if progress:
                progress(*load.progress(), load.lines())
    except KeyboardInterrupt:
        return True
    finally:
        load.cancel()
        done.wait()
    if progress:
        progress(*load.progress(), load.lines())
    return False


def _arguments(options: dict[str, Any]) -> list[str]:
    arguments = []
    for name, value in options.items():
        option = "--" + name.replace("_", "-")
        for one in value if isinstance(value, (list, tuple)) else [value]:
            if one is True:
                arguments.append(option)
            elif one is not None and one is not False:
                arguments += [option, str(one)]
    return arguments


@contextmanager
def own_server(options: dict[str, Any], namespace: str | None = None) -> Iterator[tuple[str, int]]:
    """Serve ``fanio.bench.app`` in a process of its own; yield its URL and pid.

    Args:
        options: Arguments of its ``AsyncServer``.
        namespace: The namespace of its handlers; None is the default namespace.

    Raises:
        BenchError: When it does not start; the text has the output of the process.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "fanio", "run", "fanio.bench.app:app", "--port", str(port)]
    command += ["--backlog", "4096", "--log-level", "warning", "--no-access-log"]
    with tempfile.TemporaryFile() as log:
        settings = {"FANIO_BENCH_OPTIONS": json.dumps(options), "FANIO_BENCH_NAMESPACE": namespace or "/"}
        process = subprocess.Popen(command, env=os.environ | settings, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            _wait_for(port, process, log)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Any) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as stream:
            if stream.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    log.seek(0)
    raise BenchError(f"fanio's own server does not start:\n{log.read().decode(errors='replace')}")
