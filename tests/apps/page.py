"""The wire app and a page that loads the JavaScript client, for tests in a browser."""

from __future__ import annotations

from pathlib import Path

import library
import wire
from library import socketio

JAVASCRIPT = Path(__file__).parent.parent / "interop" / "js"
SCRIPT = "text/javascript"

FILES = {
    "/": str(JAVASCRIPT / "page.html"),
    "/client.js": {
        "filename": str(JAVASCRIPT / "node_modules" / "socket.io-client" / "dist" / "socket.io.js"),
        "content_type": SCRIPT,
    },
    "/scenarios.mjs": {"filename": str(JAVASCRIPT / "scenarios.mjs"), "content_type": SCRIPT},
}

if __name__ == "__main__":
    library.run(socketio.ASGIApp(wire.sio, static_files=FILES))
