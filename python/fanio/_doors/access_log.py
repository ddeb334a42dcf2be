"""uvicorn's access log for what the shards answer: the same lines, by the same loggers.

Addresses are those that the program sees, so behind a trusted proxy the forwarded ones.
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

__all__ = ["Journal"]


class Journal:
    """Writes the lines of one server."""

    def __init__(self, environs: SessionEnvirons) -> None:
        """Write what ``environs`` makes of the requests' heads."""
        self._environs = environs
        self._access = logging.getLogger("uvicorn.access")
        self._error = logging.getLogger("uvicorn.error")
        self._tells_beginnings = self._tells_ends = False

    def lines(self, config: Any) -> tuple[bool, bool, bool]:
        """Return what the core has to tell of a uvicorn's streams: requests, WebSockets, their ends."""
        # uvicorn asks for handlers, which its option --no-access-log takes away.
        requests = self._access.hasHandlers() and self._access.isEnabledFor(logging.INFO)
        websockets = self._error.isEnabledFor(logging.INFO)
        self._tells_beginnings, self._tells_ends = uvicorn.logs_of_websockets(config)
        return requests, websockets, websockets and self._tells_ends

    def answered(
        self,
        _kind: int,
        head: bytes,
        peer: Peer | None,
        secure: bool,
        status: int,
        websocket: bool,
    ) -> None:
        """Take an ANSWERED event."""
        request = self._environs.request(head, peer, secure)
        address = "{}:{}".format(*request.client) if request.client else ""
        if websocket:
            self._websocket(address, _path(request), status)
            return
        # The formatter, and filters of programs, rely on these five.
        args = (address, request.method, _path(request), request.http_version, status)
        self._access.info('%s - "%s %s HTTP/%s" %d', *args)

    def _websocket(self, address: str, path: str, status: int) -> None:
        if status == SWITCHING_PROTOCOLS:
            self._error.info('%s - "WebSocket %s" [accepted]', address, path)
            if self._tells_beginnings:
                self._error.info("connection open")
            return
        self._error.info('%s - "WebSocket %s" %d', address, path, status)
        if self._tells_beginnings:
            self._error.info("connection rejected (%d %s)", status, responses.get(status, ""))
        if self._tells_ends:
            self.ended()

    def ended(self, *_event: object) -> None:
        """Take an ENDED event."""
        self._error.info("connection closed")


def _path(request: Request) -> str:
    query = request.query.decode("ascii", "backslashreplace")
    return quote(request.path) + (f"?{query}" if query else "")
