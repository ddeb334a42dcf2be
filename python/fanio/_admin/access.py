"""Decides who may use the admin UI: credentials, sessions of the UI, and a limit on failed logins."""

from __future__ import annotations

import hmac
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Any

from fanio._handlers.handler import result_of

__all__ = ["Access", "Auth"]

Credentials = dict[str, Any]
#: Credentials, a list of them, a function that checks them, or False for no authentication.
Auth = Credentials | list[Credentials] | Callable[[Any], bool | Awaitable[bool]] | bool

#: After this many failed logins in WINDOW seconds, an address is refused without a check.
MAX_FAILURES = 5
WINDOW = 60.0
_MAX_ADDRESSES = 1000
#: Sessions that are remembered, so that a page that is loaded again needs no password.
_MAX_SESSIONS = 100
_SESSION_SECONDS = 24 * 3600.0


class Access:
    """Checks the ``auth`` of clients that connect to the admin namespace."""

    def __init__(self, auth: Auth | None) -> None:
        """Require these credentials; False requires none.

        Raises:
            ValueError: When ``auth`` is None or True.
        """
        if auth is None or auth is True:
            msg = "auth must be specified: a dictionary, a list of them, a function, or False for no authentication"
            raise ValueError(msg)
        self._auth = auth
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._sessions: OrderedDict[str, float] = OrderedDict()

    @property
    def is_open(self) -> bool:
        """Whether no credentials are required."""
        return self._auth is False

    async def allows(self, credentials: Any, address: str) -> bool:
        """Return whether a client may connect; count a failed login."""
        if self.is_open:
            return True
        if self.is_blocked(address):
            return False
        if self._has_session(credentials) or await self._check(credentials):
            return True
        self._note_failure(address)
        return False

    def new_session(self) -> str:
        """Return a session id that the UI may send instead of its password from now on."""
        session = secrets.token_hex(16)
        self._sessions[session] = monotonic() + _SESSION_SECONDS
        if len(self._sessions) > _MAX_SESSIONS:
            self._sessions.popitem(last=False)
        return session

    def is_blocked(self, address: str) -> bool:
        """Return whether an address has too many failed logins."""
        since = monotonic() - WINDOW
        recent = [moment for moment in self._failures.get(address, ()) if moment > since]
        return len(recent) >= MAX_FAILURES

    async def _check(self, credentials: Any) -> bool:
        if isinstance(self._auth, dict):
            return _same(self._auth, credentials)
        if isinstance(self._auth, (list, tuple)):
            # All are compared, so that the time does not reveal which one matched.
            return any([_same(known, credentials) for known in self._auth])  # noqa: C419 (none must be skipped)
        if not callable(self._auth):
            return False
        return bool(await result_of(self._auth(credentials)))

    def _has_session(self, credentials: Any) -> bool:
        session = credentials.get("sessionId") if isinstance(credentials, dict) else None
        return isinstance(session, str) and self._sessions.get(session, 0.0) > monotonic()

    def _note_failure(self, address: str) -> None:
        moments = self._failures.pop(address, [])
        self._failures[address] = [*moments, monotonic()][-MAX_FAILURES:]
        if len(self._failures) > _MAX_ADDRESSES:
            self._failures.popitem(last=False)


def _same(known: Credentials, given: Any) -> bool:
    """Compare credentials in a time that does not depend on where they differ."""
    if not isinstance(given, dict) or given.keys() != known.keys():
        return False
    return all([hmac.compare_digest(_bytes(known[key]), _bytes(given[key])) for key in known])  # noqa: C419 (the same)


def _bytes(value: Any) -> bytes:
    # The type is compared too: 1 is not equal to "1".
    text = value if isinstance(value, str) else f"{type(value).__name__}:{value!r}"
    return text.encode("utf-8", "surrogatepass")
