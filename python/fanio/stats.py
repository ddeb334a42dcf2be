"""The result of ``AsyncServer.stats``: counts of what a server has done and of what waits in it.

Sums the counters of the shards and groups them. The core owns the counters and their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fanio import _core

__all__ = ["ClusterStats", "Connections", "Drops", "ShardStats", "Stats", "collect"]

_CLOSED = "closed_"


class Connections(TypedDict):
    """The current number of connections, by transport."""

    polling: int
    websocket: int


class Drops(TypedDict):
    """Packets that did not reach a client, counted once for each client.

    Attributes:
        volatile: Emitted with ``volatile=True``, for a client with a backlog.
        conflated: Replaced by a newer one with the same ``conflate`` name.
        closed: Waiting for a client when it was closed, for any reason. Some of these may have been
            sent, if they were written together with others.
    """

    volatile: int
    conflated: int
    closed: int


class ShardStats(TypedDict):
    """The counts of one shard. All but the first four only grow, until the server is started again.

    ``packets + queued_packets + drops["volatile"] + drops["conflated"] + drops["closed"]`` is what
    the application has sent, counted once for each client that a packet was meant for.

    Attributes:
        connections: The current connections.
        sockets: The current clients in namespaces; a client in two namespaces counts twice.
        queued_bytes: Bytes of memory of the packets that wait for slow clients. A packet that waits
            for many clients counts once in each shard.
        queued_packets: Packets that wait, counted once for each client.
        opened: Connections that were opened.
        upgrades: Connections that moved from polling to a WebSocket.
        closes: Connections that were closed, by reason.
        packets: Events, acknowledgements and CONNECT replies that were sent.
        deliveries: Sends that carried these packets.
        coalescing: Packets per send; 0.0 before the first.
        drops: Packets that were not sent, by reason.
        bytes_sent: Bytes written, including headers.
        bytes_received: Bytes read.
        requests_refused: Requests answered with an error status.
        read_pauses: How often reading from a client waited for the application.
        events_dropped: Events that were dropped because their client left while it was not read.
        inline_periods: How often the loop's own thread took over the shard's work, because there was so
            little that two threads would have cost more.
        panics: How often a fault in fanio's core interrupted its work. It should be 0; please report others.
    """

    connections: Connections
    sockets: int
    queued_bytes: int
    queued_packets: int
    opened: int
    upgrades: int
    closes: dict[str, int]
    packets: int
    deliveries: int
    coalescing: float
    drops: Drops
    bytes_sent: int
    bytes_received: int
    requests_refused: int
    read_pauses: int
    events_dropped: int
    inline_periods: int
    panics: int


class Stats(ShardStats):
    """The counts of all shards together, in ``shards`` those of each, and in ``cluster`` those of the cluster.

    ``cluster`` is None if the server is in no cluster.
    """

    shards: list[ShardStats]
    cluster: ClusterStats | None


class ClusterStats(TypedDict):
    """The counts of one server in a cluster. All but the last two only grow.

    Attributes:
        published: Messages published.
        received: Messages received.
        lost: Messages that were not published because the bus was disconnected, and messages that
            arrived faster than they were taken.
        refused: Received data that is not a valid message.
        waiting_bytes: Bytes that wait to be published.
        up: Whether the message bus is connected.
    """

    published: int
    received: int
    lost: int
    refused: int
    waiting_bytes: int
    up: bool


def collect(core: _core.Server, cluster: ClusterStats | None = None) -> Stats:
    """Return the counts of a server; all are 0 while it is not served."""
    shards = core.counters()
    return {**_numbers(shards), "shards": [_numbers([shard]) for shard in shards], "cluster": cluster}


def _numbers(shards: list[dict[str, int]]) -> ShardStats:
    def total(name: str) -> int:
        return sum(shard[name] for shard in shards)

    packets, deliveries = total("packets_sent"), total("deliveries")
    return {
        "connections": {"polling": total("polling"), "websocket": total("websocket")},
        "sockets": total("sockets"),
        "queued_bytes": total("queued_bytes"),
        "queued_packets": total("queued_packets"),
        "opened": total("sessions_opened"),
        "upgrades": total("upgrades"),
        "closes": {name.removeprefix(_CLOSED).replace("_", " "): total(name) for name in _closed(shards)},
        "packets": packets,
        "deliveries": deliveries,
        "coalescing": packets / deliveries if deliveries else 0.0,
        "drops": {
            "volatile": total("dropped_volatile"),
            "conflated": total("dropped_conflated"),
            "closed": total("dropped_closed"),
        },
        "bytes_sent": total("bytes_sent"),
        "bytes_received": total("bytes_received"),
        "requests_refused": total("requests_refused"),
        "read_pauses": total("read_pauses"),
        "events_dropped": total("dropped_unread"),
        "inline_periods": total("inline_periods"),
        "panics": total("panics"),
    }


def _closed(shards: list[dict[str, int]]) -> Iterable[str]:
    return [name for name in shards[0] if name.startswith(_CLOSED)] if shards else []
