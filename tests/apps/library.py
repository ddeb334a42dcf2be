"""The library an app runs on: fanio, or python-socketio on uvicorn as the oracle.

The apps are written once, with python-socketio's API. Their settings come as JSON in the
environment: the arguments of `AsyncServer` and those of `run`. `FANIO_TEST_SHARDS` gives every
server that many shards.
"""

from __future__ import annotations

import json
import os
import resource
from typing import Any

ORACLE = os.environ.get("FANIO_TEST_ORACLE", "fanio")

if ORACLE == "fanio":
    import fanio as socketio
    from fanio import engineio
else:
    import engineio  # type: ignore[no-redef]
    import socketio  # type: ignore[no-redef]

CALLABLE = "callable"
"""As `cors_allowed_origins`: ask the function below."""

__all__ = ["ORACLE", "engineio", "options", "run", "server", "socketio"]


def is_good(origin: str, environ: dict[str, Any]) -> bool:
    """The origins of one site, however it is reached."""
    return origin.endswith("//good.example") and environ["REQUEST_METHOD"] == "GET"


def options(**defaults: Any) -> dict[str, Any]:
    """The arguments of `AsyncServer` for the test."""
    options = defaults | json.loads(os.environ.get("FANIO_TEST_OPTIONS", "{}"))
    if ORACLE == "fanio" and "FANIO_TEST_SHARDS" in os.environ:
        options = {"shards": int(os.environ["FANIO_TEST_SHARDS"])} | options
    if options.get("cors_allowed_origins") == CALLABLE:
        options["cors_allowed_origins"] = is_good
    serializer = options.get("serializer", "default")
    if serializer not in ("default", "msgpack"):
        # Not before: it imports socketio, which some apps want to be fanio.
        import packets

        options["serializer"] = packets.CLASSES[serializer]
    if ORACLE == "python-socketio":
        options["async_mode"] = "asgi"
    return options


def server(**defaults: Any) -> Any:
    """An `AsyncServer` with the options of the test."""
    return socketio.AsyncServer(**options(**defaults))


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

    # Its polls outlive their clients: do not wait for them.
    uvicorn.run(app, timeout_graceful_shutdown=1, **settings)
