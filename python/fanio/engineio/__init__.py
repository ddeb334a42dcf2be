"""fanio's Engine.IO server, with python-engineio's API: for protocols other than Socket.IO."""

from __future__ import annotations

from fanio.engineio import exceptions
from fanio.engineio.asgi import ASGIApp
from fanio.engineio.async_server import AsyncServer

__all__ = ["ASGIApp", "AsyncServer", "exceptions"]
