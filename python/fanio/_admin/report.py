"""Development mode: reports every client, room and event to the admin UI.

Owns the form of the data. Nothing is built while no admin is connected.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from fanio.async_server import AsyncServer
    from fanio.types import Room

__all__ = ["Report"]

#: Recipients of one emit that are shown one by one.
MAX_RECIPIENTS = 100


class Report:
    """Reports to the admins what happens to each client; an ``Observer`` of the server."""

    def __init__(self, server: AsyncServer, namespace: str, tell: Callable[..., None], watchers: set[str]) -> None:
        """Report with ``tell(event, *args)`` while ``watchers``, the sids of the admins, is not empty."""
        self._server = server
        self._core = server._core
        self._namespace = namespace
        self._tell = tell
        self._watchers = watchers
        self._issued: dict[str, float] = {}
        self._polling: dict[str, str] = {}

    def connected(self, sid: str, namespace: str, session_id: str) -> None:
        """Report a client that was accepted."""
        self._issued[sid] = _now().timestamp()
        if self._core.transport(session_id) == "polling":
            self._polling[sid] = session_id
        if self._watchers:
            self._tell("socket_connected", self.socket(sid, namespace, session_id), _now().isoformat())

    def disconnected(self, sid: str, namespace: str, reason: str) -> None:
        """Report a client that has disconnected."""
        self._issued.pop(sid, None)
        self._polling.pop(sid, None)
        if self._watchers:
            self._tell("socket_disconnected", namespace, sid, reason, _now().isoformat())

    def received(self, sid: str, namespace: str, args: list[Any]) -> None:
        """Report an event that a client has sent."""
        if self._watchers and namespace != self._namespace:
            self._tell("event_received", namespace, sid, _shown(args), _now().isoformat())

    def sent(self, namespace: str, rooms: list[str] | None, skip: Iterable[str], args: list[Any]) -> None:
        """Report an emit, for each recipient up to ``MAX_RECIPIENTS``."""
        if not self._watchers or namespace == self._namespace:
            return
        skipped, shown, now = set(skip), _shown(args), _now().isoformat()
        sids: dict[str, None] = {}
        for room in [None] if rooms is None else rooms:
            sids.update((sid, None) for sid, _ in self._core.participants(namespace, room))
        for sid in [sid for sid in sids if sid not in skipped][:MAX_RECIPIENTS]:
            self._tell("event_sent", namespace, sid, shown, now)

    def joined(self, sid: str, namespace: str, room: Room) -> None:
        """Report that a client has entered a room."""
        if self._watchers:
            self._tell("room_joined", namespace, str(room), sid, _now().isoformat())

    def left(self, sid: str, namespace: str, room: Room) -> None:
        """Report that a client has left a room."""
        if self._watchers:
            self._tell("room_left", namespace, str(room), sid, _now().isoformat())

    def report_upgrades(self) -> None:
        """Report the clients that have moved to a WebSocket since the last call."""
        for sid, session_id in list(self._polling.items()):
            transport = self._core.transport(session_id)
            if transport in (None, "polling"):
                continue
            del self._polling[sid]
            namespace = self._core.namespace_of(sid)
            self._tell("socket_updated", {"id": sid, "nsp": namespace, "transport": transport})

    def all_sockets(self) -> list[dict[str, Any]]:
        """Return all clients in the form that the UI expects."""
        return [
            self.socket(sid, namespace, session_id)
            for namespace in self._core.namespaces()
            for sid, session_id in self._core.participants(namespace, None)
        ]

    def socket(self, sid: str, namespace: str, session_id: str) -> dict[str, Any]:
        """Return a client in the form that the UI expects."""
        environ = self._server._environs.for_socket(session_id, sid)
        issued = self._issued.get(sid)
        query = parse_qs(environ.get("QUERY_STRING", ""))
        return {
            "id": sid,
            "clientId": session_id,
            "transport": self._core.transport(session_id) or "",
            "nsp": namespace,
            "data": {},
            "handshake": {
                "address": environ.get("REMOTE_ADDR", ""),
                "headers": {_header(name): value for name, value in environ.items() if name.startswith("HTTP_")},
                "query": {name: values[0] if len(values) == 1 else values for name, values in query.items()},
                "secure": environ.get("wsgi.url_scheme") in ("https", "wss"),
                "url": environ.get("PATH_INFO", ""),
                "issued": 0 if issued is None else int(issued * 1000),
                "time": "" if issued is None else datetime.fromtimestamp(issued, timezone.utc).isoformat(),
                "xdomain": "HTTP_ORIGIN" in environ,
            },
            "rooms": [str(room) for room in self._server.rooms(sid, namespace)],
        }


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _header(name: str) -> str:
    return name[len("HTTP_") :].lower().replace("_", "-")


def _shown(value: Any) -> Any:
    """Return data in a form that JSON can hold: bytes become their length, other objects their text."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if isinstance(value, dict):
        return {str(key): _shown(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_shown(item) for item in value]
    return value if value is None or isinstance(value, (str, int, float)) else str(value)
