"""Writes uvicorn's access log for requests that the shards answer: the same lines, to the same loggers.

The logged address is the one that the application sees: behind a trusted proxy, the forwarded one.
"""

from __future__ import annotations

import logging
from http.client import SWITCHING_PROTOCOLS, responses
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fanio._doors import uvicorn

if TYPE_CHECKING:
    from fanio._request.request import Request
    from fanio._request.session_environs import SessionEnvirons
    from fanio.types import Peer

__all__ = ["AccessLog"]


class AccessLog:
    """The access log of one server."""

    def __init__(self, environs: SessionEnvirons) -> None:
        """Log requests as ``environs`` parses them."""
        self._environs = environs
        self._access = logging.getLogger("uvicorn.access")
        self._error = logging.getLogger("uvicorn.error")
        self._logs_opening = self._logs_closing = False

    def core_options(self, config: Any) -> tuple[bool, bool, bool]:
        """Return whether the core must report requests, WebSockets, and the ends of WebSockets."""
        # uvicorn checks for handlers, because its option --no-access-log removes them.
        requests = self._access.hasHandlers() and self._access.isEnabledFor(logging.INFO)
        websockets = self._error.isEnabledFor(logging.INFO)
        self._logs_opening, self._logs_closing = uvicorn.logs_of_websockets(config)
        return requests, websockets, websockets and self._logs_closing

    def answered(
        self,
        _kind: int,
        head: bytes,
        peer: Peer | None,
        secure: bool,
        status: int,
        websocket: bool,
    ) -> None:
        """Handle an ANSWERED event."""
        request = self._environs.request(head, peer, secure)
        address = "{}:{}".format(*request.client) if request.client else ""
        if websocket:
            self._websocket(address, _path(request), status)
            return
        # uvicorn's formatter, and filters of applications, rely on these five arguments.
        args = (address, request.method, _path(request), request.http_version, status)
        self._access.info('%s - "%s %s HTTP/%s" %d', *args)

    def _websocket(self, address: str, path: str, status: int) -> None:
        if status == SWITCHING_PROTOCOLS:
            self._error.info('%s - "WebSocket %s" [accepted]', address, path)
            if self._logs_opening:
                self._error.info("connection open")
            return
        self._error.info('%s - "WebSocket %s" %d', address, path, status)
        if self._logs_opening:
            self._error.info("connection rejected (%d %s)", status, responses.get(status, ""))
        if self._logs_closing:
            self.ended()

    def ended(self, *_event: object) -> None:
        """Handle an ENDED event."""
        self._error.info("connection closed")


def _path(request: Request) -> str:
    query = request.query.decode("ascii", "backslashreplace")
    return quote(request.path) + (f"?{query}" if query else "")
