"""The WSGI-like ``environ`` of a client, made from the request that opened its session.

Nothing of it is kept unless the application changes it: the core keeps the raw head, and the dictionary is made
anew when it is asked for.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

from fanio.types import Scope

__all__ = ["Environ", "build"]


class Environ(dict[str, Any]):
    """A dictionary that notes whether it was changed, and builds its ASGI scope when asked.

    Attributes:
        changed: Whether the application has written to it.
    """

    changed = False

    def __missing__(self, key: str) -> Any:
        if key != "asgi.scope":
            raise KeyError(key)
        scope = _scope(self)
        super().__setitem__(key, scope)
        return scope

    def get(self, key: str, default: Any = None) -> Any:
        """Return an item, the scope included."""
        return self[key] if key in self or key == "asgi.scope" else default

    def __setitem__(self, key: str, value: Any) -> None:
        self.changed = True
        super().__setitem__(key, value)

    def __delitem__(self, key: str) -> None:
        self.changed = True
        super().__delitem__(key)

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Change several items."""
        self.changed = True
        super().update(*args, **kwargs)

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return an item, and set it first if it is not there."""
        self.changed = self.changed or key not in self
        return super().setdefault(key, default)

    def pop(self, *args: Any) -> Any:
        """Remove and return an item."""
        self.changed = True
        return super().pop(*args)


def build(head: bytes, peer: tuple[str, int] | None, secure: bool) -> Environ:
    """Build the environ of a request.

    Args:
        head: The raw request head.
        peer: The address and port of the other side; None for a Unix socket.
        secure: Whether it came over TLS.

    Returns:
        The dictionary, with python-socketio's keys.
    """
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = [*request_line.split(" "), "", "", ""][:3]
    path, _, query = target.partition("?")
    host, port = peer or ("", 0)
    environ = Environ()
    items: dict[str, Any] = {
        "wsgi.url_scheme": "https" if secure else "http",
        "SERVER_SOFTWARE": "fanio",
        "REQUEST_METHOD": method,
        "PATH_INFO": unquote(path),
        "RAW_URI": target,
        "QUERY_STRING": query,
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": version,
        "REMOTE_ADDR": host,
        "REMOTE_PORT": str(port),
        "SERVER_NAME": "fanio",
        "SERVER_PORT": "0",
    }
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            _add_header(items, name, value.strip())
    dict.update(environ, items)
    return environ


def _add_header(items: dict[str, Any], name: str, value: str) -> None:
    key = name.upper().replace("-", "_")
    if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
        key = f"HTTP_{key}"
    items[key] = f"{items[key]},{value}" if key in items else value


def _scope(environ: Environ) -> Scope:
    """Build an ASGI scope from an environ."""
    names = {key: key[5:] for key in environ if key.startswith("HTTP_")}
    headers = [(name.lower().replace("_", "-").encode(), environ[key].encode("latin-1")) for key, name in names.items()]
    upgrade = environ.get("HTTP_UPGRADE", "").lower() == "websocket"
    secure = environ["wsgi.url_scheme"] == "https"
    address = environ["REMOTE_ADDR"]
    return {
        "type": "websocket" if upgrade else "http",
        "asgi": {"version": "3.0"},
        "http_version": environ["SERVER_PROTOCOL"].removeprefix("HTTP/"),
        "method": environ["REQUEST_METHOD"],
        "scheme": ("wss" if secure else "ws") if upgrade else environ["wsgi.url_scheme"],
        "path": environ["PATH_INFO"],
        "raw_path": environ["RAW_URI"].partition("?")[0].encode("latin-1"),
        "query_string": environ["QUERY_STRING"].encode("latin-1"),
        "root_path": "",
        "headers": headers,
        "client": (address, int(environ["REMOTE_PORT"])) if address else None,
        "server": None,
    }
