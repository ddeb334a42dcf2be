"""The environs of a server's sessions, and the ASGI scopes of their handshakes.

An environ is built at the first access, from the request that the core keeps. Middleware may put objects into an ASGI
scope (a user, a session), but the core keeps bytes only. So the head of a request that came through ASGI gets an extra
header, by which its scope is found again. The header's name is random, so that no client can send it, and the header
is removed before the application sees the head. A scope that no session uses in time is dropped.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fanio._handlers.names import sid_text
from fanio._request.environ import Environ, build_environ
from fanio._request.request import Request

if TYPE_CHECKING:
    from collections.abc import Collection

    from fanio import _core
    from fanio.types import Peer, Scope

__all__ = ["HandshakeScopes", "SessionEnvirons"]


class SessionEnvirons(Mapping[str, dict[str, Any]]):
    """The environs of all sessions, by session id.

    An environ that a handler has written to, or that has an ASGI scope, is kept as long as its session has a socket.
    """

    def __init__(self, core: _core.Server, scopes: HandshakeScopes) -> None:
        """Build environs from the requests that ``core`` keeps and the scopes in ``scopes``."""
        self._core = core
        self._scopes = scopes
        self._kept: dict[str, Environ] = {}
        self._owners: dict[str, set[str]] = {}
        #: Addresses and networks of proxies whose forwarded headers are used.
        self.trusted_proxies: str | Collection[str] = ()
        #: Keys that the ASGI server would have put into the scope of each request that the shards accept.
        self.extra_scope: Scope = {}

    def request(self, head: bytes, peer: Peer | None, secure: bool) -> Request:
        """Parse a request head from the core."""
        head, scope = self._scopes.find(head) if self._scopes else (head, None)
        return Request(head, peer, secure, self.trusted_proxies, scope, self.extra_scope)

    def keep_scope(self, session_id: str, sid: str) -> None:
        """Keep the scope of a session's handshake as long as this socket exists."""
        if session_id in self._kept:
            self._owners[session_id].add(sid)
            return
        if not self._scopes:
            return
        found = self._core.request(session_id)
        if found is not None:
            request = self.request(*found)
            if request.has_asgi_scope:
                self._keep(session_id, sid, Environ(lambda: build_environ(request), None))

    def for_socket(self, session_id: str, sid: str) -> Environ:
        """Return the environ of a session for one of its sockets."""
        kept = self._kept.get(session_id)
        if kept is not None:
            self._owners[session_id].add(sid)
            return kept
        found = self._core.request(session_id) or (b"", None, False)

        def keep(environ: Environ) -> None:
            if self._core.request(session_id) is not None:
                self._keep(session_id, sid, environ)

        return Environ(lambda: build_environ(self.request(*found)), keep)

    def _keep(self, session_id: str, sid: str, environ: Environ) -> None:
        self._kept.setdefault(session_id, environ)
        self._owners.setdefault(session_id, set()).add(sid)

    def release(self, session_id: str, sid: str) -> None:
        """Drop the environ of a session if this was the last socket that needed it."""
        owners = self._owners.get(session_id)
        if owners is None:
            return
        owners.discard(sid)
        if not owners:
            del self._owners[session_id]
            self._kept.pop(session_id, None)

    def __getitem__(self, session_id: str) -> dict[str, Any]:
        """Return the environ of a session id."""
        if self._core.request(sid_text(session_id)) is None:
            raise KeyError(session_id)
        sids = [sid for sid, session in self._pairs() if session == session_id]
        return self.for_socket(session_id, sids[0] if sids else "")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the session ids that are in a namespace."""
        return iter({session: None for _, session in self._pairs()})

    def __len__(self) -> int:
        """Return how many sessions are in a namespace."""
        return len({session for _, session in self._pairs()})

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for namespace in self._core.namespaces():
            yield from self._core.participants(namespace, None)


class HandshakeScopes:
    """The scopes of handshakes, by the extra header in the head of the request."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep each scope for ``seconds``, the time in which a session must join a namespace."""
        self._seconds = seconds
        self._clock = clock
        self._name = b"x-" + secrets.token_hex(8).encode()
        self._before = b"\r\n" + self._name + b": "
        self._count = 0
        # In order of their deadlines.
        self._scopes: dict[int, tuple[float, Scope]] = {}

    def note(self, scope: Scope) -> tuple[bytes, bytes]:
        """Keep a scope; return the extra header, which must be the last one of its request's head."""
        now = self._clock()
        while self._scopes and next(iter(self._scopes.values()))[0] < now:
            del self._scopes[next(iter(self._scopes))]
        self._count += 1
        self._scopes[self._count] = (now + self._seconds, scope)
        return self._name, b"%d" % self._count

    def find(self, head: bytes) -> tuple[bytes, Scope | None]:
        """Return a head without the extra header, and the scope that belongs to it."""
        start, found, end = head.rpartition(self._before)
        if not found:
            return head, None
        _, scope = self._scopes.get(int(end), (0.0, None))
        return start + b"\r\n\r\n", scope

    def __bool__(self) -> bool:
        """Return whether any scope is kept."""
        return bool(self._scopes)
