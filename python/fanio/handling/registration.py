"""How a program registers its handlers, on servers and clients alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

from fanio.handling.registered import Registered

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanio.handling.handlers import HandlerTable
    from fanio.types import HandlerFunction, HandlerT

__all__ = ["Registration"]


class Registration:
    """What has a table of handlers; its ``on`` says in its signature which there are."""

    _handlers: HandlerTable

    @property
    def handlers(self) -> Registered:
        """The registered functions, by namespace and event; what is deleted or set counts at once."""
        return Registered(self._handlers)

    def on(self, *args: Any, **kwargs: Any) -> Any:
        """Register a handler."""
        raise NotImplementedError

    def _register(
        self, event: str, handler: HandlerFunction | None, namespace: str | None
    ) -> Callable[[HandlerT], HandlerT] | None:
        """Register ``handler``, or return the decorator that does."""

        def register(function: HandlerT) -> HandlerT:
            self._handlers.add(event, function, namespace or "/")
            return function

        if handler is None:
            return register
        register(handler)
        return None

    @overload
    def event(self, handler: HandlerT, /) -> HandlerT: ...

    @overload
    def event(self, *, namespace: str | None = None) -> Callable[[HandlerT], HandlerT]: ...

    def event(self, *args: Any, **kwargs: Any) -> Any:
        """Register a function as the handler of the event that has its name.

        A decorator: ``@sio.event`` or ``@sio.event(namespace="/chat")``.
        """
        if len(args) == 1 and not kwargs and callable(args[0]):
            self.on(args[0].__name__, args[0])
            return args[0]

        def register(function: HandlerT) -> HandlerT:
            self.on(function.__name__, function, *args, **kwargs)
            return function

        return register
