"""fanio's Engine.IO server with python-engineio's API, for protocols other than Socket.IO."""

from __future__ import annotations

from typing import Any

from fanio._compat import absent
from fanio.engineio import exceptions
from fanio.engineio.asgi import ASGIApp
from fanio.engineio.async_server import AsyncServer

__all__ = ["ASGIApp", "AsyncServer", "exceptions"]


def __getattr__(name: str) -> Any:
    """Return the object for one of python-engineio's names that fanio does not define here."""
    return absent.find(__name__, name)
