"""Checks that servers and clients share: the types of options, and unknown names of options."""

from __future__ import annotations

import decimal
import difflib
import math
import numbers
import sys
import warnings
from collections.abc import Iterable
from typing import Any

__all__ = [
    "check_count",
    "check_flag",
    "check_function",
    "check_seconds",
    "check_text",
    "unexpected",
    "warn_application",
    "warn_unknown",
]

#: The core counts in 64 bits.
_MOST = 2**63 - 1


def unexpected(name: str, expected: str, given: object) -> TypeError:
    """Return the exception for a value of the wrong type."""
    return TypeError(f"{name}: expected {expected}, got {given!r}")


def check_seconds(name: str, value: Any, *, least: float = 0, above: float | None = None) -> None:
    """Check a number of seconds.

    Raises:
        TypeError: When it is not a number.
        ValueError: When it is not finite, below ``least`` or not above ``above``.
    """
    _check_number(name, value, "seconds, a number", least, above)


def check_count(name: str, value: Any, *, least: int = 0) -> None:
    """Check a whole number.

    Raises:
        TypeError: When it is not a number.
        ValueError: When it is below ``least`` or not whole.
    """
    _check_number(name, value, "a whole number", least, None)
    if value != int(value) or value > _MOST:
        msg = f"{name}: expected a whole number up to {_MOST}, got {value!r}"
        raise ValueError(msg)


def _check_number(name: str, value: Any, what: str, least: float, above: float | None) -> None:
    bound = f"of at least {least}" if above is None else f"above {above}"
    msg = f"{name}: expected {what} {bound}, got {value!r}"
    if not isinstance(value, (numbers.Real, decimal.Decimal)) or isinstance(value, bool):
        raise TypeError(msg)
    if not _is_finite(value) or value < least or (above is not None and value <= above):
        raise ValueError(msg)


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer that is larger than every float
        return False


def check_flag(name: str, value: Any) -> None:
    """Check a boolean, for which 0 and 1 are accepted too.

    Raises:
        TypeError: When it is something else.
    """
    if not isinstance(value, bool) and value not in (0, 1):
        raise unexpected(name, "True or False", value)


def check_text(name: str, value: Any, what: str) -> None:
    """Check that a value is text; ``what`` describes the expected text in the message.

    Raises:
        TypeError: When it is something else.
    """
    if not isinstance(value, str):
        raise unexpected(name, what, value)


def check_function(name: str, value: Any) -> None:
    """Check that a value is None or can be called.

    Raises:
        TypeError: When it is something else.
    """
    if value is not None and not callable(value):
        raise unexpected(name, "a function", value)


def warn_unknown(names: Iterable[str], known: Iterable[str], owner: str) -> None:
    """Warn about options of ``owner`` that do not exist, and suggest similar names."""
    known = list(known)
    for name in sorted(names):
        near = difflib.get_close_matches(name, known, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        warn_application(f"{owner}: unknown option {name!r}{hint}")


def warn_application(message: str) -> None:
    """Warn at the application's line that called this package."""
    package = __name__.partition(".")[0]
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == package:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)
