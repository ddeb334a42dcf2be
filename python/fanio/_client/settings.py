"""The options of a client: python-socketio's names and defaults, and those it lacks."""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from os import fspath
from typing import Any

from fanio._client.certificates import CertOption, Trust, VerifyOption
from fanio._client.http_session import apply_session, apply_websocket_options
from fanio._client.target import Route, Target
from fanio._options.server import deflate

__all__ = ["ClientOptions"]

_IGNORED = frozenset({"engineio_logger"})


@dataclass
class ClientOptions:
    """What a client takes beside the arguments of its constructor. Times are seconds, sizes bytes."""

    request_timeout: float = 5
    http_session: Any = None
    ssl_verify: VerifyOption = True
    ssl_cert: CertOption | None = None
    websocket_extra_options: Mapping[str, Any] = field(default_factory=dict)
    timestamp_requests: bool = True
    proxy: str | None = None
    uds: str | None = None
    per_message_deflate: bool | Mapping[str, int] | None = False
    upgrade: bool = True
    try_all_transports: bool = False
    max_http_buffer_size: int = 1_000_000
    max_attachments: int = 10
    max_queue_bytes: int = 1 << 20
    max_buffer_packets: int = 1000
    max_buffer_bytes: int = 1_000_000
    retries: int = 0
    ack_timeout: float | None = None

    @classmethod
    def take(cls, given: Mapping[str, Any]) -> ClientOptions:
        """Return the options of a constructor's keyword arguments.

        Raises:
            TypeError: When one has the wrong type.
            ValueError: When one is out of range.
        """
        known = set(cls.__dataclass_fields__)
        _warn_unknown(set(given) - known - _IGNORED, known)
        options = cls(**{name: value for name, value in given.items() if name in known})
        options.websocket_extra_options = options.websocket_extra_options or {}
        options._check()
        return options

    def _check(self) -> None:
        for name in ("request_timeout", "max_http_buffer_size", "max_attachments", "max_queue_bytes"):
            if not isinstance(getattr(self, name), (int, float)) or not getattr(self, name) > 0:
                msg = f"{name}: expected a number above 0, got {getattr(self, name)!r}"
                raise ValueError(msg)
        for name in ("max_buffer_packets", "max_buffer_bytes", "retries"):
            if not isinstance(getattr(self, name), int) or getattr(self, name) < 0:
                msg = f"{name}: expected a number, not negative, got {getattr(self, name)!r}"
                raise ValueError(msg)
        deflate(self.per_message_deflate)
        Trust().with_verify(self.ssl_verify).with_cert(self.ssl_cert)

    async def core(
        self, url: str, headers: Mapping[str, str], transports: list[str], socketio_path: str, parser: str
    ) -> dict[str, object]:
        """Return the core's options for one attempt to connect.

        Raises:
            TypeError: When the HTTP session has something that cannot be honoured.
            ValueError: When the URL cannot be used.
        """
        route = Route(trust=Trust())
        session = self.http_session
        if session is not None:
            if callable(session):
                made = session()
                session = await made if inspect.isawaitable(made) else made
            apply_session(session, url, route)
        apply_websocket_options(self.websocket_extra_options, route)
        trust = route.trust or Trust()
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


def _warn_unknown(names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        near = difflib.get_close_matches(name, known, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        warnings.warn(f"AsyncClient: unknown option {name!r}{hint}", stacklevel=5)
