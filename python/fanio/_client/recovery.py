"""The client's part of connection state recovery: the private id of each session, and its last offset.

A server that recovers sessions sends a ``pid`` in the CONNECT packet. To each event that it can send again it appends
an offset, as the last argument, which is text. Volatile events and events with an acknowledgement have no offset, so a
client cannot know for sure whether the last text is one. The JavaScript client treats every last text as an offset, and
also passes it to the handlers. Here it is removed from the arguments in two cases: it has the form of an offset that a
known adapter would write about now, or the handler has no parameter for it. Sources: ``_lastOffset`` of
socket.io-client 4.8; the offsets of socket.io-adapter (yeast), redis-streams-adapter (``ms-seq``) and mongo-adapter
(ObjectId).
"""

from __future__ import annotations

import re
import time
from typing import Any

__all__ = ["Recovery"]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
_YEAST = re.compile(r"[0-9A-Za-z_-]{7}(\.[0-9A-Za-z_-]+)?")
_STREAM = re.compile(r"(\d{13})-\d{1,19}")
_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
#: An offset's time may differ by this much from now, because clocks differ and a session may be days old.
_NEAR_MS = 30 * 24 * 3600 * 1000


class Recovery:
    """The facts that a client remembers for recovery, by namespace."""

    def __init__(self) -> None:
        """Start without sessions."""
        self._pids: dict[str, str] = {}
        self._offsets: dict[str, str] = {}
        self.recovered: dict[str, bool] = {}

    def auth(self, namespace: str, auth: dict[str, Any]) -> dict[str, Any]:
        """Return the data of a CONNECT packet."""
        pid = self._pids.get(namespace)
        if pid is None:
            return auth
        offset = self._offsets.get(namespace)
        known = {"pid": pid} if offset is None else {"pid": pid, "offset": offset}
        return {**known, **auth}

    def granted(self, namespace: str, pid: Any) -> None:
        """Note the ``pid`` of the server's CONNECT packet."""
        self.recovered[namespace] = isinstance(pid, str) and self._pids.get(namespace) == pid
        if isinstance(pid, str):
            self._pids[namespace] = pid
        else:
            self._pids.pop(namespace, None)

    def forget(self, namespace: str) -> None:
        """Forget a session that one side has ended, because it cannot be recovered."""
        self._pids.pop(namespace, None)
        self._offsets.pop(namespace, None)

    def take_offset(self, namespace: str, args: list[Any]) -> bool:
        """Note the offset of an event; return whether its last argument has the form of one."""
        if namespace not in self._pids or len(args) < 2 or not isinstance(args[-1], str):
            return False
        sure = _is_offset(args[-1])
        if sure or not _is_offset(self._offsets.get(namespace, "")):
            self._offsets[namespace] = args[-1]
        return sure

    def may_have_offset(self, namespace: str) -> bool:
        """Whether events of a namespace may carry an offset."""
        return namespace in self._pids


def _is_offset(text: str) -> bool:
    """Return whether a text is a time near now in one of the three forms."""
    if _YEAST.fullmatch(text):
        moment = 0
        for character in text[:7]:
            moment = moment * 64 + _ALPHABET.index(character)
    elif found := _STREAM.fullmatch(text):
        moment = int(found[1])
    elif _OBJECT_ID.fullmatch(text):
        moment = int(text[:8], 16) * 1000
    else:
        return False
    return abs(moment - time.time() * 1000) < _NEAR_MS
