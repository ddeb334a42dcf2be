"""SIGINT: the clients of the process say goodbye before the program ends.

Installed while an asyncio client is connected, on the main thread, and only where nobody but
Python itself has a handler: a web server has its own idea of how to end.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from fanio._client.connector import Connector

__all__ = ["guard", "unguard"]

_connectors: WeakSet[Connector] = WeakSet()
_previous: dict[asyncio.AbstractEventLoop, Any] = {}
_goodbyes: set[asyncio.Task[None]] = set()


def guard(connector: Connector) -> None:
    """Disconnect a client on SIGINT."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        return
    if loop not in _previous:
        handler = signal.getsignal(signal.SIGINT)
        if not _is_pythons(handler):
            return
        try:
            loop.add_signal_handler(signal.SIGINT, _interrupt, loop)
        except (NotImplementedError, RuntimeError, ValueError):
            return
        _previous[loop] = handler
    _connectors.add(connector)


def unguard(connector: Connector) -> None:
    """Leave SIGINT alone again, after the last client."""
    _connectors.discard(connector)
    if not _connectors:
        for loop in list(_previous):
            _restore(loop)


def _is_pythons(handler: Any) -> bool:
    """Return whether SIGINT raises KeyboardInterrupt, at once or by way of ``asyncio.run``."""
    function = getattr(handler, "func", handler)
    runner = getattr(function, "__qualname__", "") == "Runner._on_sigint"
    return runner or handler is signal.default_int_handler


def _restore(loop: asyncio.AbstractEventLoop) -> None:
    previous = _previous.pop(loop)
    if threading.current_thread() is threading.main_thread():
        if not loop.is_closed():
            loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, previous)


def _interrupt(loop: asyncio.AbstractEventLoop) -> None:
    connectors = list(_connectors)
    # Another Ctrl-C does not wait for the goodbyes.
    _restore(loop)

    async def goodbye() -> None:
        await asyncio.gather(*(connector.interrupt() for connector in connectors), return_exceptions=True)
        signal.raise_signal(signal.SIGINT)

    task = loop.create_task(goodbye())
    _goodbyes.add(task)
    task.add_done_callback(_goodbyes.discard)
