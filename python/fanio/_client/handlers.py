"""The registered handlers of a client, and the choice of the handler for an event.

The order differs from a server's: the catch-all namespace is used only if a namespace has no handler at all.
Source of the order: python-socketio 5.18, ``base_client._get_event_handler``.
"""

from __future__ import annotations

from typing import Any

from fanio._handlers.arguments import CLIENT
from fanio._handlers.handler import Handler
from fanio._handlers.table import HandlerTable

__all__ = ["ClientHandlers"]


class ClientHandlers(HandlerTable):
    """Every handler of a client."""

    forms = CLIENT

    def namespaces(self) -> list[str]:
        """Return the namespaces that have handlers, without the catch-all namespace."""
        tables = (self._functions, self._catch_all, self.classes)
        return sorted({name for table in tables for name in table} - {"*"})

    def lookup(self, event: Any, namespace: str, *, reserved: bool = False) -> tuple[Handler, list[Any]] | None:
        """Return the handler of an event and its first arguments; None when there is none.

        Args:
            event: The event's name.
            namespace: The event's namespace.
            reserved: Whether it is an event of the client itself, which catch-all handlers do not get.
        """
        name, first = namespace, []
        if namespace not in self._functions and namespace not in self._catch_all:
            name, first = "*", [namespace]
        handler = self._functions.get(name, {}).get(event)
        if handler is not None:
            return handler, first
        catch_all = self._catch_all.get(name)
        if catch_all is not None and not reserved:
            return catch_all, [event, *first]
        return self._find_in_class(event, namespace)

    def _find_in_class(self, event: Any, namespace: str, sid: str | None = None) -> tuple[Handler, list[Any]] | None:
        first: list[Any] = []
        instance = self.classes.get(namespace)
        if instance is None:
            instance, first = self.classes.get("*"), [namespace]
        if instance is None:
            return None
        trigger = self._triggers[instance.namespace]
        if trigger is not None:
            return trigger, [event, *first]
        method = instance.method(event)
        return None if method is None else (method, first)
