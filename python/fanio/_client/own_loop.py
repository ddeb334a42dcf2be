"""The event loop that a client belongs to: the one of ``connect``, until the client's end."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from fanio._tasks.session_order import is_cancelled
from fanio.exceptions import DisconnectedError

__all__ = ["OwnLoop"]

T = TypeVar("T")


class OwnLoop:
    """Brings what is asked for on other loops to the client's own."""

    __slots__ = ("_leave", "_process", "loop")

    def __init__(self, leave: Callable[[], None]) -> None:
        """Call ``leave`` when the loop has ended without a word to the client."""
        self._leave = leave
        #: The loop; None while the client belongs to none.
        self.loop: asyncio.AbstractEventLoop | None = None
        self._process = 0

    @property
    def is_elsewhere(self) -> bool:
        """Whether the client belongs to a loop that is not the running one."""
        return self.loop is not None and self.loop is not asyncio._get_running_loop()

    def enter(self) -> None:
        """Have the client belong to the running loop.

        Raises:
            RuntimeError: When it belongs to another one that still runs.
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
        """Whether the loop, and all that belongs to it, is that of the process that this one was forked from."""
        return self.loop is not None and self._process != os.getpid()

    def leave_if_stopped(self) -> None:
        """Give up what belongs to another loop that does not run: nothing can be waited for there."""
        if self.is_elsewhere and self.loop is not None and (self.is_inherited or not self.loop.is_running()):
            self._leave()

    def release(self) -> None:
        """Let the client belong to no loop: its connection has ended."""
        self.loop = None

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the client's loop, and return what it returns.

        Raises:
            RuntimeError: When that loop does not run, but could be run again.
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
