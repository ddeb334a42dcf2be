"""The command line: ``fanio run module:app``, ``fanio exec script.py`` and ``fanio bench``.

``fanio run`` copies uvicorn's command, so that it has all of uvicorn's options.
"""

from __future__ import annotations

import copy
import importlib.util
import runpy
import sys
from pathlib import Path
from typing import Any

import click
from uvicorn.main import main as uvicorn_command

import fanio
from fanio._compat import impersonation
from fanio.bench.command import bench
from fanio.run import LOOP

__all__ = ["main"]


def _impersonate(_context: click.Context, _option: click.Parameter, wanted: bool) -> bool:
    if wanted:
        try:
            impersonation.install_as_socketio()
        except RuntimeError as error:
            raise click.ClickException(str(error)) from error
        impersonation.tell_children()
    return wanted


def _as_socketio() -> click.Option:
    """Return the option that replaces ``socketio`` before the application is imported."""
    text = "Let `import socketio` and `import engineio` give fanio's."
    return click.Option(
        ["--as-socketio"], is_flag=True, is_eager=True, expose_value=False, callback=_impersonate, help=text
    )


@click.group()
@click.version_option(fanio.__version__, prog_name="fanio")
def main() -> None:
    """Socket.IO for Python."""


def _run_command() -> click.Command:
    command = copy.copy(uvicorn_command)
    command.help = "Run an ASGI app with uvicorn, and Socket.IO on fanio's own threads."
    command.context_settings = {**command.context_settings, "default_map": {"loop": LOOP}}
    command.params = [*command.params, _as_socketio()]
    return command


def _execute(target: str, arguments: tuple[str, ...], is_module: bool) -> None:
    if is_module:
        sys.argv = [target, *arguments]
        sys.path.insert(0, str(Path.cwd()))
        if not _is_there(target):
            msg = f"no such module: {target}"
            raise click.ClickException(msg)
        runpy.run_module(target, run_name="__main__", alter_sys=True)
        return
    if not Path(target).is_file():
        msg = f"no such file: {target}"
        raise click.ClickException(msg)
    sys.argv = [target, *arguments]
    sys.path.insert(0, str(Path(target).resolve().parent))
    runpy.run_path(target, run_name="__main__")


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError as error:
        # If a package fails to import another module, running it shows that error.
        return error.name is None or not f"{module}.".startswith(f"{error.name}.")


def _exec_command() -> click.Command:
    settings: dict[str, Any] = {"allow_interspersed_args": False, "ignore_unknown_options": True}
    params: list[click.Parameter] = [
        _as_socketio(),
        click.Option(["-m", "is_module"], is_flag=True, help="The target is a module, as of `python -m`."),
        click.Argument(["target"]),
        click.Argument(["arguments"], nargs=-1, type=click.UNPROCESSED),
    ]
    text = "Run a Python script, or a module with -m, as python does."
    return click.Command("exec", context_settings=settings, callback=_execute, params=params, help=text)


main.add_command(_run_command(), "run")
main.add_command(_exec_command())
main.add_command(bench)
