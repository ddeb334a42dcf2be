"""Parses the head of a request that the core has read and checked.

Forwarded headers are used only when the peer is a trusted proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from fanio._request.proxies import forwarded_for, is_trusted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from fanio.types import Peer, Scope

__all__ = ["Request"]


class Request:
    """A parsed request head."""

    def __init__(
        self,
        head: bytes,
        peer: Peer | None,
        secure: bool,
        trusted: str | Collection[str] = (),
        scope: Scope | None = None,
        more: Scope | None = None,
    ) -> None:
        """Parse ``head``.

        Args:
            head: The request line and header lines.
            peer: The address at the other end; None for a Unix socket.
            secure: Whether the connection uses TLS.
            trusted: Addresses and networks whose forwarded headers are used; "*" for all.
            scope: The ASGI scope, if the request came through ASGI.
            more: Keys that the ASGI server would have put into each scope, such as ``root_path``.
        """
        self._scope = scope
        self._more: Scope = more or {}
        line, _, rest = head.partition(b"\r\n")
        method, _, target = line.partition(b" ")
        target, _, protocol = target.rpartition(b" ")
        self.http_version = protocol.removeprefix(b"HTTP/").decode("latin-1")
        if b"://" in target.partition(b"?")[0]:  # absolute form
            target = b"/" + target.partition(b"://")[2].partition(b"/")[2]
        self.method = method.decode("latin-1")
        self.raw_path, _, self.query = target.partition(b"?")
        self.headers = list(_headers(rest))
        from_proxy = trusted == "*" or (peer is not None and is_trusted(peer[0], trusted))
        #: Whether the peer is a trusted proxy, so that its forwarded address, scheme and host are used.
        self.is_from_trusted_proxy = from_proxy
        self.client = (forwarded_for(self.header(b"x-forwarded-for"), trusted) if from_proxy else None) or peer
        self.scheme = "https" if secure else "http"
        proto = self.header(b"x-forwarded-proto").split(",")[0].strip() if from_proxy else ""
        if proto in ("http", "https", "ws", "wss"):
            self.scheme = proto.replace("ws", "http")

    @property
    def has_asgi_scope(self) -> bool:
        """Whether it came through an ASGI server."""
        return self._scope is not None

    def header(self, name: bytes) -> str:
        """Return the values of a header, joined by commas; empty when it is absent."""
        return ",".join(value.decode("latin-1") for key, value in self.headers if key == name)

    @property
    def path(self) -> str:
        """The percent-decoded path, with the server's root path in front."""
        root: str = self._more.get("root_path", "")
        return root + unquote(self.raw_path.decode("latin-1"))

    def scope(self) -> Scope:
        """Return its ASGI scope, or the scope that an ASGI server would have made for it."""
        if self._scope is not None:
            return self._scope
        websocket = self.header(b"upgrade").lower() == "websocket"
        scheme = self.scheme.replace("http", "ws") if websocket else self.scheme
        kind: Scope = (
            {"type": "websocket", "subprotocols": []} if websocket else {"type": "http", "method": self.method}
        )
        root: str = self._more.get("root_path", "")
        return {
            **kind,
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": self.http_version,
            "scheme": scheme,
            "path": self.path,
            "raw_path": root.encode() + self.raw_path,
            "query_string": self.query,
            "root_path": "",
            "headers": self.headers,
            "client": self.client,
            "server": None,
            **self._more,
        }


def _headers(lines: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in lines.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            yield name.lower(), value.strip(b" \t")
