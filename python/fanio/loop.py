"""The event loop for ``uvicorn --loop fanio.loop:new_event_loop``; ``fanio.run`` uses it."""

from __future__ import annotations

from fanio.doors.loop import new_event_loop

__all__ = ["new_event_loop"]
