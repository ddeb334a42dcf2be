"""A server's place in its cluster: what it tells the others of its emits, and does for them.

Most of what other servers want is done by the core, without Python. What comes here is an event whose
acknowledgements go back, and the answers to callbacks of this server.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from fanio._cluster import values
from fanio._cluster.callbacks import Callbacks
from fanio._cluster.clients import Clients
from fanio._cluster.requests import Requests
from fanio._codec.packet import ACK

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from fanio._cluster.double_link import DoubleLink
    from fanio._cluster.link import Data, Link, Reply, Who
    from fanio._cluster.requests import Answers
    from fanio._server.acks import Waiter
    from fanio._server.emitter import OutgoingEvent
    from fanio.async_server import AsyncServer
    from fanio.stats import ClusterStats

__all__ = ["Membership", "is_told"]

#: What the names of rooms begin with that only this process knows, and the name of a room nobody is in.
_UNTOLD = ("\x00h", "\x00-")

#: How long answers of clients elsewhere are waited for in Node's way, unless a call says its time.
_SECONDS = 60.0


def is_told(name: str) -> bool:
    """Return whether other servers can know a room by its name in the core: it is text or a whole number."""
    return not name.startswith(_UNTOLD)


def _told(who: Who) -> Who:
    rooms, excepted = who
    return list(filter(is_told, rooms)), list(filter(is_told, excepted))


class Membership:
    """The side of a server that the others see."""

    def __init__(self, server: AsyncServer, link: Link | DoubleLink) -> None:
        """Take the server, which is there but may not run, and its link."""
        self._server = server
        self._core = server._core
        self._codec = server._codec
        self._link = link
        numbers = itertools.count(1)
        self._callbacks = Callbacks(numbers)
        self._requests = Requests(numbers)
        self._clients = Clients(server)
        link.receive(
            {
                "emit": self._take_emit,
                "callback": self._take_answer,
                "ack": self._take_value,
                "fetch_sockets": self._describe_clients,
                "server_side": server._surface.take,
                "done": self._requests.end,
                "failed": self._requests.fail,
            }
        )

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take part, and handle what comes on this loop."""
        listed = self._server._lifecycle.namespaces
        for namespace in {*([] if listed == "*" else listed), *self._server._handlers.served()}:
            self._link.open_namespace(namespace)
        self._link.serve(loop)

    def open_namespace(self, namespace: str) -> None:
        """Hear what other servers say about a namespace."""
        self._link.open_namespace(namespace)

    def stop(self) -> None:
        """Take part no longer."""
        self._link.stop()
        self._requests.cancel()

    def is_full(self) -> bool:
        """Return whether so much waits to be published that the caller should wait."""
        return self._link.is_full()

    def stats(self) -> ClusterStats:
        """Return what was counted."""
        return self._link.stats()

    def concerns(self, names: Sequence[str] | None, namespace: str) -> bool:
        """Return whether clients of other servers may be meant: not when all are clients of this one."""
        if names is None:
            return True
        find = self._core.namespace_of
        return any(is_told(name) and find(name) != namespace for name in names)

    def publish(
        self, event: OutgoingEvent, data: Data, names: list[str] | None, without: list[str], callback: int | None
    ) -> bool:
        """Tell the others of an event, encoded as this server's clients get it; true when the next one should wait."""
        namespace = event.namespace
        if not self.concerns(names, namespace):
            return False
        rooms = [] if names is None else [name for name in names if is_told(name)]
        who: Who = (rooms, [name for name in without if is_told(name)])
        if callback is not None:
            return self._link.ask_clients(callback, namespace, data, who, self._callbacks.seconds(callback))
        return self._link.emit(namespace, data, who, event.volatile, event.compress)

    def expect(self, waiter: Waiter, seconds: float | None = None) -> int:
        """Return the number under which clients of other servers answer."""
        return self._callbacks.expect(waiter, _SECONDS if seconds is None else seconds)

    def drop(self, number: int) -> None:
        """Wait for these answers no longer."""
        self._callbacks.drop(number)

    # What the others are asked

    async def ask(self, kind: str, namespace: str, who: Who, event: list[Any] | None, timeout: float) -> Answers:
        """Ask the others, and wait for their answers.

        Args:
            kind: "sockets", "sids", "rooms" or "server_side".
            namespace: The namespace.
            who: Which clients.
            event: Of "server_side", name and arguments.
            timeout: Seconds.

        Raises:
            NotImplementedError: When the servers of the cluster cannot be asked.
        """
        self._check_dialect()
        data = None if event is None else self._encoded(event)
        number, future = self._requests.begin()
        self._link.ask(number, kind, namespace, _told(who), data, timeout)
        return await future

    def change(self, what: str, namespace: str, everybody: bool, who: Who, rooms: list[str]) -> None:
        """Have clients elsewhere enter ("join") or leave ("leave") rooms, which have these names."""
        self._check_dialect()
        told = _told(who)
        if everybody or told[0]:
            change = self._link.asked.join if what == "join" else self._link.asked.leave
            change(namespace, told, [room for room in rooms if is_told(room)])

    def disconnect(self, namespace: str, everybody: bool, who: Who, close: bool) -> None:
        """Have clients elsewhere disconnected."""
        self._check_dialect()
        told = _told(who)
        if everybody or told[0]:
            self._link.asked.disconnect(namespace, told, close)

    def server_side_emit(self, namespace: str, event: list[Any]) -> None:
        """Send an event to the other servers themselves."""
        self._check_dialect()
        self._link.server_side_emit(namespace, self._encoded(event))

    def answer_server(self, reply: Reply, result: Any) -> None:
        """Answer an event of another server."""
        self._link.answer(reply, "server_side", self._encoded([result]))

    def _check_dialect(self) -> None:
        if not self._link.counts_answers:
            msg = (
                "python-socketio's servers cannot be asked, and cannot be told of clients by their rooms: "
                "this needs AsyncRedisManager(dialect='node')"
            )
            raise NotImplementedError(msg)

    # What the others want

    def _take_emit(
        self,
        namespace: str,
        data: Data,
        who: Who,
        flags: tuple[bool, bool],
        sender: str,
        callback: tuple[str, int] | None,
        reply: Reply | None,
    ) -> None:
        """Emit an event of another server to the clients here, and pass their answers on."""
        rooms, excepted = who

        def answer(arguments: list[Any]) -> None:
            if callback is not None:
                self._link.call_back(namespace, sender, *callback, self._encoded(arguments))
            elif reply is not None:
                # Node passes on the first argument only.
                self._link.answer(reply, "ack", self._encoded(arguments[:1] or [None]))

        count = self._server._emitter.relay(namespace, data, rooms or None, excepted, flags, _Returned(answer))
        if reply is not None:
            self._link.answer(reply, "count", None, count)

    def _encoded(self, values: list[Any]) -> Data:
        """Return an array, encoded as this server does."""
        return self._codec.encode(values, ACK, "/", 0)  # type: ignore[return-value]

    def _take_value(self, number: int, data: tuple[bytes, list[bytes]]) -> None:
        """Take the answer of one client in Node's way."""
        waiter = self._callbacks.find(number)
        if waiter is not None:
            waiter.deliver([values.read(data)])

    def _describe_clients(self, who: Who, reply: Reply) -> None:
        """Answer which clients are here."""
        namespace = reply[1]
        rooms, excepted = who
        sids = self._server._emitter.recipients(rooms or None, namespace, excepted)
        clients = [found for sid in sids if (found := self._clients.describe(sid, namespace)) is not None]
        self._link.answer(reply, "sockets", self._encoded(clients))

    def _take_answer(self, _room: str, number: int, data: tuple[bytes, list[bytes]]) -> None:
        waiter = self._callbacks.find(number)
        if waiter is not None:
            arguments = values.read(data)
            waiter.deliver(arguments if isinstance(arguments, list) else [arguments])


class _Returned:
    """A server elsewhere, which waits for the answers of clients here."""

    __slots__ = ("deliver",)

    def __init__(self, deliver: Any) -> None:
        self.deliver = deliver

    def lose(self) -> None:
        """Do nothing: it is not told who is gone."""
