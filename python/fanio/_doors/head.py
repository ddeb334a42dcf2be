"""The head of a request, made of an ASGI scope: what a shard reads for a connection it did not accept.

A server or a middleware may have changed the scope; the shard gets what the program would have seen.
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
        # Rewritten on its way, or not given at all.
        target = quote(path, safe="/:@!$&'()*+,;=~").encode()
    query: bytes = scope.get("query_string", b"")
    return target + b"?" + query if query else target


def peer_of(scope: Scope) -> tuple[str, int] | None:
    """Return who the server says is at the other end; None for a Unix socket."""
    client = scope.get("client")
    if not client:
        return None
    port = int(client[1] or 0)
    # A proxy may have forwarded any number.
    return str(client[0]), port if 0 <= port < 1 << 16 else 0


def is_secure(scope: Scope) -> bool:
    """Return whether the request came over TLS, as far as the server knows."""
    return scope.get("scheme") in ("https", "wss")
