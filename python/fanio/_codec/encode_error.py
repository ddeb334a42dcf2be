"""Finds the value in a packet's data that cannot be encoded, and names its place in the exception.

This runs only after encoding has failed. It encodes parts of the data again until it finds the one that fails.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable, Iterator
from typing import Any

from fanio._codec.packet import EVENT

__all__ = ["describe_encode_error"]

#: The search stops at this depth and names the value that contains the fault.
_MAX_DEPTH = 32


def describe_encode_error(
    error: Exception, payload: list[Any], encode: Callable[[Any], object], kind: int | None
) -> Exception:
    """Return an exception whose message has the value that cannot be encoded, and its place.

    Args:
        error: The exception that encoding ``payload`` raised.
        payload: The arguments; those of an event begin with its name.
        encode: Encodes any part of them.
        kind: The packet type.
    """
    exception = next((one for one in (TypeError, RecursionError) if isinstance(error, one)), ValueError)
    place, value, error = _search(error, payload, encode)
    if not place:
        return exception(str(error))
    number = place[0] if kind == EVENT else place[0] + 1
    where = f"argument {number}" + "".join(f"[{reprlib.repr(step)}]" for step in place[1:])
    return exception(f"{where} cannot be sent: {reprlib.repr(value)}: {error}")


def _search(error: Exception, payload: Any, encode: Callable[[Any], object]) -> tuple[list[Any], Any, Exception]:
    """Return the path to the smallest part that cannot be encoded, that part, and the exception for it."""
    place: list[Any] = []
    value = payload
    above = {id(payload)}
    while len(place) < _MAX_DEPTH:
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
    """Return the index, value and exception of the first item that cannot be encoded by itself; None without one."""
    for step, part in _parts(value):
        try:
            encode(part)
        except Exception as error:  # noqa: PERF203 (each part can fail; each library has exceptions of its own)
            return step, part, error
    return None


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple)):
        yield from enumerate(value)
