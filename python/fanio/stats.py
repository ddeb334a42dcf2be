"""What a server has done, and what waits in it, as numbers: the form of ``AsyncServer.stats``.

Sorts the counters of the shards, whose names are the core's, into what a program looks for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fanio import _core

__all__ = ["ClusterStats", "Connections", "Drops", "ShardStats", "Stats", "collect"]

_CLOSED = "closed_"


class Connections(TypedDict):
    """Connections there are now, by transport."""

    polling: int
    websocket: int


class Drops(TypedDict):
    """Packets that did not reach a client, each counted for each client.

    Attributes:
        volatile: Emitted with ``volatile=True``, for a client with a backlog.
        conflated: Replaced by a newer one with the same ``conflate`` name.
        closed: Waiting for a client when it was closed, for whatever reason. Its connection may
            have carried some of those that were written together.
    """

    volatile: int
    conflated: int
    closed: int


class ShardStats(TypedDict):
    """The numbers of one shard. All but the first four only grow.

    ``packets + queued_packets + drops["volatile"] + drops["conflated"] + drops["closed"]`` is what
    the program has sent, each packet counted for each client that it was meant for.

    Attributes:
        connections: Those there are now.
        sockets: Clients in a namespace now; one that is in two counts twice.
        queued_bytes: Memory that packets take which wait for slow clients. A packet that many
            wait for counts once for each shard.
        queued_packets: Packets that wait, for each client.
        opened: Connections that were opened.
        upgrades: Connections that moved from polling to a WebSocket.
        closes: Connections that were closed, by reason.
        packets: Events, acknowledgements and CONNECT replies that were sent.
        deliveries: Sends that carried them.
        coalescing: Packets for each such send; 0.0 before the first.
        drops: Packets that were not sent, by reason.
        bytes_sent: Bytes written, headers included.
        bytes_received: Bytes read.
        requests_refused: Requests answered with an error status.
        read_pauses: How often reading from a client waited for the program.
        events_dropped: Events dropped because their client had gone while it was not read.
        loans: How often the loop's own thread took over the shard's work, because there was so
            little that two threads would have cost more.
        panics: How often a fault in fanio's core cut a step short. Please report it: 0 is right.
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
    loans: int
    panics: int


class Stats(ShardStats):
    """The same over all shards, and for each; and those of the cluster, None when the server is in none."""

    shards: list[ShardStats]
    cluster: ClusterStats | None


class ClusterStats(TypedDict):
    """What a server has counted as one of a cluster. All but the last two only grow.

    Attributes:
        published: Messages published.
        received: Messages received.
        lost: Messages that could not be published while the bus was away, and those that came faster
            than they were taken.
        refused: What was received and is no message.
        waiting_bytes: Bytes that wait to be published.
        up: Whether the bus can be used now.
    """

    published: int
    received: int
    lost: int
    refused: int
    waiting_bytes: int
    up: bool


def collect(core: _core.Server, cluster: ClusterStats | None = None) -> Stats:
    """Return the numbers of a server; all are 0 while it is not served."""
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
        "loans": total("loans"),
        "panics": total("panics"),
    }


def _closed(shards: list[dict[str, int]]) -> Iterable[str]:
    return [name for name in shards[0] if name.startswith(_CLOSED)] if shards else []
