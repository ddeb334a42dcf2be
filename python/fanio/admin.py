"""The admin UI's side of a server: what ``AsyncServer.instrument`` starts.

The UI is that of the npm package ``@socket.io/admin-ui``, which speaks to a namespace of the
server. Nothing of the server is patched: it has one observer, which is None unless it is
instrumented in development mode.
"""

from __future__ import annotations

from fanio._admin.server import InstrumentedAsyncServer

__all__ = ["InstrumentedAsyncServer"]
