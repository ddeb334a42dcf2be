"""Switches that turn off what makes fanio fast, to find out whether a fault lies there.

For bug reports: each is an option of the server and an environment variable, which goes first, so that
an operator can try without a change of the application.
"""

from __future__ import annotations

import os

from fanio._options import values

__all__ = ["lends_shards", "shares_tasks"]

_WORDS = {"1": True, "true": True, "0": False, "false": False}


def shares_tasks(given: bool = True) -> bool:
    """Return whether handlers that do not wait may share a task (``FANIO_SHARE_TASKS``)."""
    return _is_on("share_tasks", given)


def lends_shards(given: bool = True) -> bool:
    """Return whether a shard may lend itself to the loop's thread (``FANIO_LEND_SHARDS``)."""
    return _is_on("lend_shards", given)


def _is_on(name: str, given: bool) -> bool:
    """Return what the environment says, or the application.

    Raises:
        TypeError: When the application's value is no bool.
        ValueError: When the environment's is no such word.
    """
    given = values.flag(name, given)
    variable = f"FANIO_{name.upper()}"
    word = os.environ.get(variable, "").lower()
    if word and word not in _WORDS:
        msg = f"{variable}: expected 0 or 1, got {word!r}"
        raise ValueError(msg)
    return _WORDS.get(word, given)
