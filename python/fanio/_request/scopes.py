"""The ASGI scopes of handshakes that came through an ASGI server.

A program may look for what its middleware has put into the scope: a user, a session, the app. The
core knows bytes only, so a request's head carries a mark: a header under a name that nobody outside
this process can know, taken off again before anybody sees the head. What no client claims in time
is forgotten.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanio.types import Scope

__all__ = ["Scopes"]


class Scopes:
    """Scopes by the mark in a request's head."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep each scope for ``seconds``, the longest that a session may take to join a namespace."""
        self._seconds = seconds
        self._clock = clock
        self._name = b"x-" + secrets.token_hex(8).encode()
        self._before = b"\r\n" + self._name + b": "
        self._count = 0
        # In order of their deadlines.
        self._scopes: dict[int, tuple[float, Scope]] = {}

    def note(self, scope: Scope) -> tuple[bytes, bytes]:
        """Keep a scope; return the header that must be the last of its request's head."""
        now = self._clock()
        while self._scopes and next(iter(self._scopes.values()))[0] < now:
            del self._scopes[next(iter(self._scopes))]
        self._count += 1
        self._scopes[self._count] = (now + self._seconds, scope)
        return self._name, b"%d" % self._count

    def find(self, head: bytes) -> tuple[bytes, Scope | None]:
        """Return a head without its mark, and the scope the mark stands for."""
        start, found, end = head.rpartition(self._before)
        if not found:
            return head, None
        _, scope = self._scopes.get(int(end), (0.0, None))
        return start + b"\r\n\r\n", scope

    def __bool__(self) -> bool:
        """Return whether there is anything to claim."""
        return bool(self._scopes)
