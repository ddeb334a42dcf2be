"""The library an app runs on: fanio, or python-socketio on uvicorn as the oracle.

The apps are written once, with python-socketio's API. Their settings come as JSON in the
environment: the arguments of `AsyncServer` and those of `run`.
"""

from __future__ import annotations

import json
import os
import resource
from typing import Any

ORACLE = os.environ.get("FANIO_TEST_ORACLE", "fanio")

if ORACLE == "fanio":
    import fanio as socketio
else:
    import socketio  # type: ignore[no-redef]

__all__ = ["ORACLE", "run", "server", "socketio"]


def server(**defaults: Any) -> Any:
    """An `AsyncServer` with the options of the test."""
    options = defaults | json.loads(os.environ.get("FANIO_TEST_OPTIONS", "{}"))
    if ORACLE == "python-socketio":
        options["async_mode"] = "asgi"
    return socketio.AsyncServer(**options)


def run(app: Any) -> None:
    """Serves the app on a port of the system's choice until SIGTERM."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    settings: dict[str, Any] = json.loads(os.environ.get("FANIO_TEST_RUN", "{}"))
    if "uds" not in settings:
        settings = {"host": "127.0.0.1", "port": 0} | settings
    if ORACLE == "fanio":
        socketio.run(app, **settings)
        return
    import uvicorn

    uvicorn.run(app, **settings)
