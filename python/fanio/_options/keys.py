"""The keyword arguments of servers, for type checkers and editors; ``server`` has their defaults and checks.

Each key says its unit, and its default at the end. A test holds both files together.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypedDict

from fanio._options.door import Door
from fanio.types import CookieOption, CorsOption, Serializer

__all__ = ["MoreOptions", "ServerOptions"]


class MoreOptions(TypedDict, total=False):
    """What fanio's servers take and python-engineio's does not."""

    allow_request: Callable[[dict[str, Any]], Any] | None
    """Called with the environ of each handshake, may be ``async def``: False or a message refuses it with 403. None."""

    connect_timeout: float
    """Seconds in which a client must join a namespace. 45."""

    upgrade_timeout: float
    """Seconds in which an upgrade to a WebSocket must be complete. 10."""

    head_timeout: float
    """Seconds in which the head of a request must have come. 10."""

    body_timeout: float
    """Seconds in which the body of a request must have come. 30."""

    max_attachments: int
    """Attachments of one packet, both ways. 10."""

    max_inbox_bytes: int
    """Bytes emitted that a shard has not sent before ``emit`` waits. 1,048,576."""

    high_water_mark: int
    """Bytes that may wait for one client before what is sent to it alone waits in ``await``. 262,144."""

    max_queue_age: float | None
    """Seconds that a packet may wait for a client before that is closed; None is no limit. 30."""

    max_queue_bytes: int | None
    """Bytes that may wait for one client before it is closed; None is no limit. 67,108,864."""

    max_queue_packets: int | None
    """Packets that may wait for one client before it is closed; None is no limit. None."""

    max_total_queue_bytes: int | None
    """Bytes that may wait for all clients together; None is no limit. 268,435,456."""

    max_total_unread_bytes: int | None
    """Bytes from all clients that handlers have not been given; None is no limit. 67,108,864."""

    write_timeout: float
    """Seconds in which a client with a backlog must take something. 10."""

    slow_clients: str
    """What happens to clients past these limits. "disconnect"."""

    send_buffer: int | None
    """Bytes that the kernel may hold for a client; None leaves it to the kernel. None."""

    not_sent_low_water: int | None
    """Bytes that the kernel may hold unsent for a client; None leaves it to the kernel. 131,072."""

    per_message_deflate: bool | Mapping[str, int] | None
    """Whether WebSocket messages are compressed; or ``threshold`` in bytes (1024) and ``level`` (6). False."""

    trusted_proxies: str | Iterable[str]
    """Addresses and networks whose ``X-Forwarded-*`` headers count; "*" for all. ()."""

    shards: int | None
    """Threads for I/O; None takes one less than there are cores, from 1 to 8. None."""

    share_tasks: bool
    """Whether handlers that do not wait may share a task; False to look for a fault. True."""

    lend_shards: bool
    """Whether the loop's thread may do the work of shards with little to do; False to look for a fault. True."""

    door: Door
    """The fastest way in that may be used: "accept", "takeover" or "bridge". "accept"."""


class ServerOptions(MoreOptions, total=False):
    """What ``fanio.AsyncServer`` takes beside the arguments that it names."""

    always_connect: bool
    """Whether clients are accepted before their connect handler runs. False."""

    async_mode: str | None
    """None or "asgi", which is all there is. None."""

    engineio_logger: bool | logging.Logger
    """True logs packets and connections at INFO, False errors only, to ``engineio.server``; or a logger. False."""

    monitor_clients: bool | None
    """Has no effect: the shards watch the clients. None."""

    serializer: Serializer
    """"default", "msgpack" or a packet class; clients need the same. "default"."""

    ping_interval: float | tuple[float, float]
    """Seconds between two pings of a client; also ``(interval, grace)``, of which the sum is announced. 25."""

    ping_timeout: float
    """Seconds for the answer to a ping. 20."""

    max_http_buffer_size: int
    """Bytes of one message or POST body, and of a packet's text and attachments together. 1,000,000."""

    allow_upgrades: bool
    """Whether a polling client may move to a WebSocket. True."""

    transports: str | Iterable[str] | None
    """"polling", "websocket" or a list of them; None takes both. None."""

    cookie: CookieOption | None
    """The name of a cookie for the session id, or a dictionary with ``name`` and attributes. None."""

    cors_allowed_origins: CorsOption | None
    """None is the same origin; an origin such as "https://a.example", a list of them, "*" for all, [] for no check,
    or a function of the origin (and the environ). None."""

    cors_credentials: bool
    """Whether accepted origins may send cookies and the like. True."""

    http_compression: bool
    """Whether polling responses are compressed. True."""

    compression_threshold: int
    """Bytes from which on polling responses are compressed. 1,024."""
