"""A server whose manager is the application's own, and may well know of other processes."""

from __future__ import annotations

from typing import Any

import library
from library import socketio


class Manager(socketio.AsyncManager):
    """Sends on what it is given."""

    async def emit(self, *args: Any, **kwargs: Any) -> None:
        """Emits here; another process would be told, too."""
        await super().emit(*args, **kwargs)


sio = library.server(client_manager=Manager())
app = socketio.ASGIApp(sio)
