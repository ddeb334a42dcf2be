"""The name under which python-socketio has the instrumented server."""

from __future__ import annotations

from fanio._admin.server import InstrumentedAsyncServer

__all__ = ["InstrumentedAsyncServer"]
