"""The door "takeover": uvicorn accepts a connection, and a shard takes over its WebSocket.

This happens inside the application, after all middleware has seen the request. The shard gets a duplicate of the
descriptor and the request head, and answers the handshake itself. uvicorn's own protocol gets a closed connection. The
WebSocket stays on the bridge if any part of uvicorn is not known exactly, or if middleware wraps ``receive`` or
``send``, because that middleware would miss the messages.
"""

from __future__ import annotations

import http
import logging
import os
import socket
from typing import TYPE_CHECKING, Any

from fanio._doors.head import build_head, is_secure, peer_of
from fanio._doors.uvicorn import protocol_of_websocket, unwrapped_send

if TYPE_CHECKING:
    from fanio import _core
    from fanio._doors.access_log import AccessLog
    from fanio._doors.head import Headers
    from fanio.types import Receive, Scope, Send

__all__ = ["take_over"]

_FAMILIES = (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX)
_NEEDED = {b"connection", b"sec-websocket-key", b"sec-websocket-version", b"upgrade"}
#: A handshake has no body.
_LEFT_OUT = (b"content-length", b"transfer-encoding")


def take_over(
    core: _core.Server, access_log: AccessLog, scope_header: Headers, scope: Scope, receive: Receive, send: Send
) -> bool:
    """Move a WebSocket that is connecting to a shard; return whether it was moved.

    Args:
        core: The core of the server.
        access_log: Writes the lines that uvicorn would log.
        scope_header: The header by which the scope is found again; the last one of the request head.
        scope: The ASGI scope.
        receive: ASGI's function, which has returned ``websocket.connect``.
        send: ASGI's function, which was not called yet.
    """
    protocol = protocol_of_websocket(receive)
    if protocol is None:
        return False
    is_bare = getattr(unwrapped_send(send), "__self__", None) is protocol
    transport = protocol.transport
    if not is_bare or not _is_plain(scope) or not _is_movable(protocol, transport):
        return False
    try:
        descriptor = os.dup(transport.get_extra_info("socket").fileno())
    except OSError:
        return False  # no descriptors are left, or the socket is closed
    _detach(protocol, transport)
    head, log = build_head(scope, _LEFT_OUT, scope_header), access_log.core_options(protocol.config)
    core.adopt(descriptor, "", head, peer_of(scope), is_secure(scope), log)
    return True


def _is_plain(scope: Scope) -> bool:
    names = {name.lower() for name, _ in scope["headers"]}
    return scope.get("http_version") == "1.1" and names >= _NEEDED


def _is_movable(protocol: Any, transport: Any) -> bool:
    """Return whether the descriptor is all of the connection's state, so that it can be moved."""
    stream = transport.get_extra_info("socket")
    return (
        stream is not None
        and stream.family in _FAMILIES
        and transport.get_extra_info("sslcontext") is None
        and not transport.is_closing()
        and transport.get_write_buffer_size() == 0
        and transport.get_protocol() is protocol
        and not _has_answered(protocol)
        # uvicorn would not count the connections that have moved.
        and protocol.config.limit_concurrency is None
    )


def _has_answered(protocol: Any) -> bool:
    started = getattr(protocol, "handshake_started_event", None)
    return bool(protocol.handshake_complete if started is None else started.is_set())


def _detach(protocol: Any, transport: Any) -> None:
    """Make uvicorn's protocol forget the connection without sending or logging anything."""
    protocol.transport = _NoTransport(transport)
    started = getattr(protocol, "handshake_started_event", None)
    if started is None:
        protocol.handshake_complete = True
    else:
        # The legacy protocol has a task that waits for a response to write, and logs it.
        protocol.logger = _silent
        protocol.initial_response = (http.HTTPStatus.SERVICE_UNAVAILABLE, [], b"")
        started.set()
    # This stops reading at once and does not shut the socket down. connection_lost follows.
    transport.close()


_silent = logging.Logger("fanio.silent", logging.CRITICAL + 1)


class _NoTransport:
    """Replaces a transport: passes attributes through, but writes and closes nothing."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        pass

    def write_eof(self) -> None:
        pass

    def close(self) -> None:
        pass

    def abort(self) -> None:
        pass

    def is_closing(self) -> bool:
        return True
