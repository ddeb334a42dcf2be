"""Decisions about requests that need the application's functions, and headers that these functions add.

The core sends an ADMISSION event when the options or handlers require a decision, and always gets an answer, also
when a function raises. For a handshake these run in order: the check of origins (``cors_allowed_origins``),
``allow_request``, the connect handler of an Engine.IO server, ``initial_headers``, ``headers``. For a request of an
existing session only ``headers`` runs.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from fanio._handlers.handler import result_of
from fanio._log import RefusalLog
from fanio._request.environ import build_environ
from fanio._request.request import Request

if TYPE_CHECKING:
    import logging

    from fanio import _core
    from fanio._options.server import WireOptions
    from fanio._request.session_environs import SessionEnvirons
    from fanio._tasks.tasks import Tasks
    from fanio.types import Peer

__all__ = ["FORBIDDEN", "HTTP_EVENTS", "Admission", "Refusal", "RequestError"]

#: Events that concern HTTP, with the names of Node's server.
HTTP_EVENTS = ("initial_headers", "headers", "connection_error")
FORBIDDEN = 4
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")

Check: TypeAlias = Callable[[str, dict[str, Any]], Awaitable["Refusal | None"]]


@dataclass
class Refusal:
    """The response to a request that is refused."""

    status: int
    body: str
    #: Whether pages of the request's origin may read the response.
    readable: bool = True
    code: int = FORBIDDEN
    message: str = "Forbidden"


@dataclass
class RequestError:
    """A request that was answered with an error; the argument of a ``connection_error`` handler."""

    #: The environ of the request.
    req: dict[str, Any]
    #: The error code, as in the response.
    code: int
    #: The text of the error.
    message: str
    #: More facts about the error.
    context: dict[str, Any] = field(default_factory=dict)


class _Question:
    """One request that waits for a decision."""

    def __init__(self, token: int, session_id: str, handshake: bool, request: Request) -> None:
        self.token = token
        self.session_id = session_id
        self.handshake = handshake
        self.request = request

    @cached_property
    def environ(self) -> dict[str, Any]:
        return build_environ(self.request)


class Admission:
    """Decides about the requests of one server."""

    def __init__(
        self,
        core: _core.Server,
        options: WireOptions,
        environs: SessionEnvirons,
        tasks: Tasks,
        handlers: Mapping[str, Callable[..., Any]],
        logger: logging.Logger,
    ) -> None:
        """Decide with ``options`` and the application's functions in ``handlers``."""
        self._core = core
        self._options = options
        self._environs = environs
        self._tasks = tasks
        self._handlers = handlers
        self._logger = logger
        self.log = RefusalLog(logger, lambda: options.cors_allowed_origins)
        #: Decides about a handshake from its session id and environ; the connect handler of an Engine.IO server.
        self.check: Check | None = None
        #: Called with the session id of a client that ``check`` has accepted but a later function refused.
        self.undo: Callable[[str], None] = _nothing

    def core_options(self) -> dict[str, object]:
        """Return the core's options that say for which requests it sends ADMISSION events."""
        asks = self._options.needs_admission() or self.check is not None
        return {
            "admission": asks or any(name in self._handlers for name in HTTP_EVENTS[:2]),
            "ask_requests": "headers" in self._handlers,
        }

    def ask(
        self,
        _kind: int,
        token: int,
        session_id: str,
        handshake: bool,
        head: bytes,
        peer: Peer | None,
        secure: bool,
    ) -> None:
        """Handle an ADMISSION event."""
        request = self._environs.request(head, peer, secure)
        self._tasks.start(self._answer(_Question(token, session_id, handshake, request)))

    async def _answer(self, question: _Question) -> None:
        try:
            refusal = await self._refusal(question) if question.handshake else None
            if refusal is None:
                await self._admit(question)
                return
        except BaseException as error:
            self._deny(question, _forbidden("Forbidden", readable=False))
            if not isinstance(error, Exception):
                raise
            self._logger.exception("the check of a request failed")
            return
        self._deny(question, refusal)

    async def _admit(self, question: _Question) -> None:
        try:
            lines = await self._headers(question)
            cookie = await self._options.new_cookie_attributes() if question.handshake else None
        except BaseException:
            if question.handshake:
                self.undo(question.session_id)
            raise
        self._core.admit(question.token, question.session_id, cookie, lines)

    def _deny(self, question: _Question, refusal: Refusal) -> None:
        self._core.deny(question.token, question.session_id, refusal.status, refusal.body, refusal.readable)
        self._report(RequestError(question.environ, refusal.code, refusal.message))

    async def _refusal(self, question: _Question) -> Refusal | None:
        origin = question.request.header(b"origin")
        if origin and not await self._accepts(origin, question):
            self.log.refused(FORBIDDEN, "", question.request)
            return _forbidden(f"{origin} is not an accepted origin.", readable=False)
        if self._options.allow_request is not None:
            verdict = await result_of(self._options.allow_request(question.environ))
            if verdict is not None and verdict is not True:
                return _forbidden(verdict if isinstance(verdict, str) else "Forbidden")
        if self.check is not None:
            return await self.check(question.session_id, question.environ)
        return None

    async def _accepts(self, origin: str, question: _Question) -> bool:
        """Return whether the application accepts an origin.

        Raises:
            TypeError: When its function does not return a boolean. The request is refused then.
        """
        accepted = await result_of(self._options.accepts(origin, lambda: question.environ))
        if not isinstance(accepted, bool):
            msg = f"cors_allowed_origins: expected True or False for {origin!r}, got {accepted!r}"
            raise TypeError(msg)
        return accepted

    async def _headers(self, question: _Question) -> str:
        """Return the header lines that the application adds."""
        headers: dict[str, str | list[str]] = {}
        names = HTTP_EVENTS[:2] if question.handshake else HTTP_EVENTS[1:2]
        for name in names:
            handler = self._handlers.get(name)
            if handler is not None:
                await result_of(handler(headers, question.environ))
        return "".join(_lines(headers))

    def refused(self, _kind: int, head: bytes, peer: Peer | None, secure: bool, code: int, message: str) -> None:
        """Handle a REFUSED event."""
        if not self.log.is_wanted(code) and "connection_error" not in self._handlers:
            return
        request = self._environs.request(head, peer, secure)
        self.log.refused(code, message, request)
        self._report(RequestError(build_environ(request), code, message))

    def too_large(self, _kind: int, session_id: str, detail: str) -> None:
        """Handle a TOO_LARGE event."""
        self.log.too_large(session_id, detail)

    def _report(self, error: RequestError) -> None:
        handler = self._handlers.get("connection_error")
        if handler is not None:
            self._tasks.start(self._call(handler, error))

    async def _call(self, handler: Callable[..., Any], error: RequestError) -> None:
        try:
            await result_of(handler(error))
        except Exception:
            self._logger.exception("connection_error handler failed")


def _nothing(_session_id: str) -> None:
    pass


def _forbidden(message: str, *, readable: bool = True) -> Refusal:
    body = orjson.dumps({"code": FORBIDDEN, "message": message}).decode()
    return Refusal(403, body, readable, FORBIDDEN, message)


def _lines(headers: Mapping[str, str | list[str]]) -> list[str]:
    """Return the lines of headers; a list of values gives one line for each value.

    Raises:
        ValueError: When a name is not valid, or a value has control characters.
    """
    lines = []
    for name, value in headers.items():
        for one in value if isinstance(value, (list, tuple)) else [value]:
            text = str(one)
            if not _TOKEN.fullmatch(name) or not text.isascii() or any(ord(c) < 32 for c in text):
                msg = f"not a header: {name!r}: {one!r}"
                raise ValueError(msg)
            lines.append(f"{name}: {text}\r\n")
    return lines
