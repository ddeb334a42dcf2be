"""Memory that the C library keeps after a burst, given back to the system when the server is idle.

What thousands of clients, or a flood, needed stays in the process's heap: the allocator may use it
again. ``malloc_trim`` returns it, in about 2 ms for 30 MiB, in a thread. Only with glibc.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import threading
from collections.abc import Callable
from pathlib import Path

__all__ = ["Heap"]

#: So often it is looked whether the server is idle, in seconds, as long as anything has gone on.
_PAUSE = 10.0
#: The process must have grown by so many bytes since the last time.
_GROWTH = 16 << 20


def _find_trim() -> Callable[[int], int] | None:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None


def _resident() -> int:
    """Return the bytes of memory that the process takes; 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGESIZE")


class Heap:
    """Gives memory back once a server that was busy is idle."""

    def __init__(self, trim: Callable[[int], int] | None = None, resident: Callable[[], int] = _resident) -> None:
        """Call ``trim``, glibc's without it, when ``resident()`` has grown."""
        self._trim = trim or _find_trim()
        self._resident = resident
        self._least: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        #: Whether anything has gone on since it was last looked.
        self.is_busy = False

    def note_start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Note that something goes on, which ``is_busy`` does not say yet."""
        self.is_busy = True
        if self._timer is None and self._trim is not None:
            if self._least is None:
                self._least = self._resident()
            self._timer = loop.call_later(_PAUSE, self._look, loop)

    def stop(self) -> None:
        """Look no more."""
        self.is_busy = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self.is_busy:
            self.is_busy = False
            self._timer = loop.call_later(_PAUSE, self._look, loop)
        elif self._least is not None and self._resident() > self._least + _GROWTH:
            threading.Thread(target=self._give_back, name="fanio-heap", daemon=True).start()

    def _give_back(self) -> None:
        if self._trim is not None:
            self._trim(0)
            self._least = self._resident()
