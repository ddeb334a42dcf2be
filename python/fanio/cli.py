"""The command line: ``fanio run module:app``, with uvicorn's own options, and ``fanio bench``.

The options of ``run`` are uvicorn's command itself, so that none is copied and none is missing.
"""

from __future__ import annotations

import copy

import click
from uvicorn.main import main as uvicorn_command

import fanio
from fanio.bench.command import bench
from fanio.run import LOOP

__all__ = ["main"]


@click.group()
@click.version_option(fanio.__version__, prog_name="fanio")
def main() -> None:
    """Socket.IO for Python."""


def _run_command() -> click.Command:
    command = copy.copy(uvicorn_command)
    command.help = "Run an ASGI app, Socket.IO on fanio's own threads."
    command.context_settings = {**command.context_settings, "default_map": {"loop": LOOP}}
    return command


main.add_command(_run_command(), "run")
main.add_command(bench)
