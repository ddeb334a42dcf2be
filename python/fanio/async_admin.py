"""The module in which python-socketio has ``InstrumentedAsyncServer``; see ``fanio.admin``."""

from __future__ import annotations

from fanio._admin.server import InstrumentedAsyncServer

__all__ = ["InstrumentedAsyncServer"]
