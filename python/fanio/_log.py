"""The loggers ``socketio.server`` and ``engineio.server``, with the names that applications configure.

Owns the meaning of the options ``logger`` and ``engineio_logger``, and the lines about packets and refused requests.
Source: python-socketio 5.18, where a level that the application has set has precedence over the option.
"""

from __future__ import annotations

import builtins
import json
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanio._request.request import Request
    from fanio.types import Payload

__all__ = ["PacketLog", "RefusalLog", "server_logger"]

#: The text for a refused request, by Engine.IO error code. These are python-engineio's texts.
_REFUSALS = {
    0: "Invalid transport",
    1: "Invalid session {sid}",
    4: "{origin} is not an accepted origin.",
    5: "The client is using an unsupported version of the Socket.IO or Engine.IO protocols",
}
_UNKNOWN_SESSION, _BAD_REQUEST, _FORBIDDEN = 1, 3, 4
#: Reasons for an unknown session, for one process and for several.
_ENDED = (
    ": it has ended, or the server was restarted, or it belongs to another process (with several, each client must"
    " stay with one)"
)
_ELSEWHERE = ": it probably belongs to another of the {count} worker processes; run one process, with shards=N"
_OWN = " Expected {own}, which is what {source} of the request say."
_UNTRUSTED = (
    " With the forwarded headers of {peer} it would be accepted, but that is no trusted proxy: name it in"
    " trusted_proxies= or uvicorn's --forwarded-allow-ips."
)
_ADVICE = (
    " A proxy in front must pass on Host and X-Forwarded-Proto, and be named in trusted_proxies=; pages of other"
    " origins are let in by cors_allowed_origins."
)
_LISTED = " Expected one of cors_allowed_origins: {origins}."
_REFUSED = " The function in cors_allowed_origins refuses it."
#: Origins that one line lists at most.
_MAX_ORIGINS = 10
#: Characters of a session id that are logged. The whole id would let a reader of the log take over the session.
_SHOWN = 8
#: Characters of a client's text that one line quotes at most.
_MAX_QUOTED = 200


def server_logger(name: str, option: bool | logging.Logger) -> logging.Logger:
    """Return the logger for one of the two arguments.

    Args:
        name: The logger's name.
        option: A logger of the standard library, or an object with its methods. True logs at INFO and
            False only errors, unless the level of the logger with this name is set already.

    Raises:
        TypeError: When ``option`` is something else.
    """
    if isinstance(option, logging.Logger):
        return option
    if not isinstance(option, builtins.bool):
        return _LoggerAdapter(name, option)
    logger = logging.getLogger(name)
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO if option else logging.ERROR)
        if not logger.hasHandlers():
            logger.addHandler(logging.StreamHandler())
    return logger


class _LoggerAdapter(logging.Logger):
    """Writes to a logger that is not the standard library's, such as loguru's."""

    def __init__(self, name: str, logger: Any) -> None:
        super().__init__(name, logging.INFO)
        if not callable(getattr(logger, "info", None)) or not callable(getattr(logger, "error", None)):
            msg = f"logger of {name}: expected True, False or a logger, got {logger!r}"
            raise TypeError(msg)
        self._logger = logger

    def handle(self, record: logging.LogRecord) -> None:
        """Call the logger's method for the level of the record."""
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + logging.Formatter().formatException(record.exc_info)
        write = getattr(self._logger, record.levelname.lower(), self._logger.error)
        # A LoggerAdapter formats its first argument only when there are others. Other loggers always do.
        if isinstance(self._logger, logging.LoggerAdapter):
            write("%s", text)
        else:
            write(text)


class PacketLog:
    """Logs at INFO the packets that pass between the core and the application."""

    def __init__(self, logger: logging.Logger) -> None:
        """Write to ``logger``."""
        self.logger = logger

    @property
    def is_on(self) -> bool:
        """Whether packets are logged."""
        return self.logger.isEnabledFor(logging.INFO)

    def received(
        self,
        session_id: str | None,
        kind: str,
        namespace: str,
        number: int | None,
        data: Any,
    ) -> None:
        """Log a packet that has arrived; ``kind`` is the digit of its type, ``data`` is encoded or decoded."""
        text = _text(kind, namespace, number, data)
        self.logger.info("%s: Received packet MESSAGE data %s", session_id, text)

    def sent(self, to: Any, kind: str, namespace: str, number: int | None, data: Payload) -> None:
        """Log a packet that is sent to a session or to rooms."""
        text = _text(kind, namespace, number, data)
        self.logger.info("%s: Sending packet MESSAGE data %s", to, text)


class RefusalLog:
    """Logs refused requests: the first one for each reason at ERROR, later ones at INFO."""

    def __init__(self, logger: logging.Logger, origins: Callable[[], object]) -> None:
        """Write to ``logger``; ``origins`` returns the option ``cors_allowed_origins``."""
        self._logger = logger
        self._origins = origins
        self._logged: set[int | str] = set()
        #: The number of worker processes, as far as it is known.
        self.workers = 1

    def is_wanted(self, code: int) -> bool:
        """Return whether a request that is refused with this error code is logged."""
        return code not in self._logged or self._logger.isEnabledFor(logging.INFO)

    def refused(self, code: int, message: str, request: Request) -> None:
        """Log a request that is refused with an Engine.IO error code and its message."""
        query = parse_qs(request.query.decode("latin-1"))
        facts = {"sid": _printable(query.get("sid", [""])[0]), "origin": _printable(request.header(b"origin"))}
        line = _REFUSALS.get(code, message).format_map(facts)
        if code == _BAD_REQUEST and query.get("transport") == ["websocket"] and not request.header(b"upgrade"):
            line = "Invalid websocket upgrade"  # most often a proxy does not forward the header
        if code == _FORBIDDEN:
            line += _expected(self._origins(), request)
        self._write(code, line)

    def too_large(self, session_id: str, detail: str) -> None:
        """Log that a message of a client is too large."""
        self._write("too large", f"{session_id[:_SHOWN]}...: {detail}")

    def _write(self, kind: int | str, line: str) -> None:
        if kind in self._logged:
            self._logger.info("%s", line)
            return
        self._logged.add(kind)
        if kind == _UNKNOWN_SESSION:
            line += _ELSEWHERE.format(count=self.workers) if self.workers > 1 else _ENDED
        self._logger.error("%s (further occurrences of this error will be logged with level INFO)", line)


def _expected(origins: Any, request: Request) -> str:
    """Return a sentence that says which origins are accepted, and how to accept another one."""
    if callable(origins):
        return _REFUSED
    if origins is not None:
        listed = [origins] if isinstance(origins, str) else [str(one) for one in origins]
        more = ", …" if len(listed) > _MAX_ORIGINS else ""
        return _LISTED.format(origins=", ".join(listed[:_MAX_ORIGINS]) + more)
    forwarded = request.is_from_trusted_proxy and request.header(b"x-forwarded-host")
    host = forwarded or request.header(b"host")
    source = "X-Forwarded-Proto and X-Forwarded-Host" if forwarded else "scheme and Host"
    line = _OWN.format(own=f"{request.scheme}://{_printable(host)}", source=source)
    if _is_from_untrusted_proxy(request):
        return line + _UNTRUSTED.format(peer=request.client[0] if request.client else "the peer")
    return line + _ADVICE


def _is_from_untrusted_proxy(request: Request) -> bool:
    """Return whether the origin would be accepted if the peer were a trusted proxy."""
    hosts = [request.header(name) for name in (b"host", b"x-forwarded-host")]
    is_forwarded = any(request.header(name) for name in (b"x-forwarded-proto", b"x-forwarded-host"))
    return is_forwarded and not request.is_from_trusted_proxy and request.header(b"origin").rpartition("//")[2] in hosts


def _printable(text: str) -> str:
    """Return a client's text in ASCII without line breaks, so that it cannot forge a line of the log."""
    return ascii(text[:_MAX_QUOTED])[1:-1]


def _text(kind: str, namespace: str, number: int | None, data: Any) -> str:
    name = "" if namespace == "/" else f"{namespace},"
    text = (
        data.decode(errors="replace")
        if isinstance(data, bytes)
        else json.dumps(data, separators=(",", ":"), default=repr)
    )
    return f"{kind}{name}{'' if number is None else number}{text}"
