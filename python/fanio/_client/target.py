"""Where a connection goes and how: the URL and the options, as the core takes them."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from fanio._client.certificates import Trust

__all__ = ["Route", "Target", "valid_transports"]

_TRANSPORTS = ("polling", "websocket")
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_UNIX = {"http+unix": "http", "ws+unix": "ws", "unix": "http"}
#: What may stand in a query as it is.
_QUERY = "%/:?&=+,;@!$'()*~-._[]"
#: Headers that are the transport's own business.
_OWN = frozenset(
    {
        "accept-encoding", "connection", "content-length", "content-type", "host", "keep-alive",
        "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol",
        "sec-websocket-version", "transfer-encoding", "upgrade",
    }
)  # fmt: skip


def valid_transports(wanted: str | Iterable[str] | None) -> list[str]:
    """Return the transports to use, in order.

    Raises:
        ValueError: When none of them exists.
    """
    if wanted is None:
        return list(_TRANSPORTS)
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    found = [name for name in names if name in _TRANSPORTS]
    if not found:
        msg = f"No valid transports provided: expected some of {_TRANSPORTS}, got {names}"
        raise ValueError(msg)
    return list(dict.fromkeys(found))


@dataclass
class Route:
    """What an HTTP session of the program's, or its options, say about the way to the server."""

    headers: dict[str, str] = field(default_factory=dict)
    params: str = ""
    proxy: str | None = None
    proxy_authorization: str | None = None
    unix: str | None = None
    compress: bool = False
    trust: Trust | None = None


@dataclass
class Target:
    """The options of one connection."""

    url: str
    headers: Mapping[str, str]
    transports: list[str]
    socketio_path: str
    route: Route

    def core(self, settings: Mapping[str, object]) -> dict[str, object]:
        """Return the dictionary for the core.

        Args:
            settings: What does not depend on the target: timeouts, limits and the like.

        Raises:
            ValueError: When the URL or a header cannot be sent.
        """
        parts = urlsplit(self.url)
        scheme = _UNIX.get(parts.scheme, parts.scheme)
        if scheme not in _PORTS or not (parts.hostname or parts.scheme in _UNIX):
            msg = f"url: expected http://, https://, ws:// or wss:// and a host, got {self.url!r}"
            raise ValueError(msg)
        secure = scheme in ("https", "wss")
        unix = unquote(parts.netloc) if parts.scheme in _UNIX else self.route.unix
        host = "localhost" if parts.scheme in _UNIX else _ascii_host(parts.hostname or "")
        port = _PORTS[scheme] if parts.scheme in _UNIX else parts.port or _PORTS[scheme]
        path = self.socketio_path.strip("/")
        query = "&".join(text for text in (parts.query, self.route.params) if text)
        return {
            **settings,
            **self._tls(host, secure),
            "authority": _authority(host, port, scheme),
            "headers": self._headers(parts.username, parts.password),
            "host": host,
            "path": quote(f"/{path}/" if path else "/", safe="/%~-._!$&'()*+,;=:@"),
            "port": port,
            "proxy": None if unix else self._proxy(),
            "query": quote(query, safe=_QUERY),
            "secure": secure,
            "transports": self.transports,
            "unix": unix,
        }

    def _headers(self, username: str | None, password: str | None) -> list[tuple[str, str]]:
        merged: dict[str, tuple[str, str]] = {}
        for source in (self.route.headers, self.headers):
            for name, value in source.items():
                merged[name.lower()] = (name, _header_value(name, value))
        if username is not None and "authorization" not in merged:
            value = basic(unquote(username), unquote(password or ""))
            merged["authorization"] = ("Authorization", value)
        return [pair for name, pair in merged.items() if name not in _OWN]

    def _tls(self, host: str, secure: bool) -> dict[str, object]:
        trust = self.route.trust or Trust()
        if secure and not trust.verify:
            warnings.warn(
                f"the certificate of {host} is not verified (ssl_verify=False): anybody on the way can read along",
                stacklevel=2,
            )
        return {
            "server_name": host,
            "ssl_ca": trust.authorities,
            "ssl_cert": trust.certificate,
            "ssl_check_hostname": trust.check_hostname,
            "ssl_verify": trust.verify,
        }

    def _proxy(self) -> tuple[str, int, str | None] | None:
        if not self.route.proxy:
            return None
        parts = urlsplit(self.route.proxy if "://" in self.route.proxy else f"http://{self.route.proxy}")
        if parts.scheme != "http" or not parts.hostname:
            msg = f"proxy: only HTTP proxies that can CONNECT are supported, got {parts.scheme}://"
            raise ValueError(msg)
        authorization = self.route.proxy_authorization
        if authorization is None and parts.username is not None:
            authorization = basic(unquote(parts.username), unquote(parts.password or ""))
        return parts.hostname, parts.port or 80, authorization


def basic(username: str, password: str) -> str:
    """Return the value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _ascii_host(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()


def _authority(host: str, port: int, scheme: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == _PORTS[scheme] else f"{name}:{port}"


def _header_value(name: str, value: object) -> str:
    text = str(value)
    if any(character in text or character in name for character in "\r\n\0"):
        msg = f"headers: {name!r} holds a line break"
        raise ValueError(msg)
    return text
