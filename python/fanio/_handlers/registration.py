"""How an application registers its handlers, and reads or changes them later; for servers and clients.

``HandlersView`` is a view: it stores nothing, and changes take effect in the handler table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any, overload

from fanio._handlers.names import check_event, namespace_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanio._handlers.table import HandlerTable
    from fanio.types import HandlerFunction, HandlerT

__all__ = ["HandlerRegistration", "HandlersView"]


class HandlerRegistration:
    """Base class of servers and clients: the decorators that register handlers."""

    _handlers: HandlerTable

    @property
    def handlers(self) -> HandlersView:
        """The registered functions, by namespace and event; changes take effect at once."""
        return HandlersView(self._handlers)

    def on(self, *args: Any, **kwargs: Any) -> Any:
        """Register a handler."""
        raise NotImplementedError

    def _register(
        self, event: str, handler: HandlerFunction | None, namespace: str | None
    ) -> Callable[[HandlerT], HandlerT] | None:
        """Register ``handler``, or return the decorator that does.

        Raises:
            TypeError: When the event is not text, or the handler does not accept the event's arguments.
            ValueError: When the namespace does not begin with a slash.
        """
        check_event(event)
        name = namespace_name(namespace, wildcard=True)

        def register(function: HandlerT) -> HandlerT:
            self._handlers.add(event, function, name)
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
        """Register a function as the handler of the event with the function's name.

        A decorator: ``@sio.event`` or ``@sio.event(namespace="/chat")``.
        """
        if len(args) == 1 and not kwargs and callable(args[0]):
            self.on(args[0].__name__, args[0])
            return args[0]

        def register(function: HandlerT) -> HandlerT:
            self.on(function.__name__, function, *args, **kwargs)
            return function

        return register


class HandlersView(MutableMapping[str, MutableMapping[str, "HandlerFunction"]]):
    """The registered functions, by namespace and then by event."""

    def __init__(self, table: HandlerTable) -> None:
        """Make a view of ``table``."""
        self._table = table

    def __getitem__(self, namespace: str) -> MutableMapping[str, HandlerFunction]:
        """Return the functions of a namespace by event."""
        if namespace not in self._table.functions():
            raise KeyError(namespace)
        return _OfNamespace(self._table, namespace)

    def __setitem__(self, namespace: str, functions: Mapping[str, HandlerFunction]) -> None:
        """Replace all functions of a namespace."""
        wanted = dict(functions)
        self._table.forget(namespace)
        _OfNamespace(self._table, namespace).update(wanted)

    def __delitem__(self, namespace: str) -> None:
        """Remove the functions of a namespace."""
        if namespace not in self:
            raise KeyError(namespace)
        self._table.forget(namespace)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the namespaces that have functions."""
        return iter(self._table.functions())

    def __len__(self) -> int:
        """Return the number of namespaces that have functions."""
        return len(self._table.functions())

    def __repr__(self) -> str:
        return repr(self._table.functions())


class _OfNamespace(MutableMapping[str, "HandlerFunction"]):
    """The functions of one namespace, by event."""

    def __init__(self, table: HandlerTable, namespace: str) -> None:
        self._table = table
        self._namespace = namespace

    def _functions(self) -> dict[str, HandlerFunction]:
        return self._table.functions().get(self._namespace, {})

    def __getitem__(self, event: str) -> HandlerFunction:
        return self._functions()[event]

    def __setitem__(self, event: str, function: HandlerFunction) -> None:
        self._table.add(event, function, self._namespace)

    def __delitem__(self, event: str) -> None:
        if event not in self:
            raise KeyError(event)
        self._table.discard(event, self._namespace)

    def __iter__(self) -> Iterator[str]:
        return iter(self._functions())

    def __len__(self) -> int:
        return len(self._functions())

    def __repr__(self) -> str:
        return repr(self._functions())
