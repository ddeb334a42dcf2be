"""The wire options of a server: their defaults, their checks, and what the core is told.

Defaults are python-socketio's; units are seconds and bytes.
"""

from __future__ import annotations

import difflib
import warnings
from collections.abc import Callable, Iterable
from typing import Any

__all__ = ["WireOptions"]

_TRANSPORTS = ("polling", "websocket")

_DEFAULTS: dict[str, Any] = {
    "allow_upgrades": True,
    "body_timeout": 30,
    "compression_threshold": 1024,
    "connect_timeout": 45,
    "cookie": None,
    "cors_allowed_origins": None,
    "cors_credentials": True,
    "head_timeout": 10,
    "http_compression": True,
    "max_attachments": 10,
    "max_http_buffer_size": 1_000_000,
    "max_queue_bytes": 1 << 20,
    "ping_interval": 25,
    "ping_timeout": 20,
    "shards": None,
    "transports": None,
    "trusted_proxies": (),
    "upgrade_timeout": 10,
}

# Taken for compatibility; they change nothing here.
_IGNORED = {"async_mode", "engineio_logger", "monitor_clients"}


class WireOptions:
    """Keyword options of the constructor that concern the wire.

    Args:
        given: The keyword arguments; unknown ones warn, naming the nearest known one.

    Raises:
        ValueError: An option has a value that means nothing.
    """

    def __init__(self, given: dict[str, Any]) -> None:
        for name in given:
            if name not in _DEFAULTS and name not in _IGNORED:
                _warn_unknown(name)
        if given.get("async_mode") not in {None, "asgi"}:
            raise ValueError("Invalid async_mode specified: fanio serves 'asgi'")
        self._values = {name: given.get(name, default) for name, default in _DEFAULTS.items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def core(self) -> dict[str, object]:
        """Return the options as the core names them."""
        values = dict(self._values)
        interval = values["ping_interval"]
        if isinstance(interval, tuple):
            values["ping_interval"], values["ping_grace"] = interval
        values["transports"] = _transports(values["transports"])
        values["cors"] = self._cors(values.pop("cors_allowed_origins"))
        values["cookie"] = None if self.cookie_is_dynamic else _cookie(values["cookie"])
        if self.cookie_is_dynamic:
            values["cookie"] = (values["cookie"] or _cookie_name(self["cookie"]), "")
        values["admission"] = self.cookie_is_dynamic or callable(self["cors_allowed_origins"])
        proxies = values["trusted_proxies"]
        values["trusted_proxies"] = proxies if isinstance(proxies, str) else list(proxies)
        return values

    @staticmethod
    def _cors(origins: str | Iterable[str] | Callable[..., bool] | None) -> str | list[str]:
        if origins is None:
            return "same"
        if callable(origins):
            return "ask"
        origins = [origins] if isinstance(origins, str) else list(origins)
        if not origins:
            return "off"
        return "*" if "*" in origins else origins

    @property
    def cookie_is_dynamic(self) -> bool:
        """Whether an attribute of the cookie is computed at each handshake."""
        cookie = self["cookie"]
        return isinstance(cookie, dict) and any(callable(value) for value in cookie.values())

    def cookie_attributes(self) -> str | None:
        """Compute the attributes of a dynamic cookie."""
        cookie = _cookie(self["cookie"]) if self.cookie_is_dynamic else None
        return cookie[1] if cookie else None


def _warn_unknown(name: str) -> None:
    near = difflib.get_close_matches(name, [*_DEFAULTS, *_IGNORED], n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    warnings.warn(f"AsyncServer() does not know the option {name!r}{hint}", stacklevel=5)


def _transports(names: str | Iterable[str] | None) -> list[str]:
    if names is None:
        return list(_TRANSPORTS)
    names = [names] if isinstance(names, str) else list(names)
    valid = [name for name in names if name in _TRANSPORTS]
    if not valid:
        raise ValueError("No valid transports provided: expected 'polling', 'websocket' or both")
    return valid


def _cookie_name(cookie: dict[str, Any]) -> str:
    return _clean(str(cookie["name"]))


def _cookie(cookie: str | dict[str, Any] | None) -> tuple[str, str] | None:
    """Return the name and what follows the value in the ``Set-Cookie`` header."""
    if cookie is None:
        return None
    if isinstance(cookie, str):
        return _clean(cookie), "; path=/; SameSite=Lax"
    attributes = ""
    for name, setting in cookie.items():
        value = setting() if callable(setting) else setting
        if name == "name" or value is False or value is None:
            continue
        attributes += f"; {name}" if value is True else f"; {name}={value}"
    return _cookie_name(cookie), _clean(attributes)


def _clean(text: str) -> str:
    if any(not char.isprintable() for char in text):
        raise ValueError("cookie: expected printable characters only")
    return text
