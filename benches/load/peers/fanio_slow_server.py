"""fanio with one shard and its metrics, for benches/slow.py.

``python fanio_slow_server.py PORT``; prints ``ready <pid>`` when it listens. ``BENCH_OPTIONS`` holds arguments of its
``AsyncServer`` as JSON. Every other path than ``/socket.io/`` shows the metrics.
"""

from __future__ import annotations

import json
import os
import sys

import fanio
from fanio.bench.handlers import install

options = {"cors_allowed_origins": "*", "shards": 1} | json.loads(os.environ.get("BENCH_OPTIONS", "{}"))
sio = fanio.AsyncServer(**options)
install(sio)


def ready() -> None:
    print("ready", os.getpid(), flush=True)


if __name__ == "__main__":
    app = fanio.ASGIApp(sio, fanio.MetricsApp(sio), on_startup=ready)
    fanio.run(app, host="127.0.0.1", port=int(sys.argv[1]), backlog=4096, log_level="warning", access_log=False)
