"""README.md's table of options against the options that ``AsyncServer`` takes.

Owns the table's names and defaults. What each option means is prose, which no test can check.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import fanio
from fanio._options import keys
from fanio._options.server import WireOptions

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()


def options_of_the_table():
    """The default of each option as README.md shows it, by the option's name."""
    table = README.partition("<!-- options -->")[2].partition("<!-- /options -->")[0]
    return dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", table, re.MULTILINE))


def shown(default):
    """A default as README.md shows it: numbers with commas, text with double quotes."""
    if isinstance(default, int) and not isinstance(default, bool):
        return f"{default:,}"
    return f'`"{default}"`' if isinstance(default, str) else f"`{default!r}`"


def named_arguments():
    """The default of each argument that ``AsyncServer`` names itself."""
    parameters = inspect.signature(fanio.AsyncServer).parameters.values()
    return {
        parameter.name: parameter.default for parameter in parameters if parameter.kind is not parameter.VAR_KEYWORD
    }


def test_the_readme_lists_every_option_and_no_other():
    assert set(options_of_the_table()) == set(keys.ServerOptions.__annotations__) | set(named_arguments())


def test_the_readme_shows_the_default_of_every_option():
    defaults = {name: option.default for name, option in WireOptions.__dataclass_fields__.items() if option.init}
    # Options that the server reads itself; test_options.py compares their defaults with the keys.
    defaults |= {"always_connect": False, "async_mode": None, "engineio_logger": False, "monitor_clients": None}
    defaults |= {"serializer": "default", **named_arguments()}
    assert options_of_the_table() == {name: shown(default) for name, default in defaults.items()}


def test_the_files_that_the_architecture_names_are_there():
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`([\w/]+\.(?:rs|py))`", text))
    folders = [ROOT / name for name in ("rust", "python", "tests", "benches")]
    files = [path.as_posix() for folder in folders for path in folder.rglob("*.*")]
    assert named
    assert [name for name in sorted(named) if not any(path.endswith(f"/{name}") for path in files)] == []
