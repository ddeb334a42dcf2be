"""What a server asks of the cluster it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Sequence

    from fanio._server.acks import Waiter
    from fanio._server.emitter import OutgoingEvent
    from fanio.stats import ClusterStats

__all__ = ["Cluster"]


class Cluster(Protocol):
    """The other servers, as one server sees them."""

    def serve(self, loop: asyncio.AbstractEventLoop, /) -> None:
        """Take part, and handle what comes on this loop."""

    def stop(self) -> None:
        """Take part no longer."""

    def open_namespace(self, namespace: str, /) -> None:
        """Hear what other servers say about a namespace, which this one serves."""

    def is_full(self) -> bool:
        """Return whether so much waits to be published that the caller should wait."""

    def stats(self) -> ClusterStats:
        """Return what was counted."""

    def concerns(self, names: Sequence[str] | None, namespace: str, /) -> bool:
        """Return whether clients of other servers may be meant."""

    def publish(
        self,
        event: OutgoingEvent,
        data: tuple[Any, list[bytes] | None],
        names: list[str] | None,
        without: list[str],
        callback: int | None,
        /,
    ) -> bool:
        """Tell the others of an event that is encoded; true when the next one should wait."""

    def expect(self, waiter: Waiter, seconds: float | None = None, /) -> int:
        """Return the number under which clients of other servers answer; None is the usual time."""

    def drop(self, number: int, /) -> None:
        """Wait for these answers no longer."""
