"""The Engine.IO server of a Socket.IO server: its attribute ``eio``.

It has the API of ``engineio.AsyncServer``, but the core reads the messages. A client is known here after it has joined
a namespace.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from fanio._handlers.names import sid_text
from fanio._request.admission import HTTP_EVENTS
from fanio.engineio.async_socket import AsyncSocket
from fanio.engineio.base_server import BaseServer

if TYPE_CHECKING:
    import logging

    from fanio._options.server import WireOptions
    from fanio._server.lifecycle import Lifecycle

__all__ = ["Engine"]


class Engine(BaseServer):
    """The connections of a Socket.IO server."""

    event_names = ()

    def __init__(self, options: WireOptions, logger: logging.Logger, parser: str) -> None:
        """Make the core of a Socket.IO server, which sets ``lifecycle`` later; ``parser`` is that of its codec."""
        self._parser = parser
        # As in python-socketio: only the Socket.IO server handles events.
        super().__init__(options, logger, async_handlers=False)
        self.lifecycle: Lifecycle

    def _session_of(self, sid: str) -> str | None:
        return self._core.session_of(sid)

    def _check_event(self, event: str) -> None:
        if event not in HTTP_EVENTS:
            msg = f"Invalid event {event!r}: the Socket.IO server has it; here there are {HTTP_EVENTS}"
            raise ValueError(msg)

    def _socket(self, sid: str) -> AsyncSocket:
        if self._core.transport(sid_text(sid)) is None:
            raise KeyError(sid)
        return AsyncSocket(self, sid, _ByNamespace(self, sid))

    def _sids(self) -> Iterable[str]:
        return self._core.sessions()

    async def save_session(self, sid: str, session: dict[str, Any]) -> None:
        """Store the user sessions of a client, by namespace.

        Raises:
            KeyError: When there is no such client.
        """
        self._known(sid).session.update(session)


class _ByNamespace(dict[str, Any]):
    """The user sessions of one connection, by namespace. Changes are stored in the server."""

    def __init__(self, engine: Engine, session_id: str) -> None:
        core, sessions = engine._core, engine.lifecycle.sessions
        sids = ((name, core.sid_of(session_id, name)) for name in core.namespaces())
        self._sids = {name: sid for name, sid in sids if sid is not None}
        self._sessions = sessions
        super().__init__({name: sessions[sid] for name, sid in self._sids.items() if sid in sessions})

    def __setitem__(self, namespace: str, session: Any) -> None:
        super().__setitem__(namespace, session)
        if namespace in self._sids:
            self._sessions[self._sids[namespace]] = session

    def update(self, other: Any = (), /, **more: Any) -> None:
        """Store some sessions."""
        for namespace, session in dict(other, **more).items():
            self[namespace] = session
