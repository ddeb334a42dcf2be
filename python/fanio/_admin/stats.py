"""The numbers of the UI's event ``server_stats``, from the core's counters."""

from __future__ import annotations

import os
import socket
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fanio import _core

__all__ = ["HOSTNAME", "Stats"]

HOSTNAME = socket.gethostname()

#: The UI's names of events that it counts, and the core's counter for each of them.
_TYPES = {
    "rawConnection": "sessions_opened",
    "packetsIn": "packets_received",
    "packetsOut": "deliveries",
    "bytesIn": "bytes_received",
    "bytesOut": "bytes_sent",
}
_CLOSED = "closed_"


class Stats:
    """Computes what has happened since the last call of ``take``."""

    def __init__(self, core: _core.Server, server_id: str) -> None:
        """Start with the present values of the counters."""
        self._core = core
        self._server_id = server_id
        self._began = time.monotonic()
        self._last = self._counters()

    def take(self) -> dict[str, Any]:
        """Return the ``server_stats`` since the last call."""
        sessions = dict(self._core.sessions_by_transport())
        namespaces = sorted(self._core.namespaces())
        return {
            "serverId": self._server_id,
            "hostname": HOSTNAME,
            "pid": os.getpid(),
            "uptime": time.monotonic() - self._began,
            "clientsCount": sum(sessions.values()),
            "pollingClientsCount": sessions.get("polling", 0),
            "aggregatedEvents": self._events(),
            "namespaces": [
                {"name": name, "socketsCount": len(self._core.participants(name, None))} for name in namespaces
            ],
        }

    def _counters(self) -> Counter[str]:
        """Return the sums over the shards."""
        found: Counter[str] = Counter()
        for shard in self._core.counters():
            found.update(shard)
        return found

    def _events(self) -> list[dict[str, Any]]:
        last, self._last = self._last, self._counters()
        grown = {name: count - last[name] for name, count in self._last.items()}
        timestamp = int(time.time()) * 1000
        events = [
            {"timestamp": timestamp, "type": name, "count": grown[counter]}
            for name, counter in _TYPES.items()
            if grown.get(counter)
        ]
        for name, count in grown.items():
            if name.startswith(_CLOSED) and count:
                reason = name[len(_CLOSED) :].replace("_", " ")
                events.append({"timestamp": timestamp, "type": "rawDisconnection", "subType": reason, "count": count})
        return events
