"""The keyword arguments of clients, for type checkers and editors; ``settings`` has their defaults and checks.

Each key's text has the unit, and the default at the end. A test compares this file with ``settings``.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from typing import Any, TypedDict

from fanio._client.tls import CertOption, VerifyOption
from fanio.types import JsonModule, Serializer

__all__ = ["ClientOptions", "SimpleClientOptions"]


class ClientOptions(TypedDict, total=False):
    """The options of ``AsyncClient`` and ``Client`` that are not in their signatures."""

    request_timeout: float
    """Seconds for opening a connection, for the handshake, and for each POST; 5."""

    http_session: Any
    """A ``requests.Session``, an ``aiohttp.ClientSession``, or a function that makes one; its headers, cookies,
    authentication, proxies and certificates are used. None."""

    ssl_verify: VerifyOption
    """Which certificates to trust: True for the platform's authorities, the path of a CA bundle, an
    ``ssl.SSLContext``, or False for any certificate, which warns. True."""

    ssl_cert: CertOption | None
    """The client's certificate: the path of a PEM file, or of certificate and key. None."""

    websocket_extra_options: Mapping[str, Any] | None
    """Options of aiohttp's ``ws_connect`` or of ``websocket.create_connection``. None."""

    timestamp_requests: bool
    """Whether each URL gets a parameter ``t`` that prevents caching. True."""

    proxy: str | None
    """An HTTP proxy that can CONNECT: ``http://user:password@host:port``. None."""

    uds: str | os.PathLike[str] | None
    """The path of a Unix socket to connect to instead of the URL's host. None."""

    per_message_deflate: bool | Mapping[str, int] | None
    """Whether WebSocket compression is offered; or ``threshold`` in bytes (1024) and ``level`` (6). False."""

    upgrade: bool
    """Whether a polling connection is upgraded to a WebSocket. True."""

    try_all_transports: bool
    """Whether the next transport is tried when one cannot be opened. False."""

    max_http_buffer_size: int
    """Bytes of one message from the server, and of a packet's text and attachments together. 100,000,000."""

    max_attachments: int
    """Attachments of one packet, in both directions. 10."""

    max_queue_bytes: int
    """Bytes that may wait to be sent before ``emit`` waits. 1,048,576."""

    max_buffer_packets: int
    """Events that are kept while the client is not connected; 0 keeps none. 1,000."""

    max_buffer_bytes: int
    """Bytes that these events may have together. 1,000,000."""

    retries: int
    """Number of times that an event is sent again if it is not acknowledged. 0."""

    ack_timeout: float | None
    """Seconds to wait for the acknowledgement of an ``emit``; None waits as long as the connection lasts."""

    engineio_logger: bool | logging.Logger
    """Accepted for compatibility, without effect: there is one logger, ``fanio.client``."""


class SimpleClientOptions(ClientOptions, total=False):
    """The options of ``AsyncSimpleClient`` and ``SimpleClient``: all arguments of the clients above."""

    reconnection: bool
    """Whether the client reconnects after it has lost the connection. True."""

    reconnection_attempts: int
    """Number of attempts to reconnect; 0 is unlimited. 0."""

    reconnection_delay: float
    """Seconds before the first attempt; the delay doubles with each attempt. 1."""

    reconnection_delay_max: float
    """The longest delay in seconds. 5."""

    randomization_factor: float
    """The share, 0 to 1, by which a delay is randomly changed. 0.5."""

    logger: bool | logging.Logger
    """True logs at INFO to ``fanio.client``, False only errors; or a logger of your own. False."""

    serializer: Serializer
    """"default", "msgpack" or a packet class; the server must use the same. "default"."""

    json: JsonModule | None
    """A module to use instead of orjson, with the standard module's functions. None."""

    handle_sigint: bool
    """Whether Ctrl-C disconnects before it ends the application. True."""
