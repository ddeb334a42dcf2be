"""``python -m fanio``: the command line."""

from __future__ import annotations

from fanio.cli import main

if __name__ == "__main__":
    main(prog_name="fanio")
