"""The node of one process: started when it is first used, its events handled on the serving loop."""

from __future__ import annotations

import atexit
import logging
import os
import threading
import uuid
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fanio import _core

if TYPE_CHECKING:
    import asyncio

    from fanio.stats import ClusterStats

__all__ = ["Data", "Link", "Reply", "Who"]

#: The rooms of clients that are meant, and the rooms that are excepted. No room is everybody.
Who = tuple[list[str], list[str]]
#: Where an answer goes: a node, a namespace, a request.
Reply = tuple[str, str, str]
#: Encoded data, and the attachments that its placeholders stand for.
Data = tuple[bytes, "list[bytes] | None"]

#: Events of the core that are taken in one turn of the loop.
_BATCH = 256


class Link:
    """A node on its bus. What it brings for the application goes to those who ``receive``."""

    def __init__(self, options: Mapping[str, Any], logger: logging.Logger, prefix: str = "") -> None:
        """Prepare a node; nothing runs yet.

        Args:
            options: Those of the core, without a name.
            logger: Where it logs.
            prefix: What its name begins with.

        Raises:
            ValueError: When an option has a value that is not supported.
        """
        self._options = dict(options)
        self._prefix = prefix
        self._server: _core.Server | None = None
        self.logger = logger
        #: Whether answers of clients are passed on in Node's way: counted, and one value of each.
        self.counts_answers = options["dialect"] != "python-socketio"
        self._receivers: dict[str, Callable[..., None]] = {
            "up": self._note_up,
            "down": self._note_down,
            "refused": self._note_refused,
        }
        self._lock = threading.Lock()
        self._namespaces: set[str] = set()
        self._is_running = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fd = -1
        self._make()
        os.register_at_fork(after_in_child=_weakly(self._begin_anew))

    def _make(self) -> None:
        #: The node's name, which no other has.
        self.name = self._prefix + uuid.uuid4().hex
        self._cluster = _core.Cluster(self._server, {**self._options, "name": self.name})

    @property
    def asked(self) -> Link:
        """The bus whose servers can be told of clients by their rooms."""
        return self

    def receive(self, receivers: dict[str, Callable[..., None]]) -> None:
        """Give what comes for the application to these, by kind."""
        self._receivers.update(receivers)

    def belong_to(self, server: _core.Server) -> None:
        """Be the node of a server."""
        self.stop()
        self._server = server
        self._make()

    def _begin_anew(self) -> None:
        """Be another node in a process that was just forked."""
        self._lock = threading.Lock()
        self._cluster.abandon()
        self._is_running, self._loop, self._fd = False, None, -1
        self._make()

    def start(self) -> None:
        """Start the node, unless it runs; what waits when the process ends is published then."""
        with self._lock:
            if not self._is_running:
                self._fd = self._cluster.start()
                self._is_running = True
                for namespace in self._namespaces:
                    self._cluster.open_namespace(namespace)
                atexit.register(self.stop)

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the node, and handle its events on a loop."""
        self.start()
        self._unwatch()
        self._loop = loop
        loop.add_reader(self._fd, self._drain)

    def _unwatch(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._fd)
        self._loop = None

    def stop(self) -> None:
        """Publish what waits, unless the bus is away, and end. A node that is used again starts again."""
        self._unwatch()
        with self._lock:
            if self._is_running:
                self._is_running = False
                atexit.unregister(self.stop)
                self._cluster.stop()

    def _drain(self) -> None:
        for kind, *fields in self._cluster.drain(_BATCH):
            receive = self._receivers.get(kind)
            if receive is None:
                continue
            try:
                receive(*fields)
            except Exception:
                self.logger.exception("a message of the cluster could not be handled")

    def _note_up(self) -> None:
        self.logger.info("cluster: connected as %s", self.name)

    def _note_down(self, why: str) -> None:
        self.logger.error(
            "cluster: not connected (%s); the clients of this server are served on, and it is tried again", why
        )

    def _note_refused(self, why: str) -> None:
        self.logger.error("cluster: messages that cannot be read are ignored; the first one because: %s", why)

    def open_namespace(self, namespace: str) -> None:
        """Hear what other servers say about a namespace."""
        with self._lock:
            if namespace not in self._namespaces:
                self._namespaces.add(namespace)
                # One that does not run hears of it when it starts.
                self._cluster.open_namespace(namespace)

    # What is said

    def emit(
        self,
        namespace: str,
        event: Data,
        who: Who,
        volatile: bool = False,
        compress: bool = True,
        callback: tuple[str, int] | None = None,
    ) -> bool:
        """Publish an event; true when the next one should wait."""
        if not self._is_running:
            self.start()
        self._cluster.emit(namespace, event, who, volatile, compress, callback)
        return self._cluster.is_full()

    def join(self, namespace: str, who: Who, rooms: list[str]) -> None:
        """Have clients of other servers enter rooms."""
        self.start()
        self._cluster.join(namespace, who, rooms)

    def leave(self, namespace: str, who: Who, rooms: list[str]) -> None:
        """Have clients of other servers leave rooms."""
        self.start()
        self._cluster.leave(namespace, who, rooms)

    def disconnect(self, namespace: str, who: Who, close: bool = False) -> None:
        """Have clients of other servers disconnected; ``close`` ends their connections, too."""
        self.start()
        self._cluster.disconnect(namespace, who, close)

    def server_side_emit(self, namespace: str, event: Data) -> None:
        """Send an event to the other servers themselves."""
        self.start()
        self._cluster.server_side_emit(namespace, event)

    def ask(self, number: int, kind: str, namespace: str, who: Who, event: Data | None, seconds: float) -> None:
        """Ask the other servers; "done" comes with the number and the answers."""
        self.start()
        self._cluster.request(number, namespace, kind, who, event, int(seconds * 1000))

    def close_room(self, namespace: str, room: str) -> None:
        """Have everybody on other servers leave a room."""
        self.start()
        self._cluster.close_room(namespace, room)

    def call_back(self, namespace: str, to: str, room: str, number: int, arguments: Data) -> None:
        """Pass a client's answer on to the server whose callback waits for it."""
        self._cluster.call_back(namespace, to, room, number, arguments)

    def ask_clients(self, number: int, namespace: str, event: Data, who: Who, seconds: float) -> bool:
        """Publish an event whose answers come as "ack" or "callback" with the number; true when it is full."""
        if not self.counts_answers:
            # The others give the room back with each answer.
            return self.emit(namespace, event, who, callback=(who[0][0] if who[0] else "", number))
        self.start()
        self._cluster.request(number, namespace, "acks", who, event, int(seconds * 1000))
        return self._cluster.is_full()

    def answer(self, reply: Reply, kind: str, data: Data | None, count: int = 0) -> None:
        """Answer another server."""
        self._cluster.answer(reply, kind, data, count)

    def is_full(self) -> bool:
        """Return whether so much waits to be published that the caller should wait."""
        return self._cluster.is_full()

    def stats(self) -> ClusterStats:
        """Return what was counted; zeros while the node does not run."""
        none: ClusterStats = {
            "published": 0,
            "received": 0,
            "lost": 0,
            "refused": 0,
            "waiting_bytes": 0,
            "up": False,
        }
        return {**none, **self._cluster.stats()}  # type: ignore[typeddict-item]


def _weakly(method: Callable[[], None]) -> Callable[[], None]:
    """Return a function that calls a method for as long as its object is there."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        found = reference()
        if found is not None:
            found()

    return call
