"""The options of a client, with python-socketio's names and defaults, and their checks; ``options`` documents them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import fspath
from typing import Any

from fanio._client.http_session import apply_session, apply_websocket_options
from fanio._client.target import Route, Target
from fanio._client.tls import CertOption, TlsSettings, VerifyOption
from fanio._handlers.handler import result_of
from fanio._options.checks import check_count, check_flag, check_seconds, warn_unknown
from fanio._options.values import deflate

__all__ = ["Settings"]

_IGNORED = frozenset({"engineio_logger"})
_FLAGS = ("timestamp_requests", "try_all_transports", "upgrade")
#: The options that are counts, with their minimum.
_COUNTS = {
    "max_attachments": 1,
    "max_buffer_bytes": 0,
    "max_buffer_packets": 0,
    "max_http_buffer_size": 1,
    "max_queue_bytes": 1,
    "retries": 0,
}


@dataclass
class Settings:
    """The options of a client that are not in the signature of its constructor."""

    request_timeout: float = 5
    http_session: Any = None
    ssl_verify: VerifyOption = True
    ssl_cert: CertOption | None = None
    websocket_extra_options: Mapping[str, Any] = field(default_factory=dict)
    timestamp_requests: bool = True
    proxy: str | None = None
    uds: str | os.PathLike[str] | None = None
    per_message_deflate: bool | Mapping[str, int] | None = False
    upgrade: bool = True
    try_all_transports: bool = False
    max_http_buffer_size: int = 100_000_000
    max_attachments: int = 10
    max_queue_bytes: int = 1 << 20
    max_buffer_packets: int = 1000
    max_buffer_bytes: int = 1_000_000
    retries: int = 0
    ack_timeout: float | None = None

    @classmethod
    def take(cls, given: Mapping[str, Any]) -> Settings:
        """Return the options from a constructor's keyword arguments.

        Raises:
            TypeError: When one has the wrong type.
            ValueError: When one is out of range.
        """
        known = set(cls.__dataclass_fields__)
        warn_unknown(set(given) - known - _IGNORED, known, "client")
        options = cls(**{name: value for name, value in given.items() if name in known})
        options.websocket_extra_options = options.websocket_extra_options or {}
        options._check()
        return options

    def _check(self) -> None:
        check_seconds("request_timeout", self.request_timeout, above=0)
        if self.ack_timeout is not None:
            check_seconds("ack_timeout", self.ack_timeout)
        for name, least in _COUNTS.items():
            check_count(name, getattr(self, name), least=least)
        for name in _FLAGS:
            check_flag(name, getattr(self, name))
        self._check_route()
        deflate(self.per_message_deflate)
        TlsSettings().with_verify(self.ssl_verify).with_cert(self.ssl_cert)

    def _check_route(self) -> None:
        """Check the options that say how the server is reached."""
        if not isinstance(self.websocket_extra_options, Mapping):
            msg = f"websocket_extra_options: expected a dictionary, got {self.websocket_extra_options!r}"
            raise TypeError(msg)
        if self.proxy is not None:
            Route(proxy=self.proxy).proxy_address()
        if self.uds is not None and not isinstance(self.uds, (str, os.PathLike)):
            msg = f"uds: expected the path of a Unix socket, got {self.uds!r}"
            raise TypeError(msg)

    async def core(
        self, url: str, headers: Mapping[str, str], transports: list[str], socketio_path: str, parser: str
    ) -> dict[str, object]:
        """Return the core's options for one attempt to connect.

        Raises:
            TypeError: When the HTTP session has a setting that the core cannot apply.
            ValueError: When the URL cannot be used.
        """
        route = Route(trust=TlsSettings())
        session = self.http_session
        if session is not None:
            if callable(session):
                session = await result_of(session())
            apply_session(session, url, route)
        apply_websocket_options(self.websocket_extra_options, route)
        trust = route.trust or TlsSettings()
        if self.ssl_verify is not True:
            trust = trust.with_verify(self.ssl_verify)
        route.trust = trust.with_cert(self.ssl_cert)
        route.proxy = self.proxy or route.proxy
        route.unix = fspath(self.uds) if self.uds is not None else route.unix
        return Target(url, headers, transports, socketio_path, route).core(self._settings(parser, route))

    def _settings(self, parser: str, route: Route) -> dict[str, object]:
        return {
            "max_attachments": int(self.max_attachments),
            "max_http_buffer_size": int(self.max_http_buffer_size),
            "parser": parser,
            "per_message_deflate": deflate(self.per_message_deflate or route.compress),
            "timeout": float(self.request_timeout),
            "timestamp_requests": bool(self.timestamp_requests),
            "try_all_transports": bool(self.try_all_transports),
            "upgrade": bool(self.upgrade),
        }
