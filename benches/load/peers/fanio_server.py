"""fanio with one shard, as the load generator measures it.

``python fanio_server.py PORT``; prints ``ready <pid>`` when it listens. The handlers are those of python-socketio's
server, unchanged. ``BENCH_SHARDS`` is the number of shards, ``BENCH_DEFLATE=1`` switches permessage-deflate on.
"""

from __future__ import annotations

import os
import sys

import fanio as socketio
from fanio.bench.handlers import install

compressed = {"per_message_deflate": True} if os.environ.get("BENCH_DEFLATE") == "1" else {}
shards = int(os.environ.get("BENCH_SHARDS", "1"))
sio = socketio.AsyncServer(async_mode="asgi", cors_allowed_origins="*", shards=shards, **compressed)
install(sio)


def ready() -> None:
    print("ready", os.getpid(), flush=True)


if __name__ == "__main__":
    app = socketio.ASGIApp(sio, on_startup=ready)
    socketio.run(app, host="127.0.0.1", port=int(sys.argv[1]), backlog=4096, log_level="warning", access_log=False)
