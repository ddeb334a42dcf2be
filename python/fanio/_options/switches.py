"""Switches that turn off optimizations, to find out whether one of them causes a fault.

Each switch is an option of the server and an environment variable. The variable has precedence, so that an operator
can use it without changing the application. They are meant for bug reports.
"""

from __future__ import annotations

import os

from fanio._options import values

__all__ = ["shares_tasks", "uses_inline_mode"]

_WORDS = {"1": True, "true": True, "0": False, "false": False}


def shares_tasks(given: bool = True) -> bool:
    """Return whether handlers that do not wait may share a task (``FANIO_SHARE_TASKS``)."""
    return _is_on("share_tasks", given)


def uses_inline_mode(given: bool = True) -> bool:
    """Return whether the event loop's thread may run a shard's turns itself (``FANIO_INLINE_MODE``)."""
    return _is_on("inline_mode", given)


def _is_on(name: str, given: bool) -> bool:
    """Return the value of the environment variable, or else of the option.

    Raises:
        TypeError: When the option is not a boolean.
        ValueError: When the environment variable has another value than 0, 1, true or false.
    """
    given = values.flag(name, given)
    variable = f"FANIO_{name.upper()}"
    word = os.environ.get(variable, "").lower()
    if word and word not in _WORDS:
        msg = f"{variable}: expected 0 or 1, got {word!r}"
        raise ValueError(msg)
    return _WORDS.get(word, given)
