"""A client as other servers are told of it: Node's ``handshake`` object.

Source: ``socket.handshake`` of Node's socket.io 4.8.
"""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["handshake_of"]


def handshake_of(environ: Mapping[str, Any], auth: Any, opened: float | None = None) -> dict[str, Any]:
    """Return the handshake of a client.

    Args:
        environ: The environ of its session.
        auth: What the client sent with CONNECT.
        opened: When it was opened, in seconds since 1970; now when it is not known.
    """
    moment = time.time() if opened is None else opened
    headers = {
        name[5:].replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") and isinstance(value, str)
    }
    query = str(environ.get("QUERY_STRING", ""))
    path = str(environ.get("RAW_URI") or environ.get("PATH_INFO", ""))
    return {
        "headers": headers,
        "time": formatdate(moment),
        "address": str(environ.get("REMOTE_ADDR", "")),
        "xdomain": "origin" in headers,
        "secure": environ.get("wsgi.url_scheme") in ("https", "wss"),
        "issued": int(moment * 1000),
        "url": path if "?" in path or not query else f"{path}?{query}",
        "query": dict(parse_qsl(query, keep_blank_values=True)),
        "auth": auth if isinstance(auth, dict) else {},
    }
