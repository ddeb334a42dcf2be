"""`import socketio`, by whomever, gives the library under test: import this first."""

from __future__ import annotations

import library

if library.ORACLE == "fanio":
    import fanio

    fanio.install_as_socketio()
