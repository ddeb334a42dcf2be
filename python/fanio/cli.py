"""The command line: ``fanio run module:app`` with all of uvicorn's options."""

from __future__ import annotations

import sys

import uvicorn.main

from fanio.run import LOOP

__all__ = ["main"]

_USAGE = """usage: fanio run MODULE:APP [uvicorn's options]
       fanio version

run      serve an ASGI application; `fanio run --help` lists the options
version  print the version
"""


def main(args: list[str] | None = None) -> None:
    """Run the command line.

    Args:
        args: The arguments; those of the process by default.
    """
    args = sys.argv[1:] if args is None else args
    if args[:1] == ["run"]:
        options = args[1:]
        if not any(option == "--loop" or option.startswith("--loop=") for option in options):
            options = ["--loop", LOOP, *options]
        if "" not in sys.path:
            # As uvicorn's own command does: the application is found in the working directory.
            sys.path.insert(0, "")
        uvicorn.main.main(args=options, prog_name="fanio run")
    elif args[:1] == ["version"]:
        from fanio import __version__  # noqa: PLC0415

        sys.stdout.write(f"{__version__}\n")
    else:
        sys.stderr.write(_USAGE)
        sys.exit(0 if args[:1] in (["--help"], ["-h"]) else 2)
