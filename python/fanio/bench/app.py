"""A server to be measured: ``fanio run fanio.bench.app:app``.

The environment variable ``FANIO_BENCH_OPTIONS`` holds arguments of ``AsyncServer`` as a JSON object,
``FANIO_BENCH_NAMESPACE`` the namespace that is measured.
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
