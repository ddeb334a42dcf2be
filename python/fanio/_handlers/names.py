"""Checks the names of events, namespaces and clients that an application uses.

Servers and clients share these checks, so that both accept the same names.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["RESERVED", "check_emitted", "check_event", "namespace_name", "served_namespaces", "sid_text"]

#: JavaScript's clients and servers close the connection when they receive an event with one of these names, and
#: refuse to emit it. Source: ``RESERVED_EVENTS`` of socket.io-parser.
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


def check_emitted(event: object) -> None:
    """Check the name of an event that is emitted.

    Raises:
        ValueError: When it is reserved or not text.
    """
    if type(event) is str and event not in RESERVED:
        return
    if not isinstance(event, str):
        msg = f"the name of an event is text, got {event!r}"
        raise ValueError(msg)
    if str.__str__(event) in RESERVED:  # a subclass, such as an enum, may have another hash
        msg = f"{str.__str__(event)!r} is a reserved event name: emit the event under another name"
        raise ValueError(msg)


def check_event(event: object) -> None:
    """Check the name of an event for which a handler is registered.

    Raises:
        TypeError: When it is not text.
    """
    if not isinstance(event, str):
        hint = " (write @sio.event, or @sio.on with a name)" if callable(event) else ""
        msg = f"expected the name of an event, got {event!r}{hint}"
        raise TypeError(msg)


def namespace_name(given: str | None, *, wildcard: bool = False) -> str:
    """Return the name of a namespace, "/" when none is given.

    Args:
        given: The value that the application passed.
        wildcard: Whether it may be "*", which stands for all namespaces.

    Raises:
        TypeError: When it is not text.
        ValueError: When it does not begin with a slash.
    """
    if not given:
        return "/"
    if not isinstance(given, str):
        msg = f"namespace: expected a name such as '/chat', got {given!r}"
        raise TypeError(msg)
    if given[0] == "/" or (wildcard and given == "*"):
        return given
    hint = "handlers can be registered for all namespaces" if given == "*" else f"did you mean {'/' + given!r}?"
    msg = f"namespace: expected a name that begins with '/', got {given!r} ({hint})"
    raise ValueError(msg)


def served_namespaces(given: Iterable[str] | str) -> list[str] | str:
    """Return the value of the option ``namespaces``: a list of names, or "*" for all.

    Raises:
        TypeError: When it is neither text nor iterable.
        ValueError: When a name does not begin with a slash.
    """
    if isinstance(given, str):
        return "*" if given == "*" else [namespace_name(given)]
    if not isinstance(given, Iterable):
        msg = f"namespaces: expected a list of names, or '*' for all, got {given!r}"
        raise TypeError(msg)
    # A list stays the same object, because an application may add to it later.
    names = given if isinstance(given, list) else list(given)
    for name in names:
        # As in python-socketio, "*" in a list has no effect.
        namespace_name(name, wildcard=True)
    return names


def sid_text(given: object) -> str:
    """Return a sid for the core: any object that is not text becomes "", which no client has."""
    return given if isinstance(given, str) else ""
