"""A function of the application that handles an event, and the number of its parameters.

The signature is inspected once, at registration. A handler is never called on trial.
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
    """Return the result of a call of a function of the application, after awaiting it if necessary.

    A partial, an object with ``__call__`` or a plain function may return a coroutine too. So the returned object,
    not the function, decides whether to await. Callers must not test a returned object before it is awaited: a
    coroutine is always true.
    """
    while inspect.isawaitable(returned):
        returned = await returned
    return returned


class Handler:
    """A function with the facts about it that were found at registration."""

    __slots__ = ("function", "is_async", "positional", "waits")

    def __init__(self, function: HandlerFunction) -> None:
        """Inspect ``function``."""
        self.function = function
        self.is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 (an object whose call is async)
        )
        #: The number of next events that get a task of their own, because the handler has waited before.
        self.waits = 0
        #: The number of positional arguments that it accepts.
        self.positional = _positional(function)

    def trim(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return ``args``, without the last one when the function accepts fewer arguments."""
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
