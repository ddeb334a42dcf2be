"""The standard JSON module with a limit on the digits of an integer, as in python-engineio.

It is a module of its own because applications see it as ``engineio.json``.
"""

from __future__ import annotations

import json as _json
from json import *  # noqa: F403 (this module replaces it)
from typing import Any

_MAX_DIGITS = 100


def _bounded(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        msg = "Integer is too large"
        raise ValueError(msg)
    return int(digits)


def loads(*args: Any, **kwargs: Any) -> Any:  # type: ignore[no-redef]
    """Return the value of a JSON text, as ``json.loads`` does."""
    return _json.loads(*args, **{"parse_int": _bounded, **kwargs})
