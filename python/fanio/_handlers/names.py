"""Which names an application may use: for the events that it emits or handles, for namespaces and clients.

Servers and clients ask here, so that both accept the same.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["RESERVED", "check_emitted", "check_event", "namespace_name", "served_namespaces", "sid_text"]

#: JavaScript's clients and servers drop the connection over an event with one of these names
#: (``RESERVED_EVENTS`` of socket.io-parser), and do not emit it themselves.
RESERVED = frozenset({"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"})


def check_emitted(event: object) -> None:
    """Refuse a name that an event on the wire cannot have.

    Raises:
        ValueError: When it is reserved, or no text.
    """
    if type(event) is str and event not in RESERVED:
        return
    if not isinstance(event, str):
        msg = f"the name of an event is text, got {event!r}"
        raise ValueError(msg)
    if str.__str__(event) in RESERVED:  # an enum, for one, whose hash is another
        msg = f"{str.__str__(event)!r} is a reserved event name: emit the event under another name"
        raise ValueError(msg)


def check_event(event: object) -> None:
    """Refuse to register a handler for what is no name of an event.

    Raises:
        TypeError: When it is no text.
    """
    if not isinstance(event, str):
        hint = " (write @sio.event, or @sio.on with a name)" if callable(event) else ""
        msg = f"expected the name of an event, got {event!r}{hint}"
        raise TypeError(msg)


def namespace_name(given: str | None, *, wildcard: bool = False) -> str:
    """Return the name of a namespace, "/" when none is given.

    Args:
        given: What the application has given.
        wildcard: Whether it may be "*", which stands for all of them.

    Raises:
        TypeError: When it is no text.
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
    """Return what the option ``namespaces`` means: a list of names, or "*" for all.

    Raises:
        TypeError: When it is neither.
        ValueError: When a name does not begin with a slash.
    """
    if isinstance(given, str):
        return "*" if given == "*" else [namespace_name(given)]
    if not isinstance(given, Iterable):
        msg = f"namespaces: expected a list of names, or '*' for all, got {given!r}"
        raise TypeError(msg)
    # A list stays the same object, as an application may add to it.
    names = given if isinstance(given, list) else list(given)
    for name in names:
        # As in python-socketio, "*" in a list stands for nothing.
        namespace_name(name, wildcard=True)
    return names


def sid_text(given: object) -> str:
    """Return a sid as the core takes it: one that is no text is nobody's, as the empty text is."""
    return given if isinstance(given, str) else ""
