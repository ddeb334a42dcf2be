"""The arguments with which handlers are called, and the check that a function accepts them.

The check runs when a handler is registered, so that the traceback of a mistake points at the registration.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING

from fanio._signature import own_signature

if TYPE_CHECKING:
    from fanio.types import HandlerFunction

__all__ = ["CLIENT", "ENGINE", "SERVER", "HandlerArguments"]

#: One way to call a handler: the names of the arguments.
Form = tuple[str, ...]

_MORE = "*args"


class HandlerArguments:
    """The arguments of the handlers of servers, or those of the handlers of clients."""

    def __init__(self, own: Mapping[str, tuple[Form, ...]], others: Form) -> None:
        """Define the ways to call a handler.

        Args:
            own: For each event of the library itself, the ways to call its handler, the longest first.
            others: The first arguments of the handlers of all other events.
        """
        self._own = own
        self._others = others

    @property
    def events(self) -> tuple[str, ...]:
        """The events of the library itself, such as "connect"."""
        return tuple(self._own)

    def check(self, function: HandlerFunction, event: str, namespace: str, before: Form = ()) -> None:
        """Check that a function can handle an event.

        Args:
            function: The handler.
            event: The event; "*" for a catch-all.
            namespace: The namespace; "*" for all of them.
            before: Names of arguments that the message shows first, such as ``self``.

        Raises:
            TypeError: When it is not a function, accepts too few arguments, or needs too many.
        """
        if not callable(function):
            msg = f"the handler of {event!r}: expected a function, got {function!r}"
            raise TypeError(msg)
        signature = own_signature(function)
        forms = self._forms(event, namespace)
        if signature is None or any(_takes(signature, form) for form in forms):
            return
        name = getattr(function, "__name__", "handler")
        expected = " or ".join(f"`async def {name}({', '.join((*before, *form))})`" for form in reversed(forms))
        taken = ", ".join((*before, *(str(one.name) for one in signature.parameters.values())))
        msg = f"{name}({taken}) cannot handle {event!r} in namespace {namespace!r}: expected {expected}"
        raise TypeError(msg)

    def _forms(self, event: str, namespace: str) -> list[Form]:
        first: Form = ("namespace",) if namespace == "*" else ()
        if event == "*":
            return [("event", *first, *self._others, _MORE)]
        return [(*first, *form) for form in self._own.get(event, ((*self._others, _MORE),))]


def _takes(signature: inspect.Signature, form: Form) -> bool:
    """Return whether a call with the arguments of ``form`` can succeed."""
    if form[-1:] == (_MORE,):
        # The sender decides how many arguments an event has, so any number of further ones may be required.
        needed = sum(_is_needed(one) for one in signature.parameters.values())
        form = (*form[:-1], *([""] * max(0, needed - len(form) + 1)))
    try:
        signature.bind(*form)
    except TypeError:
        return False
    return True


def _is_needed(parameter: inspect.Parameter) -> bool:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return parameter.kind in kinds and parameter.default is inspect.Parameter.empty


SERVER = HandlerArguments(
    {"connect": (("sid", "environ", "auth"), ("sid", "environ")), "disconnect": (("sid", "reason"), ("sid",))},
    ("sid",),
)
CLIENT = HandlerArguments({"connect": ((),), "disconnect": (("reason",), ())}, ())
#: The events of an Engine.IO server, which has no others.
ENGINE = HandlerArguments(
    {
        "connect": (("sid", "environ"),),
        "message": (("sid", "data"),),
        "disconnect": (("sid", "reason"), ("sid",)),
        "initial_headers": (("headers", "environ"),),
        "headers": (("headers", "environ"),),
        "connection_error": (("error",),),
    },
    (),
)
