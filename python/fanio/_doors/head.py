"""Builds the head of a request from an ASGI scope, for a shard that did not read the request itself.

The ASGI server or middleware may have changed the scope. The shard gets the request as the application would see it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Collection

    from fanio.types import Scope

__all__ = ["Headers", "build_head", "is_secure", "peer_of"]

Headers = list[tuple[bytes, bytes]]


def build_head(scope: Scope, without: Collection[bytes], extra: Headers) -> bytes:
    """Return a request head in HTTP/1.1.

    Args:
        scope: Of type "http" or "websocket".
        without: Headers to leave out, in lower case.
        extra: Headers to add, at the end.
    """
    lines = [scope.get("method", "GET").encode() + b" " + _target(scope) + b" HTTP/1.1"]
    named = False
    for name, value in scope["headers"]:
        key = name.lower()
        if key in without or b"\r" in value or b"\n" in value:
            continue
        named = named or key == b"host"
        lines.append(key + b": " + value)
    if not named:
        lines.append(b"host: localhost")
    lines += [name + b": " + value for name, value in extra]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def _target(scope: Scope) -> bytes:
    path = scope["path"].encode("utf-8", "surrogateescape")
    target: bytes = (scope.get("raw_path") or b"").partition(b"?")[0]
    if unquote_to_bytes(target) != path:
        # Middleware has changed the path, or the server gives no raw path.
        target = quote(path, safe="/:@!$&'()*+,;=~").encode()
    query: bytes = scope.get("query_string", b"")
    return target + b"?" + query if query else target


def peer_of(scope: Scope) -> tuple[str, int] | None:
    """Return the client's address according to the ASGI server; None for a Unix socket."""
    client = scope.get("client")
    if not client:
        return None
    port = int(client[1] or 0)
    # A proxy may have forwarded an invalid port.
    return str(client[0]), port if 0 <= port < 1 << 16 else 0


def is_secure(scope: Scope) -> bool:
    """Return whether the request came over TLS according to the ASGI server."""
    return scope.get("scheme") in ("https", "wss")
