"""The server's side of Socket.IO's admin UI: the class that ``AsyncServer.instrument`` returns.

The UI is the npm package ``@socket.io/admin-ui``. It connects to a namespace of the server. The
implementation is in ``fanio._admin``, and docs/admin.md describes it.
"""

from __future__ import annotations

from typing import Any

from fanio._admin.server import InstrumentedAsyncServer

__all__ = ["InstrumentedAsyncServer"]


def __getattr__(name: str) -> Any:
    """Return a stand-in for a name that only python-socketio has; using it raises and says what to use instead."""
    from fanio._compat import absent  # noqa: PLC0415 (it imports the package)

    return absent.stand_in(__name__, name)
