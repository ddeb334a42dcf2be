"""The node of one server: started and stopped with it, its events handled on the serving loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._cluster.answers import Answers, Requests

if TYPE_CHECKING:
    import logging

__all__ = ["Link", "Reply", "Who"]

#: The rooms of clients that are meant, and the rooms that are excepted. No room is everybody.
Who = tuple[list[str], list[str]]
#: Where an answer goes: a node, a namespace, a request.
Reply = tuple[str, str, str]

#: Events of the core that are taken in one turn of the loop.
_BATCH = 256
#: What the core calls a room that no text names: other servers cannot know it.
_UNNAMED = "\x00h"


class Link:
    """A running node. What it brings for the application goes to ``receivers``, by kind."""

    def __init__(
        self, core: _core.Server | None, options: dict[str, Any], receivers: Mapping[str, Callable[..., None]]
    ) -> None:
        """Prepare a node; ``core`` is None in a process that only publishes."""
        self._cluster = _core.Cluster(core, options)
        self.name: str = options["name"]
        self.requests = Requests()
        self._receivers: dict[str, Callable[..., None]] = {
            **receivers,
            "up": self._note_up,
            "down": self._note_down,
            "refused": self._note_refused,
            "done": self._end_request,
            "failed": self._fail_request,
        }
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self._open: set[str] = set()
        self.logger: logging.Logger | None = None

    def start(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Start the node; its events are handled on ``loop``, or dropped when there is none."""
        self._fd = self._cluster.start()
        if loop is not None:
            self._loop = loop
            loop.add_reader(self._fd, self._drain)

    def stop(self) -> None:
        """Publish what waits, and end."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        self._loop = None
        self._cluster.stop()
        self._open.clear()
        self.requests.cancel()

    def _drain(self) -> None:
        for kind, *fields in self._cluster.drain(_BATCH):
            receiver = self._receivers.get(kind)
            if receiver is None:
                continue
            try:
                receiver(*fields)
            except Exception:
                if self.logger is not None:
                    self.logger.exception("a message of the cluster could not be handled")

    def _note_up(self) -> None:
        if self.logger is not None:
            self.logger.info("cluster: connected as %s", self.name)

    def _note_down(self, why: str) -> None:
        if self.logger is not None:
            self.logger.error("cluster: not connected (%s); clients of this server are served on, trying again", why)

    def _note_refused(self, why: str) -> None:
        if self.logger is not None:
            self.logger.warning("cluster: ignoring messages that cannot be read, the first one because: %s", why)

    def _end_request(self, number: int, values: list[Any], missing: int, missing_nodes: list[str]) -> None:
        self.requests.end(number, Answers(values, missing, missing_nodes))

    def _fail_request(self, number: int, error: str) -> None:
        self.requests.fail(number, NotImplementedError(f"{error}: see docs/scaling-out.md"))

    # What is said

    def open_namespace(self, namespace: str) -> None:
        """Hear what other servers say about a namespace."""
        if namespace not in self._open:
            self._open.add(namespace)
            self._cluster.open_namespace(namespace)

    def emit(
        self,
        namespace: str,
        payload: bytes,
        attachments: list[bytes] | None,
        who: Who,
        volatile: bool,
        compress: bool,
        callback: tuple[str, int] | None = None,
    ) -> None:
        """Publish an event."""
        rooms, excepted = who
        if any(room.startswith(_UNNAMED) for room in rooms):
            return
        self._cluster.emit(namespace, (payload, attachments), (rooms, excepted), volatile, compress, callback)

    def join(self, namespace: str, who: Who, rooms: list[str]) -> None:
        """Have clients of other servers enter rooms."""
        self._cluster.join(namespace, who, rooms)

    def leave(self, namespace: str, who: Who, rooms: list[str]) -> None:
        """Have clients of other servers leave rooms."""
        self._cluster.leave(namespace, who, rooms)

    def disconnect(self, namespace: str, who: Who, close: bool = False) -> None:
        """Have clients of other servers disconnected; ``close`` ends their connections, too."""
        self._cluster.disconnect(namespace, who, close)

    def close_room(self, namespace: str, room: str) -> None:
        """Have everybody on other servers leave a room."""
        self._cluster.close_room(namespace, room)

    def call_back(self, namespace: str, to: str, room: str, number: int, arguments: bytes, blobs: list[bytes]) -> None:
        """Pass a client's answer on to the server whose callback waits for it."""
        self._cluster.call_back(namespace, to, room, number, (arguments, blobs))

    def server_side_emit(self, namespace: str, payload: bytes) -> None:
        """Send an event to the other servers themselves."""
        self._cluster.server_side_emit(namespace, (payload, None))

    def answer(self, reply: Reply, kind: str, data: tuple[bytes, list[bytes] | None] | None, count: int = 0) -> None:
        """Answer another server."""
        self._cluster.answer(reply, kind, data, count)

    async def request(
        self, namespace: str, kind: str, who: Who = ([], []), payload: bytes | None = None, timeout: float = 5.0
    ) -> Answers:
        """Ask the other servers, and wait for their answers.

        Args:
            namespace: The namespace.
            kind: "sockets", "sids", "rooms" or "server_side".
            who: Which clients.
            payload: Of a server-side event, name and arguments.
            timeout: Seconds.

        Raises:
            NotImplementedError: When the dialect has no form for it.
        """
        number, future = self.requests.begin()
        event = None if payload is None else (payload, None)
        self._cluster.request(number, namespace, kind, who, event, int(timeout * 1000))
        return await future

    def is_full(self) -> bool:
        """Return whether so much waits to be published that the caller should wait."""
        return self._cluster.is_full()

    def stats(self) -> dict[str, Any]:
        """Return what was counted: published, received, lost, refused, waiting bytes, whether it is up."""
        return self._cluster.stats()
