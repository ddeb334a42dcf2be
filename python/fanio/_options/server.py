"""The options of a server that the core needs, with python-socketio's names and defaults.

Checks the options and converts them to the dictionary that the core reads. Keeps the functions that Python must call
at a handshake: the check of origins, and cookie attributes that are functions. ``keys`` documents each option.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fanio._handlers.handler import Handler, result_of
from fanio._options import switches, values
from fanio._options.values import Door
from fanio.types import CookieOption, CorsOption

if TYPE_CHECKING:
    from fanio.engineio.base_server import BaseServer

__all__ = ["WIRE", "Option", "WireOptions"]

T = TypeVar("T")


@dataclass
class WireOptions:
    """The options. Times are seconds, sizes are bytes."""

    ping_interval: float | tuple[float, float] = 25
    ping_timeout: float = 20
    max_http_buffer_size: int = 1_000_000
    allow_upgrades: bool = True
    transports: str | Iterable[str] | None = None
    cookie: CookieOption | None = None
    cors_allowed_origins: CorsOption | None = None
    cors_credentials: bool = True
    http_compression: bool = True
    compression_threshold: int = 1024
    connect_timeout: float = 45
    upgrade_timeout: float = 10
    head_timeout: float = 10
    body_timeout: float = 30
    max_attachments: int = 10
    max_inbox_bytes: int = 1 << 20
    high_water_mark: int = 256 << 10
    max_queue_age: float | None = 30
    max_queue_bytes: int | None = 64 << 20
    max_queue_packets: int | None = None
    max_total_queue_bytes: int | None = 256 << 20
    max_total_unread_bytes: int | None = 64 << 20
    write_timeout: float = 10
    slow_clients: str = "disconnect"
    send_buffer: int | None = None
    not_sent_low_water: int | None = 131_072
    per_message_deflate: bool | Mapping[str, int] | None = False
    trusted_proxies: str | Iterable[str] = ()
    shards: int | None = None
    share_tasks: bool = True
    inline_mode: bool = True
    #: The fastest door that may be used: "accept", "takeover" or "bridge" (docs/doors.md).
    door: Door = "accept"
    #: Called with the environ of each handshake; may be async. True or None accepts the request. False or a message
    #: refuses it with 403, code 4, before a session exists.
    allow_request: Callable[[dict[str, Any]], Any] | None = None
    #: Seconds by which the announced interval exceeds ``ping_interval``; the second item of a tuple.
    ping_interval_grace_period: float = field(default=0, init=False)

    def core(self) -> dict[str, object]:
        """Return the dictionary for the core.

        Raises:
            TypeError: When a value has the wrong type.
            ValueError: When a value is out of range.
        """
        if self.slow_clients != "disconnect":
            msg = (
                f"slow_clients: only 'disconnect' is supported, got {self.slow_clients!r}; "
                "what may be dropped is said at emit, by volatile= and conflate="
            )
            raise ValueError(msg)
        if isinstance(self.ping_interval, (tuple, list)):
            if len(self.ping_interval) != 2:
                msg = f"ping_interval: expected seconds or (interval, grace), got {self.ping_interval!r}"
                raise ValueError(msg)
            self.ping_interval, self.ping_interval_grace_period = self.ping_interval
        self.transports = values.transports(self.transports)
        return {
            "admission": self.needs_admission(),
            "allow_upgrades": values.flag("allow_upgrades", self.allow_upgrades),
            "body_timeout": values.seconds("body_timeout", self.body_timeout),
            "compression_threshold": values.count("compression_threshold", self.compression_threshold),
            "connect_timeout": values.seconds("connect_timeout", self.connect_timeout),
            "cookie": self._cookie(),
            "cors": self._cors(),
            "cors_credentials": values.flag("cors_credentials", self.cors_credentials),
            "head_timeout": values.seconds("head_timeout", self.head_timeout),
            "high_water_mark": values.count("high_water_mark", self.high_water_mark),
            "http_compression": values.flag("http_compression", self.http_compression),
            "inline_mode": switches.uses_inline_mode(self.inline_mode),
            "max_attachments": values.count("max_attachments", self.max_attachments),
            "max_http_buffer_size": values.count("max_http_buffer_size", self.max_http_buffer_size),
            "max_inbox_bytes": values.count("max_inbox_bytes", self.max_inbox_bytes),
            "max_queue_age": values.age("max_queue_age", self.max_queue_age),
            "max_queue_bytes": values.limit("max_queue_bytes", self.max_queue_bytes),
            "max_queue_packets": values.limit("max_queue_packets", self.max_queue_packets),
            "max_total_queue_bytes": values.limit("max_total_queue_bytes", self.max_total_queue_bytes),
            "max_total_unread_bytes": values.limit("max_total_unread_bytes", self.max_total_unread_bytes),
            "not_sent_low_water": values.limit("not_sent_low_water", self.not_sent_low_water),
            "per_message_deflate": values.deflate(self.per_message_deflate),
            "ping_grace": values.seconds("ping_interval", self.ping_interval_grace_period),
            "ping_interval": values.seconds("ping_interval", self.ping_interval),
            "ping_timeout": values.seconds("ping_timeout", self.ping_timeout),
            "send_buffer": values.limit("send_buffer", self.send_buffer),
            "shards": self.shards,
            "transports": self.transports,
            "trusted_proxies": values.proxies(self.trusted_proxies),
            "upgrade_timeout": values.seconds("upgrade_timeout", self.upgrade_timeout),
            "write_timeout": values.seconds("write_timeout", self.write_timeout),
        }

    def needs_admission(self) -> bool:
        """Return whether Python must decide about each handshake."""
        asks = callable(self.cors_allowed_origins) or self.allow_request is not None
        return asks or self._has_callable_attribute()

    def accepts(self, origin: str, environ: Callable[[], dict[str, Any]]) -> Any:
        """Return the result, maybe awaitable, of the application's function for an origin; True without a function."""
        if not callable(self.cors_allowed_origins):
            return True
        handler = Handler(self.cors_allowed_origins)
        args = (origin, environ()) if handler.positional > 1 else (origin,)
        return handler.function(*args)

    def cookie_attributes(self) -> str | None:
        """Return the text that follows the cookie's value, with fresh results of functions; None without a cookie."""
        if not self.cookie:
            return None
        if isinstance(self.cookie, str):
            return "; Path=/; SameSite=Lax"
        return values.attributes({name: value() if callable(value) else value for name, value in self.cookie.items()})

    async def new_cookie_attributes(self) -> str | None:
        """Return the same text for a handshake, where functions may be async."""
        if not isinstance(self.cookie, dict):
            return self.cookie_attributes()
        given = self.cookie.items()
        made = {name: await result_of(value()) if callable(value) else value for name, value in given}
        return values.attributes(made)

    def _has_callable_attribute(self) -> bool:
        return isinstance(self.cookie, dict) and any(map(callable, self.cookie.values()))

    def _cookie(self) -> tuple[str, str] | None:
        if not self.cookie:
            return None
        if not isinstance(self.cookie, str) and not (isinstance(self.cookie, dict) and "name" in self.cookie):
            msg = f"cookie: expected a name, or a dictionary with 'name' and attributes, got {self.cookie!r}"
            raise TypeError(msg)
        name = self.cookie if isinstance(self.cookie, str) else self.cookie["name"]
        attributes = "" if self._has_callable_attribute() else self.cookie_attributes()
        return values.one_line(str(name)), attributes or ""

    def _cors(self) -> str | list[str]:
        origins = self.cors_allowed_origins
        if origins is None:
            return "same"
        if callable(origins):
            return "ask"
        return values.origins(origins)


#: The names of the options.
WIRE = frozenset(name for name, option in WireOptions.__dataclass_fields__.items() if option.init)


class Option(Generic[T]):
    """An attribute of a server that reads and changes one of the core's options."""

    def __set_name__(self, _owner: type, name: str) -> None:
        """Use the option with the attribute's name."""
        self._name = name

    def __get__(self, server: BaseServer, _owner: type | None = None) -> T:
        """Return the value of the option."""
        if server is None:
            return self
        value: T = getattr(server._options, self._name)
        return value

    def __set__(self, server: BaseServer, value: T) -> None:
        """Change the option, here and in the shards.

        Raises:
            TypeError: When the value has the wrong type.
            ValueError: When it is out of range.
        """
        server._change(self._name, value)
