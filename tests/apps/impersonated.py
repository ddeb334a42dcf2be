"""Import this first: then `import socketio` gives the library under test, in any module."""

from __future__ import annotations

import library

if library.ORACLE == "fanio":
    import fanio

    fanio.install_as_socketio()
