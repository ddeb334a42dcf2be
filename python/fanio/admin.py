"""The admin UI's side of a server: what ``AsyncServer.instrument`` starts.

The UI is that of the npm package ``@socket.io/admin-ui``, which speaks to a namespace of the
server. Nothing of the server is patched: it has one observer, which is None unless it is
instrumented in development mode.
"""

from __future__ import annotations

from typing import Any

from fanio._admin.server import InstrumentedAsyncServer

__all__ = ["InstrumentedAsyncServer"]


def __getattr__(name: str) -> Any:
    """Return one of python-socketio's names that is not here, which says what to use instead."""
    from fanio._compat import absent  # noqa: PLC0415 (it imports the package)

    return absent.stand_in(__name__, name)
