"""The environ dictionary that handlers get: the HTTP request of a client.

Its keys are those of python-socketio's ASGI driver. Most handlers never read it, so it is built at the first access.
It is kept only when a handler has written to it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio._request.request import Request
    from fanio.types import Message

__all__ = ["Environ", "build_environ"]


class _Body:
    """``wsgi.input`` of a handshake, which has no body."""

    async def read(self, length: int | None = None) -> bytes:
        return b""


async def _receive() -> Message:
    return {"type": "http.disconnect"}


async def _send(_message: Message) -> None:
    pass


def build_environ(request: Request) -> dict[str, Any]:
    """Return the environ of a request."""
    query = request.query.decode("latin-1")
    host, port = request.client or ("", 0)
    environ: dict[str, Any] = {
        "wsgi.input": _Body(),
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.async": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.url_scheme": request.scheme,
        "SERVER_SOFTWARE": "asgi",
        "REQUEST_METHOD": request.method,
        "PATH_INFO": request.path,
        "QUERY_STRING": query,
        "RAW_URI": request.path + (f"?{query}" if query else ""),
        "SCRIPT_NAME": "",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": host,
        "REMOTE_PORT": str(port),
        "SERVER_NAME": "asgi",
        "SERVER_PORT": "0",
        "asgi.receive": _receive,
        "asgi.send": _send,
        "asgi.scope": request.scope(),
    }
    for name, value in request.headers:
        key = name.decode("latin-1").upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        text = value.decode("utf-8", "replace")
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


class Environ(dict[str, Any]):
    """An environ that is built at the first access and reports the first write."""

    def __init__(self, build: Callable[[], dict[str, Any]], keep: Callable[[Environ], None] | None) -> None:
        """Call ``build`` at the first access and ``keep`` at the first write."""
        super().__init__()
        self._build: Callable[[], dict[str, Any]] | None = build
        self._keep = keep

    def __reduce_ex__(self, _protocol: Any) -> tuple[Any, ...]:
        """Copy and pickle as a plain dictionary."""
        return dict, (dict(self),)

    def _fill(self) -> None:
        build, self._build = self._build, None
        if build is not None:
            super().update(build())

    def _write(self) -> None:
        self._fill()
        keep, self._keep = self._keep, None
        if keep is not None:
            keep(self)


def _reader(name: str) -> Callable[..., Any]:
    method = getattr(dict, name)

    def read(self: Environ, *args: Any, **kwargs: Any) -> Any:
        if self._build is not None:
            self._fill()
        return method(self, *args, **kwargs)

    read.__name__ = name
    return read


def _writer(name: str) -> Callable[..., Any]:
    method = getattr(dict, name)

    def write(self: Environ, *args: Any, **kwargs: Any) -> Any:
        self._write()
        return method(self, *args, **kwargs)

    write.__name__ = name
    return write


for _name in [
    "__contains__",
    "__eq__",
    "__getitem__",
    "__iter__",
    "__len__",
    "__ne__",
    "__or__",
    "__repr__",
    "__reversed__",
    "__ror__",
    "copy",
    "get",
    "items",
    "keys",
    "values",
]:
    setattr(Environ, _name, _reader(_name))
for _name in ["__delitem__", "__ior__", "__setitem__", "clear", "pop", "popitem", "setdefault", "update"]:
    setattr(Environ, _name, _writer(_name))
