"""The request a client came with, as the environ dictionary handlers get.

Owns the translation of a raw request head into python-socketio's asgi environ and into an ASGI
scope. Most handlers never look, so both are built at the first look; one is kept only when a
handler has written to it. Forwarded headers count only when the peer is a trusted proxy.
"""

from __future__ import annotations

import functools
import ipaddress
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Collection

    from fanio import _core
    from fanio.types import Message, Peer, Scope
    from fanio.wire.scopes import Scopes

__all__ = ["Environ", "Environs", "Request", "build_environ"]


class Request:
    """A request head, taken apart."""

    def __init__(
        self,
        head: bytes,
        peer: Peer | None,
        secure: bool,
        trusted: str | Collection[str] = (),
        scope: Scope | None = None,
        more: Scope | None = None,
    ) -> None:
        """Parse ``head``, which the core has checked already.

        Args:
            head: The request line and header lines.
            peer: The address at the other end; None for a Unix socket.
            secure: Whether it came over TLS.
            trusted: Addresses and networks whose forwarded headers count; "*" for all.
            scope: The ASGI scope it came with; made of the head when it did not come through ASGI.
            more: What the server would have put into each scope, such as ``root_path``.
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
        believed = trusted == "*" or (peer is not None and _is_trusted(peer[0], trusted))
        self.client = (self._forwarded_for(trusted) if believed else None) or peer
        self.scheme = "https" if secure else "http"
        proto = self.header(b"x-forwarded-proto").split(",")[0].strip() if believed else ""
        if proto in ("http", "https", "ws", "wss"):
            self.scheme = proto.replace("ws", "http")

    @property
    def came_with_scope(self) -> bool:
        """Whether it came through an ASGI server."""
        return self._scope is not None

    def header(self, name: bytes) -> str:
        """Return the values of a header, joined by commas; empty when it is absent."""
        return ",".join(value.decode("latin-1") for key, value in self.headers if key == name)

    @property
    def path(self) -> str:
        """The path, percent-decoded, below the root path that the server was given."""
        root: str = self._more.get("root_path", "")
        return root + unquote(self.raw_path.decode("latin-1"))

    def scope(self) -> Scope:
        """Return the ASGI scope it came with, or the one a server would have made of it."""
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

    def _forwarded_for(self, trusted: str | Collection[str]) -> Peer | None:
        """Return the nearest address that is not a trusted proxy's own."""
        hosts = [host.strip() for host in self.header(b"x-forwarded-for").split(",")]
        hosts = [host for host in hosts if host]
        for host in reversed(hosts):
            address = _split_port(host)
            if trusted != "*" and not _is_trusted(address[0], trusted):
                return address
        return _split_port(hosts[0]) if hosts else None


def _headers(lines: bytes) -> Iterator[tuple[bytes, bytes]]:
    for line in lines.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            yield name.lower(), value.strip(b" \t")


def _is_trusted(host: str, trusted: str | Collection[str]) -> bool:
    if isinstance(trusted, str):
        return trusted in ("*", host)
    if not trusted:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in _network(proxy) for proxy in trusted)


_network = functools.lru_cache(maxsize=1024)(ipaddress.ip_network)


def _split_port(host: str) -> Peer:
    """Return address and port of a forwarded host: some proxies write ``192.0.2.1:4000`` or ``[::1]:4000``."""
    name, colon, port = host.rpartition(":")
    is_split = colon and port.isdigit() and len(port) < 6 and (":" not in name or name.endswith("]"))
    name, number = (name, int(port)) if is_split else (host, 0)
    return name.removeprefix("[").removesuffix("]"), number


class _Body:
    """``wsgi.input`` of a handshake, which has no body."""

    async def read(self, length: int | None = None) -> bytes:
        return b""


async def _receive() -> Message:
    return {"type": "http.disconnect"}


async def _send(_message: Message) -> None:
    pass


def build_environ(request: Request) -> dict[str, Any]:
    """Return the environ of a request, with the keys python-socketio's asgi driver makes."""
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
    """An environ that is built at the first look and says when it is written to."""

    def __init__(self, build: Callable[[], dict[str, Any]], keep: Callable[[Environ], None] | None) -> None:
        """Build with ``build``; call ``keep`` at the first write."""
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


class Environs(Mapping[str, dict[str, Any]]):
    """The environs of all sessions, by session id.

    One that a handler has written to, or that came with an ASGI scope, lives as long as a socket of
    its session.
    """

    def __init__(self, core: _core.Server, scopes: Scopes) -> None:
        """Ask ``core`` for the requests, ``scopes`` for what came with them."""
        self._core = core
        self._scopes = scopes
        self._kept: dict[str, Environ] = {}
        self._owners: dict[str, set[str]] = {}
        #: Whose forwarded headers count.
        self.trusted: str | Collection[str] = ()
        #: What the server would have put into the scope of each request that the shards accept.
        self.more: Scope = {}

    def request(self, head: bytes, peer: Peer | None, secure: bool) -> Request:
        """Take a request head of the core's apart."""
        head, scope = self._scopes.find(head) if self._scopes else (head, None)
        return Request(head, peer, secure, self.trusted, scope, self.more)

    def claim(self, session_id: str, sid: str) -> None:
        """Keep the scope that a session came with, for one of its sockets."""
        if session_id in self._kept:
            self._owners[session_id].add(sid)
            return
        if not self._scopes:
            return
        found = self._core.request(session_id)
        if found is not None:
            request = self.request(*found)
            if request.came_with_scope:
                self._keep(session_id, sid, Environ(lambda: build_environ(request), None))

    def of(self, session_id: str, sid: str) -> Environ:
        """Return the environ of a session for one of its sockets."""
        kept = self._kept.get(session_id)
        if kept is not None:
            self._owners[session_id].add(sid)
            return kept
        found = self._core.request(session_id) or (b"", None, False)

        def keep(environ: Environ) -> None:
            if self._core.request(session_id) is not None:
                self._keep(session_id, sid, environ)

        return Environ(lambda: build_environ(self.request(*found)), keep)

    def _keep(self, session_id: str, sid: str, environ: Environ) -> None:
        self._kept.setdefault(session_id, environ)
        self._owners.setdefault(session_id, set()).add(sid)

    def release(self, session_id: str, sid: str) -> None:
        """Forget what only this socket needed."""
        owners = self._owners.get(session_id)
        if owners is None:
            return
        owners.discard(sid)
        if not owners:
            del self._owners[session_id]
            self._kept.pop(session_id, None)

    def __getitem__(self, session_id: str) -> dict[str, Any]:
        """Return the environ of a session id."""
        if self._core.request(session_id) is None:
            raise KeyError(session_id)
        sids = [sid for sid, session in self._pairs() if session == session_id]
        return self.of(session_id, sids[0] if sids else "")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the session ids that are in a namespace."""
        return iter({session: None for _, session in self._pairs()})

    def __len__(self) -> int:
        """Return how many sessions are in a namespace."""
        return len({session for _, session in self._pairs()})

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for namespace in self._core.namespaces():
            yield from self._core.participants(namespace, None)
