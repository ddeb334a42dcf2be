"""The signatures of the application's functions.

From Python 3.14 on, annotations are evaluated when they are read, and may contain names that exist for type checkers
only. Therefore they are never evaluated here. Both ``_codec`` and ``_handlers`` use this module.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["own_signature", "parameters_of"]

_OPTIONS: dict[str, Any] = {}
if sys.version_info >= (3, 14):
    from annotationlib import Format

    _OPTIONS["annotation_format"] = Format.STRING


def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter] | None:
    """Return the parameters by name; None for a builtin without a signature."""
    try:
        return inspect.signature(function, **_OPTIONS).parameters
    except (TypeError, ValueError):
        return None


def own_signature(function: Callable[..., Any]) -> inspect.Signature | None:
    """Return the signature of a function, not that of one it wraps; None for a builtin without a signature."""
    try:
        return inspect.signature(function, follow_wrapped=False, **_OPTIONS)
    except (TypeError, ValueError):
        return None
