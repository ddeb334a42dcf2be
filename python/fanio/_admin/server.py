"""The namespace to which the admin UI connects: logins, commands, statistics.

Sources: the server side of the npm package ``@socket.io/admin-ui`` 0.5 for the events, and python-socketio 5.18 for the
arguments.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fanio._admin.access import Access, Auth
from fanio._admin.report import Report
from fanio._admin.stats import HOSTNAME, Stats
from fanio.exceptions import ConnectionRefusedError as Refused

if TYPE_CHECKING:
    from fanio.async_server import AsyncServer
    from fanio.types import HandlerFunction

__all__ = ["InstrumentedAsyncServer"]

MODES = ("development", "production")


class InstrumentedAsyncServer:
    """A server that the admin UI can watch and control; ``AsyncServer.instrument`` returns it."""

    def __init__(
        self,
        sio: AsyncServer,
        auth: Auth | None = None,
        namespace: str = "/admin",
        read_only: bool = False,
        server_id: str | None = None,
        mode: str = "development",
        server_stats_interval: float = 2,
    ) -> None:
        """Instrument ``sio``; see ``AsyncServer.instrument``."""
        if mode not in MODES:
            msg = f"mode: expected one of {MODES}, got {mode!r}"
            raise ValueError(msg)
        self.sio = sio
        self.admin_namespace = namespace
        self.read_only = read_only
        self.server_id = server_id or HOSTNAME
        self.mode = mode
        self.server_stats_interval = server_stats_interval
        self._access = Access(auth)
        self._admins: set[str] = set()
        self._stats_task: asyncio.Task[None] | None = None
        self._report = Report(sio, namespace, self._tell, self._admins) if mode == "development" else None
        self.instrument()

    def instrument(self) -> None:
        """Register the handlers, and watch the server in development mode."""
        for event, handler in self._handlers().items():
            self.sio.on(event, handler, self.admin_namespace)
        self.sio._observe(self._report)

    def uninstrument(self) -> None:
        """Undo ``instrument`` and disconnect the admins."""
        self.sio._observe(None)
        self.sio._handlers.remove(self.admin_namespace, self._handlers())
        for sid in list(self._admins):
            self.sio._core.disconnect(sid, self.admin_namespace)
        self._end()

    async def shutdown(self) -> None:
        """End the statistics."""
        task = self._stats_task
        self._end()
        if task is not None:
            with suppress(asyncio.CancelledError):
                await task

    def _end(self) -> None:
        self._admins.clear()
        if self._stats_task is not None:
            self._stats_task.cancel()
            self._stats_task = None

    def _handlers(self) -> dict[str, HandlerFunction]:
        found: dict[str, HandlerFunction] = {"connect": self._connect, "disconnect": self._disconnect}
        if not self.read_only:
            found |= {
                "emit": self._on_emit,
                "join": self._on_join,
                "leave": self._on_leave,
                "_disconnect": self._on_disconnect,
            }
        return found

    def features(self) -> list[str]:
        """Return the names of the features that the UI may use."""
        found = ["AGGREGATED_EVENTS"]
        if not self.read_only:
            found += ["EMIT", "JOIN", "LEAVE", "DISCONNECT", "MJOIN", "MLEAVE", "MDISCONNECT"]
        return [*found, "ALL_EVENTS"] if self.mode == "development" else found

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        address = environ.get("REMOTE_ADDR", "")
        if self._access.is_blocked(address):
            msg = "too many failed logins, try again later"
            raise Refused(msg)
        if not await self._access.allows(auth, address):
            self.sio.logger.warning("a login to the admin UI from %s was refused", address)
            # The UI shows its login form when it gets this text of Node's server.
            msg = "invalid credentials"
            raise Refused(msg)
        if not self._access.is_open:
            await self._emit_to(sid, "session", self._access.new_session())
        await self._emit_to(sid, "config", {"supportedFeatures": self.features()})
        if self._report is not None:
            await self._emit_to(sid, "all_sockets", self._report.all_sockets())
        self._admins.add(sid)
        if self._stats_task is None:
            self._stats_task = self.sio.start_background_task(self._emit_stats)

    def _disconnect(self, sid: str, _reason: str) -> None:
        self._admins.discard(sid)
        if not self._admins:
            self._end()

    async def _emit_stats(self) -> None:
        stats = Stats(self.sio._core, self.server_id)
        while True:
            self._tell("server_stats", stats.take())
            if self._report is not None:
                self._report.report_upgrades()
            await asyncio.sleep(self.server_stats_interval)

    async def _emit_to(self, sid: str, event: str, data: Any) -> None:
        await self.sio.emit(event, data, to=sid, namespace=self.admin_namespace)

    def _tell(self, event: str, *args: Any) -> None:
        """Emit to all admins. Exceptions are logged, because they must not reach the application's own calls."""
        try:
            self.sio.emit_nowait(event, args, namespace=self.admin_namespace)
        except Exception:
            self.sio.logger.exception("the admin UI could not be told of %s", event)

    # Commands. The arguments come from a logged-in client, and are not checked yet.

    async def _on_emit(self, _sid: str, namespace: str, room: str | None, event: str, *data: Any) -> None:
        await self.sio.emit(event, data, to=room, namespace=namespace)

    async def _on_join(self, _sid: str, namespace: str, room: str, target: str | None = None) -> None:
        for sid in self._members(namespace, target):
            with suppress(KeyError, ValueError):
                await self.sio.enter_room(sid, room, namespace=namespace)

    async def _on_leave(self, _sid: str, namespace: str, room: str, target: str | None = None) -> None:
        for sid in self._members(namespace, target):
            await self.sio.leave_room(sid, room, namespace=namespace)

    async def _on_disconnect(self, _sid: str, namespace: str, close: bool = False, target: str | None = None) -> None:
        for sid in self._members(namespace, target):
            session_id = self.sio._core.session_of(sid)
            if not close:
                self.sio._core.disconnect(sid, namespace)
            elif session_id is not None:
                self.sio._core.close(session_id, "server disconnect")

    def _members(self, namespace: str, target: str | None) -> list[str]:
        rooms = [None] if target is None else self.sio._rooms.names(target)
        found: dict[str, None] = {}
        for room in rooms:
            found.update((sid, None) for sid, _ in self.sio._core.participants(namespace, room))
        return list(found)
