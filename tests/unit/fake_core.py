"""A stand-in for the Rust core: a registry in Python that records what it should send.

Tests inject the events a shard would publish and look at the calls that follow.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable
from typing import Any

from fanio import _core

HEAD = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a.example\r\nX-Two: 1\r\nX-Two: 2\r\n\r\n"


class FakeCore:
    """The methods of `_core.Server`, without a network."""

    def __init__(self, options: dict[str, object]) -> None:
        self.options = options
        self.calls: list[tuple[Any, ...]] = []
        self.sockets: dict[str, dict[str, Any]] = {}
        self.requests: dict[str, tuple[bytes, tuple[str, int] | None, bool]] = {}
        self.forgotten: list[str] = []
        self.held: set[str] = set()
        self.full = False
        self.room: dict[str, int] = {}
        self.crowded = False
        self._events: deque[tuple[Any, ...]] = deque()
        self._pipe: tuple[int, int] | None = None
        self._numbers = itertools.count(1)

    # What a test does

    def push(self, *event: Any) -> None:
        self._events.append(event)
        if self._pipe is not None:
            os.write(self._pipe[1], b"x")

    def connect(self, namespace: str = "/", auth: bytes = b"", session: str | None = None) -> str:
        number = next(self._numbers)
        sid, session = f"sid{number}", session or f"session{number}"
        self.requests.setdefault(session, (HEAD, ("192.0.2.1", 4000), False))
        self.sockets[sid] = {"ns": namespace, "session": session, "state": "connecting", "rooms": set()}
        self.push(_core.CONNECT, sid, namespace, session, auth)
        return sid

    def event(self, sid: str, data: bytes, ack_id: int | None = None, *blobs: Any) -> None:
        attachments, places = blobs or (None, None)
        early = self.state(sid) != "connected" or sid in self.held
        self.push(
            _core.EARLY_EVENT if early else _core.EVENT, sid, self.sockets[sid]["ns"], data, ack_id, attachments, places
        )

    def answer(self, sid: str, data: bytes, ack_id: int) -> None:
        self.push(_core.ACK, sid, self.sockets[sid]["ns"], data, ack_id, None, None)

    def drop(self, sid: str, reason: str = "transport close") -> None:
        socket = self.sockets[sid]
        socket["state"] = "leaving"
        self.push(_core.DISCONNECT, sid, socket["ns"], socket["session"], reason)

    def drain_client(self, sid: str, room: int) -> None:
        """Let a client take what was sent to it, so that more packets may be sent."""
        self.room[sid] = room
        self.push(_core.DRAINED, self.session_of(sid) or sid)

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        """The recorded calls of one kind, without it."""
        return [call[1:] for call in self.calls if call[0] == kind]

    # What the package does

    def decode_with(self, loads: Any) -> None:
        pass

    def start(self, defer: bool = False) -> int:
        self.calls.append(("start",))
        self._pipe = os.pipe()
        os.set_blocking(self._pipe[0], False)
        if self._events:
            os.write(self._pipe[1], b"x")
        return self._pipe[0]

    def stop(self) -> None:
        self.calls.append(("stop",))
        if self._pipe is not None:
            for fd in self._pipe:
                os.close(fd)
        self._pipe = None

    def shutdown(self) -> None:
        self.calls.append(("shutdown",))
        for sid, socket in self.sockets.items():
            if socket["state"] != "leaving":
                self.drop(sid, "server shutdown")
        self.push(_core.STOPPED)

    def drain(self, limit: int) -> list[tuple[Any, ...]]:
        assert self._pipe is not None
        with contextlib.suppress(BlockingIOError):
            os.read(self._pipe[0], 65536)
        batch = [self._events.popleft() for _ in range(min(limit, len(self._events)))]
        if self._events:
            os.write(self._pipe[1], b"x")
        return batch

    def accept(self, sid: str, payload: bytes) -> bool:
        self.calls.append(("accept", sid, payload))
        if self.state(sid) != "connecting":
            return False
        self.sockets[sid]["state"] = "connected"
        return True

    def hold(self, sid: str) -> None:
        self.held.add(sid)

    def release(self, sid: str) -> None:
        self.held.discard(sid)

    def refuse(self, sid: str, payload: bytes) -> None:
        self.calls.append(("refuse", sid, payload))
        if sid in self.held:
            self.sockets[sid]["state"] = "leaving"
        else:
            self.sockets.pop(sid, None)

    def forget(self, sid: str) -> None:
        self.forgotten.append(sid)
        self.held.discard(sid)
        self.sockets.pop(sid, None)

    def emit(self, *args: Any) -> int:
        *said, may_wait = args if len(args) == 11 else (*args, False)
        if may_wait and said[3] and self.crowded:
            return _core.WAIT | _core.CROWDED
        if may_wait and said[3] and self._waits(said[3][0]):
            return _core.WAIT
        self.calls.append(("emit", *said))
        return _core.FULL if self.full else 0

    def ack(self, sid: str, number: int, data: Any, attachments: Any, may_wait: bool = False) -> int:
        if may_wait and self._waits(sid):
            return _core.WAIT
        self.calls.append(("ack", sid, number, data, attachments))
        return 0

    def send(self, session: str, messages: list[Any], may_wait: bool = False) -> int:
        if may_wait and self._waits(session):
            return _core.WAIT
        self.calls.append(("send", session, messages))
        return 0

    def _waits(self, sid: str) -> bool:
        """Whether much waits for a client."""
        if sid not in self.room:
            return False
        self.room[sid] -= 1
        return self.room[sid] < 0

    def is_crowded(self) -> bool:
        return self.crowded

    def is_full(self) -> bool:
        return self.full

    def disconnect(self, sid: str, namespace: str, payload: Any = None) -> bool:
        self.calls.append(("disconnect", sid, namespace))
        if not self.is_connected(sid, namespace):
            return False
        self.drop(sid, "server disconnect")
        return True

    def join(self, sid: str, namespace: str, room: str) -> None:
        if sid not in self.sockets:
            raise KeyError(sid)
        if self.sockets[sid]["ns"] != namespace:
            raise ValueError("sid is not connected to requested namespace")
        self.sockets[sid]["rooms"].add(room)

    def leave(self, sid: str, namespace: str, room: str) -> None:
        if sid in self.sockets:
            self.sockets[sid]["rooms"].discard(room)

    def close_room(self, namespace: str, room: str) -> None:
        for socket in self.sockets.values():
            socket["rooms"].discard(room)

    def rooms(self, sid: str, namespace: str) -> list[str]:
        return [sid, *sorted(self.sockets[sid]["rooms"])] if sid in self.sockets else []

    def participants(self, namespace: str, room: str | None) -> list[tuple[str, str]]:
        return [
            (sid, socket["session"])
            for sid, socket in self.sockets.items()
            if socket["ns"] == namespace
            and socket["state"] == "connected"
            and (room is None or room == sid or room in socket["rooms"])
        ]

    def room_names(self, namespace: str) -> list[str]:
        return list({room for socket in self.sockets.values() if socket["ns"] == namespace for room in socket["rooms"]})

    def namespaces(self) -> list[str]:
        return list({socket["ns"] for socket in self.sockets.values()})

    def is_connected(self, sid: str, namespace: str) -> bool:
        return self.state(sid) == "connected" and self.sockets[sid]["ns"] == namespace

    def _of(self, sid: str, key: str) -> Any:
        return self.sockets[sid][key] if sid in self.sockets else None

    def state(self, sid: str) -> str | None:
        return self._of(sid, "state")

    def namespace_of(self, sid: str) -> str | None:
        return self._of(sid, "ns")

    def session_of(self, sid: str) -> str | None:
        return self._of(sid, "session")

    def sessions(self) -> list[str]:
        return list({socket["session"] for socket in self.sockets.values()})

    def transport(self, session: str) -> str | None:
        return "websocket" if session in self.requests else None

    def sessions_by_transport(self) -> list[tuple[str, int]]:
        return [("websocket", len(self.requests))]

    def counters(self) -> list[dict[str, int]]:
        return [{"sessions_opened": len(self.requests)}]

    def request(self, session: str) -> Any:
        return self.requests.get(session)

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Record the calls that need no answer: ack, close, pause, listen and so on."""
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda *args: self.calls.append((name, *args))


async def until(condition: Callable[[], Any]) -> None:
    """Let the loop run until a condition holds; fail when it never does."""
    for _ in range(2000):
        if condition():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it did not happen")


async def settle() -> None:
    """Let the loop run until everything injected has been handled."""
    for _ in range(20):
        await asyncio.sleep(0.0005)
