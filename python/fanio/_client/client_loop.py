"""The event loop to which a client belongs: the one on which ``connect`` was called, until the client has ended."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fanio._tasks.session_queues import is_cancelled
from fanio.exceptions import DisconnectedError

__all__ = ["ClientLoop", "settle"]

T = TypeVar("T")


class ClientLoop:
    """Runs calls that are made on other event loops on the client's own."""

    __slots__ = ("_leave", "_process", "loop")

    def __init__(self, leave: Callable[[], None]) -> None:
        """Call ``leave`` if the event loop has ended before the client was disconnected."""
        self._leave = leave
        #: The event loop; None while the client belongs to none.
        self.loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    @property
    def is_elsewhere(self) -> bool:
        """Whether the client belongs to an event loop that is not the running one."""
        return self.loop is not None and self.loop is not asyncio._get_running_loop()

    def enter(self) -> None:
        """Make the running event loop the client's own.

        Raises:
            RuntimeError: When the client belongs to another one that is running.
        """
        self.leave_if_stopped()
        if self.is_elsewhere:
            msg = (
                "this client is still connected or comes back on another event loop, which runs: "
                "await its disconnect() first, or use another client"
            )
            raise RuntimeError(msg)
        self.loop, self._process = asyncio.get_running_loop(), os.getpid()

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked, and the event loop belongs to the parent process."""
        return self.loop is not None and self._process != os.getpid()

    def leave_if_stopped(self) -> None:
        """Call ``leave`` if the client belongs to another event loop that does not run."""
        if self.is_elsewhere and self.loop is not None and (self.is_inherited or not self.loop.is_running()):
            self._leave()

    def release(self) -> None:
        """Forget the event loop, because the connection has ended."""
        self.loop = None

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the client's event loop, and return its result.

        Raises:
            RuntimeError: When the event loop is stopped but not closed.
            DisconnectedError: When it ends before the coroutine does.
        """
        loop = self.loop
        if loop is None or loop.is_closed() or self.is_inherited:
            self._leave()
            return await coroutine
        if not loop.is_running():
            coroutine.close()
            msg = (
                "the event loop of this client is stopped: run it again, or connect() or disconnect() here to leave it"
            )
            raise RuntimeError(msg)
        future = asyncio.run_coroutine_threadsafe(coroutine, loop)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.cancelled() or is_cancelled():
                raise
            msg = "the event loop of this client has ended"
            raise DisconnectedError(msg) from None


def settle(future: asyncio.Future[Any], result: Any = None, *, error: Exception | None = None) -> None:
    """Set a future's result or exception, unless the future is done or its event loop is closed.

    The future is also left alone if its event loop runs elsewhere: then this process was forked, and the loop is the
    parent's.
    """
    loop = future.get_loop()
    if future.done() or loop.is_closed() or (loop.is_running() and loop is not asyncio._get_running_loop()):
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
