"""Adapts the value of the option ``json`` to one function that encodes and one that decodes.

The option accepts a module or an object with ``dumps`` and ``loads``, or with ``encode`` and ``decode`` like
``msgspec.json``. ``dumps`` may have the standard module's parameter ``separators``, and may return text or bytes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fanio._signature import parameters_of

if TYPE_CHECKING:
    from fanio.types import JsonModule

__all__ = ["functions"]

Dumps = Callable[[Any], "str | bytes"]
Loads = Callable[[bytes], Any]

_COMPACT = (",", ":")


def functions(module: JsonModule | object) -> tuple[Dumps, Loads]:
    """Return the function that encodes and the one that decodes.

    Raises:
        TypeError: When the module has neither pair of functions.
    """
    dumps, loads = getattr(module, "dumps", None), getattr(module, "loads", None)
    if callable(dumps) and callable(loads):
        return _compact(dumps), partial(_from_text, loads)
    encode, decode = getattr(module, "encode", None), getattr(module, "decode", None)
    if dumps is None and callable(encode) and callable(decode):
        return encode, decode
    msg = f"json: expected a module or an object with the functions dumps and loads, got {module!r}"
    raise TypeError(msg)


def _compact(dumps: Callable[..., str | bytes]) -> Dumps:
    return partial(dumps, separators=_COMPACT) if _takes_separators(dumps) else dumps


def _takes_separators(dumps: Callable[..., Any]) -> bool:
    parameters = parameters_of(dumps)
    if parameters is None:
        # The signature is unknown, so the call is tried with an empty list.
        try:
            dumps([], separators=_COMPACT)
        except TypeError:
            return False
        return True
    kinds = {parameter.kind for parameter in parameters.values()}
    return "separators" in parameters or inspect.Parameter.VAR_KEYWORD in kinds


def _from_text(loads: Callable[[str], Any], data: bytes) -> Any:
    return loads(data.decode())
