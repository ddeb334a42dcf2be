"""Futures that parts of a client wait for, ended by whoever knows."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["settle"]


def settle(future: asyncio.Future[Any], result: Any = None, *, error: Exception | None = None) -> None:
    """End a future, unless it has ended, or its loop has: then nobody waits for it any more."""
    if future.done() or future.get_loop().is_closed():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)
