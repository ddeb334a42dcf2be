"""Servers with every option, which type checkers must accept, and options that they must refuse.

mypy and pyright read this file, nothing runs it. A line with an ignore is one that both refuse:
an ignore that is not needed is an error itself.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import fanio as socketio
from fanio import engineio


async def allow(environ: dict[str, Any]) -> bool:
    return bool(environ)


sio = socketio.AsyncServer(
    client_manager=socketio.AsyncManager(),
    logger=logging.getLogger("mine"),
    json=json,
    async_handlers=False,
    namespaces=["/", "/chat"],
    always_connect=True,
    async_mode="asgi",
    engineio_logger=True,
    monitor_clients=False,
    serializer="msgpack",
    ping_interval=(10, 2.5),
    ping_timeout=5,
    max_http_buffer_size=100_000,
    allow_upgrades=False,
    transports=["websocket"],
    cookie={"name": "io", "httpOnly": True},
    cors_allowed_origins=["https://a.example"],
    cors_credentials=False,
    http_compression=False,
    compression_threshold=10,
    allow_request=allow,
    connect_timeout=1.5,
    upgrade_timeout=2,
    head_timeout=3,
    body_timeout=4,
    max_attachments=5,
    max_inbox_bytes=6,
    max_queue_bytes=None,
    max_queue_packets=7,
    max_total_queue_bytes=None,
    max_total_unread_bytes=None,
    write_timeout=8,
    slow_clients="disconnect",
    send_buffer=9,
    not_sent_low_water=None,
    per_message_deflate={"level": 1},
    trusted_proxies=["10.0.0.0/8"],
    shards=2,
    door="bridge",
)
eio = engineio.AsyncServer(ping_interval=1, cors_allowed_origins=lambda origin: True, max_queue_bytes=None, shards=1)


class Mine(socketio.AsyncServer):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)


def refused_by_type_checkers() -> None:
    socketio.AsyncServer(ping_intervall=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    socketio.AsyncServer(ping_interval="25")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    socketio.AsyncServer(allow_upgrades="no")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    socketio.AsyncServer(door="window")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    socketio.AsyncServer(transports=5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    engineio.AsyncServer(max_queue_byte=3)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    engineio.AsyncServer(shards="2")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    socketio.ASGIApp(42)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
