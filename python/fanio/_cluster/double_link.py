"""A node among Node's servers and python-socketio's at once: each message is published to both.

A server of either kind hears one of the two buses. Servers of fanio that are on both know each other by
their names, and ignore on python-socketio's bus what they hear on Node's (``rust/cluster/src/node.rs``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    import logging
    from collections.abc import Callable

    from fanio import _core
    from fanio._cluster.link import Data, Link, Reply, Who
    from fanio.stats import ClusterStats

__all__ = ["DoubleLink"]


class DoubleLink:
    """Two links with the methods of one."""

    counts_answers = True

    def __init__(self, python: Link, node: Link) -> None:
        """Take the links, which do not run."""
        self._python, self._node = python, node
        self._both = (python, node)

    @property
    def name(self) -> str:
        """The node's name on python-socketio's bus."""
        return self._python.name

    @property
    def logger(self) -> logging.Logger:
        """Where the links log."""
        return self._node.logger

    @logger.setter
    def logger(self, logger: logging.Logger) -> None:
        for link in self._both:
            link.logger = logger

    @property
    def asked(self) -> Link:
        """The bus whose servers can be told of clients by their rooms: Node's and fanio's."""
        return self._node

    def receive(self, receivers: dict[str, Callable[..., None]]) -> None:
        """Give what comes for the application to these, by kind."""
        for link in self._both:
            link.receive(receivers)

    def belong_to(self, server: _core.Server) -> None:
        """Be the node of a server."""
        for link in self._both:
            link.belong_to(server)

    def serve(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start, and handle events on a loop."""
        for link in self._both:
            link.serve(loop)

    def stop(self) -> None:
        """Publish what waits, unless a bus is away, and end."""
        for link in self._both:
            link.stop()

    def open_namespace(self, namespace: str) -> None:
        """Hear what other servers say about a namespace."""
        for link in self._both:
            link.open_namespace(namespace)

    def emit(self, namespace: str, event: Data, who: Who, volatile: bool = False, compress: bool = True) -> bool:
        """Publish an event; true when the next one should wait."""
        full = [link.emit(namespace, event, who, volatile, compress) for link in self._both]
        return any(full)

    def ask_clients(self, number: int, namespace: str, event: Data, who: Who, seconds: float) -> bool:
        """Publish an event whose answers come as "ack" or "callback" with the number."""
        full = [link.ask_clients(number, namespace, event, who, seconds) for link in self._both]
        return any(full)

    def join(self, namespace: str, who: Who, rooms: list[str]) -> None:
        """Have clients of other servers enter rooms."""
        for link in self._both:
            link.join(namespace, who, rooms)

    def leave(self, namespace: str, who: Who, rooms: list[str]) -> None:
        """Have clients of other servers leave rooms."""
        for link in self._both:
            link.leave(namespace, who, rooms)

    def disconnect(self, namespace: str, who: Who, close: bool = False) -> None:
        """Have clients of other servers disconnected."""
        for link in self._both:
            link.disconnect(namespace, who, close)

    def close_room(self, namespace: str, room: str) -> None:
        """Have everybody on other servers leave a room."""
        for link in self._both:
            link.close_room(namespace, room)

    def call_back(self, namespace: str, to: str, room: str, number: int, arguments: Data) -> None:
        """Pass a client's answer on to a server of python-socketio."""
        self._python.call_back(namespace, to, room, number, arguments)

    def server_side_emit(self, namespace: str, event: Data) -> None:
        """Send an event to Node's servers and fanio's."""
        self._node.server_side_emit(namespace, event)

    def ask(self, number: int, kind: str, namespace: str, who: Who, event: Data | None, seconds: float) -> None:
        """Ask Node's servers and fanio's."""
        self._node.ask(number, kind, namespace, who, event, seconds)

    def answer(self, reply: Reply, kind: str, data: Data | None, count: int = 0) -> None:
        """Answer another server."""
        self._node.answer(reply, kind, data, count)

    def is_full(self) -> bool:
        """Return whether so much waits to be published that the caller should wait."""
        return any(link.is_full() for link in self._both)

    def stats(self) -> ClusterStats:
        """Return what was counted on both; ``up`` when both can be used."""
        found: list[Any] = [link.stats() for link in self._both]
        total: Any = {name: sum(stats[name] for stats in found) for name in found[0]}
        total["up"] = all(stats["up"] for stats in found)
        return total  # type: ignore[no-any-return]
