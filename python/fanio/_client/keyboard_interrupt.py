"""Disconnects the clients of the process on SIGINT, before the application ends.

The handler is installed on the main thread while an asyncio client is connected. It is not installed if another library
has its own handler, because a web server, for example, ends in its own way.
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
_disconnecting: set[asyncio.Task[None]] = set()


def guard(connector: Connector) -> None:
    """Disconnect a client on SIGINT."""
    loop = asyncio.get_running_loop()
    if threading.current_thread() is not threading.main_thread():
        return
    if loop not in _previous:
        handler = signal.getsignal(signal.SIGINT)
        if not _is_python_default(handler):
            return
        try:
            loop.add_signal_handler(signal.SIGINT, _interrupt, loop)
        except (NotImplementedError, RuntimeError, ValueError):
            return
        _previous[loop] = handler
    _connectors.add(connector)


def unguard(connector: Connector) -> None:
    """Stop disconnecting a client on SIGINT; after the last one, restore the previous handler."""
    _connectors.discard(connector)
    if not _connectors:
        for loop in list(_previous):
            _restore(loop)


def _is_python_default(handler: Any) -> bool:
    """Return whether the handler is Python's own or the one of ``asyncio.run``."""
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
    # A second Ctrl-C must end the application at once.
    _restore(loop)

    async def disconnect_all() -> None:
        await asyncio.gather(*(connector.interrupt() for connector in connectors), return_exceptions=True)
        signal.raise_signal(signal.SIGINT)

    task = loop.create_task(disconnect_all())
    _disconnecting.add(task)
    task.add_done_callback(_disconnecting.discard)
