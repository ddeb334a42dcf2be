"""A server to measure: ``fanio run fanio.bench.app:app``.

The environment variable ``FANIO_BENCH_OPTIONS`` has arguments of ``AsyncServer`` as a JSON object, and
``FANIO_BENCH_NAMESPACE`` has the namespace of the handlers. A file of its own, because servers import it by this name.
"""

from __future__ import annotations

import json
import os

from fanio.asgi import ASGIApp
from fanio.async_server import AsyncServer
from fanio.bench.handlers import install

__all__ = ["app", "sio"]

_defaults = {"cors_allowed_origins": "*"}
sio = AsyncServer(**(_defaults | json.loads(os.environ.get("FANIO_BENCH_OPTIONS", "{}"))))
install(sio, os.environ.get("FANIO_BENCH_NAMESPACE", "/"))
app = ASGIApp(sio)
