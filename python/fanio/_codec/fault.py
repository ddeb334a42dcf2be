"""Where in the data of a packet the value is that cannot be encoded: for the message of the exception.

Runs only when encoding has failed, and encodes parts of the data again to find the one that fails.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from typing import Any

from fanio._codec.packet import EVENT

__all__ = ["locate"]

#: So deep a place is looked for; what lies deeper is told as being inside.
_DEEPEST = 32


def locate(error: Exception, payload: list[Any], encode: Callable[[Any], object], kind: int | None) -> Exception:
    """Return an exception that names the value at fault and its place.

    Args:
        error: What encoding ``payload`` has raised.
        payload: The arguments; an event's begin with its name.
        encode: Encodes any part of them, and raises as for the whole.
        kind: The packet's type.
    """
    exception = next((one for one in (TypeError, RecursionError) if isinstance(error, one)), ValueError)
    place, value, error = _search(error, payload, encode)
    if not place:
        return exception(str(error))
    number = place[0] if kind == EVENT else place[0] + 1
    where = f"argument {number}" + "".join(f"[{reprlib.repr(step)}]" for step in place[1:])
    return exception(f"{where} cannot be sent: {reprlib.repr(value)}: {error}")


def _search(error: Exception, payload: Any, encode: Callable[[Any], object]) -> tuple[list[Any], Any, Exception]:
    """Return the way to the smallest part that cannot be encoded, that part, and why."""
    place: list[Any] = []
    value = payload
    above = {id(payload)}
    while len(place) < _DEEPEST:
        found = _failing(value, encode)
        if found is None:
            break
        step, value, error = found
        place.append(step)
        if id(value) in above:
            return place, value, ValueError("it contains itself")
        above.add(id(value))
    return place, value, error


def _failing(value: Any, encode: Callable[[Any], object]) -> tuple[Any, Any, Exception] | None:
    """Return the first part of a value that cannot be encoded by itself."""
    for step, part in _parts(value):
        try:
            encode(part)
        except Exception as error:  # noqa: PERF203 (each part; each library has exceptions of its own)
            return step, part, error
    return None


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
