"""The registered functions as a program sees them, and may change them: a server's or client's ``handlers``.

Nothing is kept here: what is set or deleted is registered or taken out in the table itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanio.handling.handlers import HandlerTable
    from fanio.types import HandlerFunction

__all__ = ["Registered"]


class Registered(MutableMapping[str, MutableMapping[str, "HandlerFunction"]]):
    """By namespace, the functions of each event."""

    def __init__(self, table: HandlerTable) -> None:
        """Show ``table``."""
        self._table = table

    def __getitem__(self, namespace: str) -> MutableMapping[str, HandlerFunction]:
        """Return the functions of a namespace by event."""
        if namespace not in self._table.functions():
            raise KeyError(namespace)
        return _OfNamespace(self._table, namespace)

    def __setitem__(self, namespace: str, functions: Mapping[str, HandlerFunction]) -> None:
        """Register functions in place of all that a namespace has."""
        wanted = dict(functions)
        self._table.forget(namespace)
        _OfNamespace(self._table, namespace).update(wanted)

    def __delitem__(self, namespace: str) -> None:
        """Take out the functions of a namespace."""
        if namespace not in self:
            raise KeyError(namespace)
        self._table.forget(namespace)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the namespaces that have functions."""
        return iter(self._table.functions())

    def __len__(self) -> int:
        """Return how many namespaces have functions."""
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
