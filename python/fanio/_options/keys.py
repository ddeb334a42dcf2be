"""The keyword arguments of servers, for type checkers and editors; ``server`` has their defaults and checks.

Each key's text has the unit, and the default at the end. A test compares this file with ``server``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from fanio._options.values import Door
from fanio.types import CookieOption, CorsOption, Serializer

__all__ = ["MoreOptions", "ServerOptions"]


class MoreOptions(TypedDict, total=False):
    """The options of fanio's servers that python-engineio's server does not have."""

    allow_request: Callable[[dict[str, Any]], Any] | None
    """Called with the environ of each handshake, may be ``async def``: False or a message refuses it with 403. None."""

    connect_timeout: float
    """Seconds in which a client must join a namespace. 45."""

    upgrade_timeout: float
    """Seconds in which an upgrade to a WebSocket must be complete. 10."""

    head_timeout: float
    """Seconds in which the head of a request must arrive. 10."""

    body_timeout: float
    """Seconds in which the body of a request must arrive. 30."""

    max_attachments: int
    """Attachments of one packet, in both directions. 10."""

    max_inbox_bytes: int
    """Emitted bytes that may wait in a shard before ``emit`` waits. 1,048,576."""

    high_water_mark: int
    """Bytes that may wait for one client before ``emit`` and other calls for this client alone wait. 262,144."""

    max_queue_age: float | None
    """Seconds that a packet may wait for a client before the client is closed; None is no limit. 30."""

    max_queue_bytes: int | None
    """Bytes that may wait for one client before it is closed; None is no limit. 67,108,864."""

    max_queue_packets: int | None
    """Packets that may wait for one client before it is closed; None is no limit. None."""

    max_total_queue_bytes: int | None
    """Bytes that may wait for all clients together; None is no limit. 268,435,456."""

    max_total_unread_bytes: int | None
    """Bytes from all clients that may wait for handlers; None is no limit. 67,108,864."""

    write_timeout: float
    """Seconds in which a client with a backlog must receive something. 10."""

    slow_clients: str
    """What happens to clients that exceed these limits; only "disconnect" is supported. "disconnect"."""

    send_buffer: int | None
    """Bytes that the kernel may hold for a client; None leaves it to the kernel. None."""

    not_sent_low_water: int | None
    """Bytes that the kernel may hold unsent for a client; None leaves it to the kernel. 131,072."""

    per_message_deflate: bool | Mapping[str, int] | None
    """Whether WebSocket messages are compressed; or ``threshold`` in bytes (1024) and ``level`` (6). False."""

    trusted_proxies: str | Iterable[str]
    """Addresses and networks whose ``X-Forwarded-*`` headers count; "*" for all. ()."""

    shards: int | None
    """Threads for I/O; None uses one less than the number of cores, from 1 to 8. None."""

    share_tasks: bool
    """Whether handlers that do not wait may share a task; False to look for a fault. True."""

    inline_mode: bool
    """Whether the loop's thread may do the work of shards with little to do; False to look for a fault. True."""

    door: Door
    """The fastest door that may be used: "accept", "takeover" or "bridge". "accept"."""


class ServerOptions(MoreOptions, total=False):
    """The options of ``fanio.AsyncServer`` that are not in its signature."""

    always_connect: bool
    """Whether clients are accepted before their connect handler runs. False."""

    async_mode: str | None
    """None or "asgi", the only mode. None."""

    engineio_logger: bool | logging.Logger
    """True logs packets and connections at INFO to ``engineio.server``, False only errors; or a logger. False."""

    monitor_clients: bool | None
    """Has no effect: the shards watch the clients. None."""

    serializer: Serializer
    """"default", "msgpack" or a packet class; clients must use the same. "default"."""

    ping_interval: float | tuple[float, float]
    """Seconds between two pings of a client; also ``(interval, grace)``, whose sum is announced. 25."""

    ping_timeout: float
    """Seconds for the answer to a ping. 20."""

    max_http_buffer_size: int
    """Bytes of one message or POST body, and of a packet's text and attachments together. 1,000,000."""

    allow_upgrades: bool
    """Whether a polling client may move to a WebSocket. True."""

    transports: str | Iterable[str] | None
    """"polling", "websocket" or a list of them; None allows both. None."""

    cookie: CookieOption | None
    """The name of a cookie for the session id, or a dictionary with ``name`` and attributes. None."""

    cors_allowed_origins: CorsOption | None
    """None is the same origin; an origin such as "https://a.example", a list of them, "*" for all, [] for no check,
    or a function of the origin (and the environ). None."""

    cors_credentials: bool
    """Whether pages of accepted origins may send cookies and other credentials. True."""

    http_compression: bool
    """Whether polling responses are compressed. True."""

    compression_threshold: int
    """Bytes from which polling responses are compressed. 1,024."""
