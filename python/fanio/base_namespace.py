"""The base of all class-based namespaces: their name, and the lookup of their methods.

It does not depend on servers or clients.
"""

from __future__ import annotations

from typing import Any

from fanio._handlers.handler import Handler
from fanio._handlers.names import namespace_name

__all__ = ["AsyncTrigger", "BaseNamespace", "SyncTrigger"]

#: Events whose handlers may leave out the last argument.
_TRIMMED = frozenset({"connect", "disconnect"})


class BaseNamespace:
    """Methods named ``on_<event>`` are the handlers of one namespace."""

    _methods: dict[str, Handler]

    def __init__(self, namespace: str | None = None) -> None:
        """Handle a namespace; None is "/", and "*" is every namespace without a class of its own.

        Raises:
            ValueError: When ``namespace`` does not begin with a slash.
        """
        self.namespace = namespace_name(namespace, wildcard=True)

    def is_asyncio_based(self) -> bool:
        """Return whether the class is for an asyncio server or client."""
        return False

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Call the method of an event."""
        raise NotImplementedError

    def is_overridden(self) -> bool:
        """Return whether the application has overridden ``trigger_event``."""
        own = type(self).trigger_event.__module__.partition(".")[0] != __name__.partition(".")[0]
        return own or "trigger_event" in self.__dict__

    def method(self, event: Any) -> Handler | None:
        """Return the method that handles an event; None when there is none."""
        methods = self.__dict__.setdefault("_methods", {})
        name = f"on_{event}"
        handler: Handler | None = methods.get(name)
        if handler is None:
            function = getattr(self, name, None)
            if callable(function):
                # Only existing methods are kept, so that a client cannot fill the memory with event names.
                handler = methods[name] = Handler(function)
        return handler


class AsyncTrigger(BaseNamespace):
    """A namespace whose methods may be ``async def``."""

    def is_asyncio_based(self) -> bool:
        """Return True, as python-socketio's class does."""
        return True

    async def trigger_event(self, event: str, *args: Any) -> Any:
        """Call the method of an event; override this to dispatch events in another way.

        Returns:
            The result of the method; None when there is no such method.
        """
        handler = self.method(event)
        if handler is None:
            return None
        if event in _TRIMMED:
            args = handler.trim(args)
        result = handler.function(*args)
        return await result if handler.is_async else result


class SyncTrigger(BaseNamespace):
    """A namespace whose methods are plain functions."""

    def trigger_event(self, event: str, *args: Any) -> Any:
        """Call the method of an event; override this to dispatch events in another way.

        Returns:
            The result of the method; None when there is no such method.
        """
        handler = self.method(event)
        if handler is None:
            return None
        return handler.function(*(handler.trim(args) if event in _TRIMMED else args))


def __getattr__(name: str) -> Any:
    """Return a stand-in for a name that only python-socketio has; using it raises and says what to use instead."""
    from fanio._compat import absent  # noqa: PLC0415 (it imports the package)

    return absent.stand_in(__name__, name)
