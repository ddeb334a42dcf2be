"""The registered handlers, and the choice of the handler for an event.

Owns the order in which handlers are looked up and the arguments with which they are called.
Source of the order: python-socketio 5.18, ``base_server._get_event_handler``.
"""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any

from fanio._handlers.arguments import SERVER
from fanio._handlers.handler import Handler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanio.base_namespace import BaseNamespace
    from fanio.types import HandlerFunction

__all__ = ["NO_ACK", "NO_OP", "RESERVED", "HandlerTable"]


class _NoAck:
    """The type of ``NO_ACK``."""

    def __repr__(self) -> str:
        return "NO_ACK"


#: A handler returns this when its event must not be acknowledged.
NO_ACK = _NoAck()

#: Events of the library itself, which are not given to catch-all handlers.
RESERVED = frozenset({"connect", "disconnect"})


class HandlerTable:
    """Every handler of a server.

    An event goes to the first of: the namespace's handler for it, the namespace's catch-all, the
    catch-all namespace's handler for it, the catch-all of both, the class of the namespace, the
    class of the catch-all namespace.
    """

    #: The arguments with which the handlers are called.
    forms = SERVER

    def __init__(self) -> None:
        """Start without handlers."""
        self._functions: dict[str, dict[str, Handler]] = {}
        # A separate table, so that a client's event named "*" is an ordinary event.
        self._catch_all: dict[str, Handler] = {}
        #: Namespace objects by namespace.
        self.classes: dict[str, Any] = {}
        self._triggers: dict[str, Handler | None] = {}
        #: Handles every event instead of the registered handlers: a ``_trigger_event`` of the application.
        self.override: Handler | None = None

    def add(self, event: str, function: HandlerFunction, namespace: str) -> None:
        """Register a function, which replaces the one registered before.

        Raises:
            TypeError: When it is not a function, or does not accept the event's arguments.
        """
        self.forms.check(function, event, namespace)
        handler = Handler(function)
        if event == "*":
            self._catch_all[namespace] = handler
        else:
            self._functions.setdefault(namespace, {})[event] = handler

    def add_class(self, instance: BaseNamespace) -> None:
        """Register a namespace object.

        Raises:
            TypeError: When its handler for an event of the library itself does not accept the event's arguments.
        """
        name = instance.namespace
        is_overridden = instance.is_overridden()
        for event in () if is_overridden else self.forms.events:
            method = getattr(instance, f"on_{event}", None)
            if method is not None:
                self.forms.check(method, event, name, before=("self",))
        self.classes[name] = instance
        self._triggers[name] = Handler(instance.trigger_event) if is_overridden else None

    def remove(self, namespace: str, functions: Mapping[str, HandlerFunction]) -> None:
        """Remove these functions, except those that others have replaced."""
        handlers = self._functions.get(namespace, {})
        for event, function in functions.items():
            if event in handlers and handlers[event].function == function:
                del handlers[event]
        if not handlers:
            self._functions.pop(namespace, None)

    def discard(self, event: str, namespace: str) -> None:
        """Remove the function of an event; the namespace stays known."""
        own = self._functions.setdefault(namespace, {})
        if event == "*":
            self._catch_all.pop(namespace, None)
        else:
            own.pop(event, None)

    def forget(self, namespace: str) -> None:
        """Remove all functions of a namespace."""
        self._functions.pop(namespace, None)
        self._catch_all.pop(namespace, None)

    def functions(self) -> dict[str, dict[str, HandlerFunction]]:
        """Return the registered functions by namespace and event."""
        found = {
            namespace: {event: handler.function for event, handler in handlers.items()}
            for namespace, handlers in self._functions.items()
        }
        for namespace, handler in self._catch_all.items():
            found.setdefault(namespace, {})["*"] = handler.function
        return found

    def knows(self, namespace: str) -> bool:
        """Return whether any handler is registered for a namespace or for all namespaces."""
        return any(namespace in table or "*" in table for table in (self._functions, self._catch_all, self.classes))

    def served(self) -> set[str]:
        """Return the namespaces that something is registered for, without that for all of them."""
        return {name for table in (self._functions, self._catch_all, self.classes) for name in table} - {"*"}

    def unhandled(self, event: Any, namespace: str) -> str:
        """Return a line for the log about an event without a handler, with the names of the events that have one."""
        names = {*self._functions.get(namespace, ()), *self._functions.get("*", ())}
        instance = self.classes.get(namespace) or self.classes.get("*")
        names.update(name[3:] for name in dir(instance) if name.startswith("on_"))
        found = ", ".join(sorted(map(str, names - RESERVED))) or "none"
        return f"no handler for event {reprlib.repr(event)} [{namespace}]: there are {found}"

    def wants(self, event: str, namespace: str) -> bool:
        """Return whether a handler needs the arguments of an event."""
        if self.override is not None:
            return True
        found = self.registered(event, namespace, "")
        return found is not None and found[0] is not NO_OP

    def resolve(self, args: list[Any], namespace: str, sid: str) -> Handler | None:
        """Return the handler of an event; None without one.

        Replaces the event's name, the first item of ``args``, with the handler's first arguments.
        """
        # The most frequent case first, without another call.
        own = self._functions.get(namespace)
        if own is not None and self.override is None:
            handler = own.get(args[0])
            if handler is not None:
                args[0] = sid
                return handler
        found = self.find(args[0], namespace, sid)
        if found is None:
            return None
        handler, args[:1] = found
        return handler

    def find(self, event: Any, namespace: str, sid: str) -> tuple[Handler, list[Any]] | None:
        """Return the handler of an event and its first arguments; None without a handler."""
        if self.override is not None:
            return self.override, [event, namespace, sid]
        return self.registered(event, namespace, sid)

    def registered(self, event: Any, namespace: str, sid: str) -> tuple[Handler, list[Any]] | None:
        """Do the same as ``find``, but ignore ``override``."""
        own = self._functions.get(namespace)
        handler = own.get(event) if own is not None else None
        if handler is not None:
            return handler, [sid]
        ordinary = event not in RESERVED
        handler = self._catch_all.get(namespace) if ordinary else None
        if handler is not None:
            return handler, [event, sid]
        shared = self._functions.get("*")
        handler = shared.get(event) if shared is not None else None
        if handler is not None:
            return handler, [namespace, sid]
        handler = self._catch_all.get("*") if ordinary else None
        if handler is not None:
            return handler, [event, namespace, sid]
        return self._find_in_class(event, namespace, sid)

    def _find_in_class(self, event: Any, namespace: str, sid: str) -> tuple[Handler, list[Any]] | None:
        first: list[Any] = [sid]
        instance = self.classes.get(namespace)
        if instance is None:
            instance = self.classes.get("*")
            first = [namespace, sid]
        if instance is None:
            return None
        trigger = self._triggers[instance.namespace]
        if trigger is not None:
            return trigger, [event, *first]
        # A class handles its whole namespace, so an event without a method is acknowledged too.
        return instance.method(event) or NO_OP, first


def _nothing(*_args: Any) -> None:
    pass


#: The handler for events of a namespace class that has no method for them. It does nothing.
NO_OP = Handler(_nothing)
