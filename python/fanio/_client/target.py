"""Converts the URL and the options of a connection to the dictionary that the core reads."""

from __future__ import annotations

import base64
import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, quote, unquote, urlsplit

from fanio._client.tls import TlsSettings
from fanio._options.checks import check_text, warn_application
from fanio.exceptions import ConnectionError as NotConnectedError

__all__ = ["Route", "Target", "valid_transports"]

_TRANSPORTS = ("polling", "websocket")
_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_UNIX = {"http+unix": "http", "ws+unix": "ws", "unix": "http"}
#: Characters of a query that are not quoted.
_QUERY = "%/:?&=+,;@!$'()*~-._[]"
#: Headers that only the transport sets.
_TRANSPORT_HEADERS = frozenset(
    {
        "accept-encoding", "connection", "content-length", "content-type", "host", "keep-alive",
        "sec-websocket-accept", "sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol",
        "sec-websocket-version", "transfer-encoding", "upgrade",
    }
)  # fmt: skip


def valid_transports(wanted: str | Iterable[str] | None) -> list[str]:
    """Return the transports to use, in order.

    Raises:
        TypeError: When ``wanted`` is neither text nor iterable.
        ValueError: When none of the names is known.
    """
    if wanted is None:
        return list(_TRANSPORTS)
    if not isinstance(wanted, (str, Iterable)):
        msg = f"transports: expected some of {_TRANSPORTS}, got {wanted!r}"
        raise TypeError(msg)
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    found = [name for name in names if name in _TRANSPORTS]
    unknown = ", ".join(map(_with_hint, [name for name in names if name not in _TRANSPORTS]))
    if not found:
        msg = f"No valid transports provided: expected some of {_TRANSPORTS}, got {unknown or names}"
        raise ValueError(msg)
    if unknown:
        # python-socketio uses the others, without a warning.
        warn_application(f"transports: {unknown} is unknown and not used; there are {_TRANSPORTS}")
    return list(dict.fromkeys(found))


def _with_hint(name: Any) -> str:
    near = difflib.get_close_matches(name, _TRANSPORTS, 1) if isinstance(name, str) else []
    return f"{name!r} (did you mean {near[0]!r}?)" if near else repr(name)


@dataclass
class Route:
    """The way to the server, from the options and from the application's HTTP session."""

    headers: dict[str, str] = field(default_factory=dict)
    params: str = ""
    proxy: str | None = None
    proxy_authorization: str | None = None
    unix: str | None = None
    compress: bool = False
    trust: TlsSettings | None = None

    def proxy_address(self) -> tuple[str, int, str | None] | None:
        """Return the proxy's host, port and Authorization header; None without a proxy.

        Raises:
            TypeError: When the proxy is not text.
            ValueError: When it is not an HTTP proxy.
        """
        if not self.proxy:
            return None
        check_text("proxy", self.proxy, "a URL such as 'http://user:password@host:port'")
        try:
            parts = urlsplit(self.proxy if "://" in self.proxy else f"http://{self.proxy}")
            port = parts.port or 80
        except ValueError as error:
            msg = f"proxy: expected a URL such as 'http://user:password@host:port', got {self.proxy!r}: {error}"
            raise ValueError(msg) from None
        if parts.scheme != "http" or not parts.hostname:
            msg = f"proxy: only HTTP proxies that can CONNECT are supported, got {parts.scheme}://"
            raise ValueError(msg)
        authorization = self.proxy_authorization
        if authorization is None and parts.username is not None:
            authorization = basic(unquote(parts.username), unquote(parts.password or ""))
        return parts.hostname, port, authorization


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
            settings: Options that do not depend on the target, such as timeouts and limits.

        Raises:
            ConnectionError: When the URL is malformed.
            ValueError: When a header cannot be sent.
        """
        parts, scheme, port = _read(self.url)
        secure = scheme in ("https", "wss")
        unix = unquote(parts.netloc) if parts.scheme in _UNIX else self.route.unix
        host = "localhost" if parts.scheme in _UNIX else _ascii_host(self.url, parts.hostname or "")
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
            "proxy": None if unix else self.route.proxy_address(),
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
        return [pair for name, pair in merged.items() if name not in _TRANSPORT_HEADERS]

    def _tls(self, host: str, secure: bool) -> dict[str, object]:
        trust = self.route.trust or TlsSettings()
        if secure and not trust.verify:
            warn_application(
                f"the certificate of {host} is not verified (ssl_verify=False): anybody on the way can read along"
            )
        return {
            "server_name": host,
            "ssl_ca": trust.authorities,
            "ssl_cert": trust.certificate,
            "ssl_check_hostname": trust.check_hostname,
            "ssl_verify": trust.verify,
        }


def basic(username: str, password: str) -> str:
    """Return the value of an Authorization header for basic authentication."""
    return "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()


def _read(url: str) -> tuple[SplitResult, str, int]:
    """Return the parts of a URL, its scheme without "unix", and the port."""
    check_text("url", url, "a URL")
    try:
        parts = urlsplit(url)
        scheme = _UNIX.get(parts.scheme, parts.scheme)
        port = _PORTS[scheme] if parts.scheme in _UNIX else parts.port or _PORTS[scheme]
    except (KeyError, ValueError):
        raise _malformed(url) from None
    if not (parts.hostname or parts.scheme in _UNIX):
        raise _malformed(url)
    return parts, scheme, port


def _malformed(url: str) -> NotConnectedError:
    # The same exception as in python-socketio, so that callers of connect() handle only one.
    return NotConnectedError(f"url: expected http://, https://, ws:// or wss:// and a host, got {url!r}")


def _ascii_host(url: str, host: str) -> str:
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise _malformed(url) from None


def _authority(host: str, port: int, scheme: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return name if port == _PORTS[scheme] else f"{name}:{port}"


def _header_value(name: str, value: object) -> str:
    text = str(value)
    if any(character in text or character in name for character in "\r\n\0"):
        msg = f"headers: {name!r} holds a line break"
        raise ValueError(msg)
    return text
