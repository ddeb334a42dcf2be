"""A function of the program's that handles an event, and what it takes.

Signatures are inspected once, at registration; nothing is found out by calling and catching
TypeError.
"""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any

from fanio._signature import parameters_of

if TYPE_CHECKING:
    from fanio.types import HandlerFunction

__all__ = ["Handler", "result_of"]


async def result_of(returned: Any) -> Any:
    """Return the result of a function of the application's, which may be async in any way.

    What a call has returned says whether to wait, not what the function looks like: a partial, an
    object with ``__call__`` or a plain function may return a coroutine too. Truth is taken of the
    result only; an object that waits to be awaited is always true.
    """
    while inspect.isawaitable(returned):
        returned = await returned
    return returned


class Handler:
    """A function and what was found out about it when it was registered."""

    __slots__ = ("function", "is_async", "positional", "waits")

    def __init__(self, function: HandlerFunction) -> None:
        """Inspect ``function``."""
        self.function = function
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 (an object whose call is async)
        )
        #: How many of its next events are expected to wait, as one has.
        self.waits = 0
        #: How many positional arguments it takes.
        self.positional = _positional(function)

    def trim(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return ``args``, without the last one when the function does not take it."""
        return args[:-1] if self.positional < len(args) else args


def _positional(function: HandlerFunction) -> int:
    parameters = parameters_of(function)
    if parameters is None:
        return sys.maxsize
    found = [parameter.kind for parameter in parameters.values()]
    if inspect.Parameter.VAR_POSITIONAL in found:
        return sys.maxsize
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in kinds for kind in found)
