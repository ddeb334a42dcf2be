"""The environs of a server's sessions: built when somebody looks, kept only when they have to be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from fanio._handlers.names import sid_text
from fanio._request.environ import Environ, build_environ
from fanio._request.request import Request

if TYPE_CHECKING:
    from collections.abc import Collection

    from fanio import _core
    from fanio._request.scopes import Scopes
    from fanio.types import Peer, Scope

__all__ = ["Environs"]


class Environs(Mapping[str, dict[str, Any]]):
    """The environs of all sessions, by session id.

    One that a handler has written to, or that came with an ASGI scope, lives as long as a socket of
    its session.
    """

    def __init__(self, core: _core.Server, scopes: Scopes) -> None:
        """Ask ``core`` for the requests, ``scopes`` for what came with them."""
        self._core = core
        self._scopes = scopes
        self._kept: dict[str, Environ] = {}
        self._owners: dict[str, set[str]] = {}
        #: Whose forwarded headers count.
        self.trusted: str | Collection[str] = ()
        #: What the server would have put into the scope of each request that the shards accept.
        self.more: Scope = {}

    def request(self, head: bytes, peer: Peer | None, secure: bool) -> Request:
        """Take a request head of the core's apart."""
        head, scope = self._scopes.find(head) if self._scopes else (head, None)
        return Request(head, peer, secure, self.trusted, scope, self.more)

    def claim(self, session_id: str, sid: str) -> None:
        """Keep the scope that a session came with, for one of its sockets."""
        if session_id in self._kept:
            self._owners[session_id].add(sid)
            return
        if not self._scopes:
            return
        found = self._core.request(session_id)
        if found is not None:
            request = self.request(*found)
            if request.came_with_scope:
                self._keep(session_id, sid, Environ(lambda: build_environ(request), None))

    def of(self, session_id: str, sid: str) -> Environ:
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
        """Forget what only this socket needed."""
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
        return self.of(session_id, sids[0] if sids else "")

    def __iter__(self) -> Iterator[str]:
        """Iterate over the session ids that are in a namespace."""
        return iter({session: None for _, session in self._pairs()})

    def __len__(self) -> int:
        """Return how many sessions are in a namespace."""
        return len({session for _, session in self._pairs()})

    def _pairs(self) -> Iterator[tuple[str, str]]:
        for namespace in self._core.namespaces():
            yield from self._core.participants(namespace, None)
