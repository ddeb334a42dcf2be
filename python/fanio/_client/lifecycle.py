"""Runs the handlers of ``connect``, ``connect_error`` and ``disconnect``, in order for each namespace.

A ``disconnect`` handler begins after the ``connect`` handler before it has ended. A handler may itself call
``connect()`` or ``disconnect()``; such a call must not wait for the handler that it runs in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from fanio._client.client_loop import settle

if TYPE_CHECKING:
    import logging

    from fanio._client.dispatch import ClientDispatcher
    from fanio._tasks.tasks import Tasks

__all__ = ["Lifecycle"]

#: The handlers, of any client, in which the current code runs; each is represented by the future of its end.
_running_in: ContextVar[frozenset[asyncio.Future[None]]] = ContextVar("fanio_client_handlers", default=frozenset())


class Lifecycle:
    """Runs these handlers of one client."""

    __slots__ = ("_dispatcher", "_last", "_logger", "_pending", "_tasks")

    def __init__(self, dispatcher: ClientDispatcher, tasks: Tasks, logger: logging.Logger) -> None:
        """Call handlers with ``dispatcher``, in tasks of ``tasks``."""
        self._dispatcher = dispatcher
        self._tasks = tasks
        self._logger = logger
        #: By namespace, the future of the end of its last handler.
        self._last: dict[str, asyncio.Future[None]] = {}
        #: The futures of all handlers that run or wait, with the namespace for a ``connect`` handler.
        self._pending: dict[asyncio.Future[None], str | None] = {}

    def begin(self, event: str, name: str, *args: Any) -> None:
        """Call the handler of an event after those before it have ended."""
        ended: asyncio.Future[None] = self._tasks.loop.create_future()
        before, self._last[name] = self._last.get(name), ended
        self._pending[ended] = name if event == "connect" else None
        self._tasks.start(self._run(before, ended, event, name, args))

    async def _run(
        self,
        before: asyncio.Future[None] | None,
        ended: asyncio.Future[None],
        event: str,
        name: str,
        args: tuple[Any, ...],
    ) -> None:
        try:
            if before is not None and not before.done():
                await asyncio.wait([before])
            _running_in.set(_running_in.get() | {ended})
            await self._dispatcher.trigger(event, name, *args)
        finally:
            settle(ended)
            self._pending.pop(ended, None)
            if self._last.get(name) is ended:
                del self._last[name]

    def end(self, names: Iterable[str], reason: str, *, final: bool) -> None:
        """Call the ``disconnect`` handlers; ``final`` says that the client will not reconnect."""
        for name in names:
            self.begin("disconnect", name, reason)
            if final:
                self.begin_final(name)

    def begin_final(self, name: str) -> None:
        """Call the handler that says that a namespace will not reconnect."""
        self.begin("__disconnect_final", name)

    @property
    def is_idle(self) -> bool:
        """Whether no handler runs or waits."""
        return not self._pending

    @property
    def is_in_handler(self) -> bool:
        """Whether the caller is one of these handlers, or was started by one."""
        return any(ended in self._pending for ended in _running_in.get())

    async def connected(self, timeout: float | None) -> None:
        """Wait until the ``connect`` and ``connect_error`` handlers have run, but no longer than ``timeout``."""
        if self._pending and not self.is_in_handler:
            await asyncio.wait(list(self._pending), timeout=timeout)

    async def idle(self, patience: float = 0) -> None:
        """Wait until all handlers have ended.

        A ``connect`` handler that does not end delays the later handlers of its namespace. For those, this waits
        at most ``patience`` seconds.
        """
        if self.is_in_handler:
            return
        connecting = [ended for ended, name in self._pending.items() if name is not None]
        if connecting and patience:
            await asyncio.wait(connecting, timeout=patience)
        stuck = {name for name in self._pending.values() if name is not None}
        if stuck and patience:
            self._logger.warning(
                "the connect handlers of %s still run: their disconnect handlers wait for them",
                ", ".join(sorted(stuck)),
            )
        while waiting := [ended for name, ended in self._last.items() if name not in stuck]:
            await asyncio.wait(waiting)

    def forget(self) -> None:
        """Drop all handlers, because their event loop has ended."""
        self._last.clear()
        self._pending.clear()
