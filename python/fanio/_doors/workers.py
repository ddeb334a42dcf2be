"""Finds the number of worker processes that serve the application, and warns if they are not connected to each other.

No interface gives this number. It is read from the configuration of the server that runs the worker. uvicorn's
configuration is reachable from the lifespan and from each request. For all servers it is on the stack while the
application is imported.
"""

from __future__ import annotations

import multiprocessing
import sys
from typing import TYPE_CHECKING, Any

from fanio._doors import uvicorn

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanio._log import RefusalLog

__all__ = ["Workers"]

#: Servers whose functions have the configuration, or an object that has it, in one of these variables.
_SERVERS = ("uvicorn.", "gunicorn.", "hypercorn.", "granian.")
_VARIABLES = ("self", "config")
_WARNING = (
    "This application runs in %d worker processes that are not joined: an emit reaches only the clients of its own"
    " process, and polling clients are refused (400, Session ID unknown) when a request comes to another process."
    " Run one process instead; AsyncServer(shards=N) gives it N I/O threads."
)


class Workers:
    """The worker processes of one server's application."""

    def __init__(self, refusals: RefusalLog) -> None:
        """Assume one process; if there are more, set the number in ``refusals``."""
        self._refusals = refusals
        self._warned = False
        #: Returns whether an emit reaches the clients of all processes.
        self.are_joined: Callable[[], bool] = lambda: False

    def inspect_stack(self) -> None:
        """Read the configuration of the server that imports the application."""
        self._note(_count_on_stack())

    def inspect_config(self, config: Any) -> None:
        """Read the configuration of the uvicorn server that serves the application."""
        if not self._warned:
            self._note(_count_of_config(config))

    def _note(self, count: int) -> None:
        if count < 2 or self._warned:
            return
        self._warned = True
        self._refusals.workers = count
        if not self.are_joined():
            uvicorn.logger().warning(_WARNING, count)


def _count_of_config(config: Any) -> int:
    """Return the number of workers in uvicorn's configuration, or in that of the gunicorn which runs uvicorn."""
    worker = getattr(getattr(config, "callback_notify", None), "__self__", None)
    # The number is also set where uvicorn starts no workers: with --reload, and with uvicorn.run() in Python.
    is_worker = multiprocessing.parent_process() is not None and not getattr(config, "should_reload", False)
    return max(_number(config) if is_worker else 1, _number(getattr(worker, "cfg", None)))


def _number(config: Any) -> int:
    found = getattr(config, "workers", None)
    return found if isinstance(found, int) else 1


def _count_on_stack() -> int:
    frame = sys._getframe()
    while frame is not None:
        module = str(frame.f_globals.get("__name__"))  # exec() allows any object here
        if module.startswith(_SERVERS):
            found = (frame.f_locals.get(name) for name in _VARIABLES)
            count = max(_count_of_owner(module, owner) for owner in found)
            if count > 1:
                return count
        frame = frame.f_back  # type: ignore[assignment]
    return 1


def _count_of_owner(module: str, owner: Any) -> int:
    """Return the number of workers in a configuration, or in the configuration of a server or worker."""
    if module.startswith("uvicorn."):
        return _count_of_config(getattr(owner, "config", owner))
    return _number(getattr(owner, "cfg", owner))
