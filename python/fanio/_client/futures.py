"""Futures that parts of a client wait for, ended by whoever knows."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["settle"]


def settle(future: asyncio.Future[Any], result: Any = None, *, error: Exception | None = None) -> None:
    """End a future, unless it has ended, or its loop has: then nobody waits for it any more.

    A loop that seems to run elsewhere is that of the process that this one was forked from.
    """
    loop = future.get_loop()
    if future.done() or loop.is_closed() or (loop.is_running() and loop is not asyncio._get_running_loop()):
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
