"""MetricsApp: an ASGI application that shows a server's counts in Prometheus' text format.

Owns the names of the metrics. The core counts, and ``fanio.stats`` describes each number. The format is
version 0.0.4 of Prometheus' text exposition format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fanio.async_server import AsyncServer
    from fanio.stats import Stats
    from fanio.types import Receive, Scope, Send

__all__ = ["MetricsApp", "render"]

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"


class Metric(NamedTuple):
    """One metric: ``number`` is its key in ``ShardStats``, ``label`` the label of its parts, if it has parts."""

    name: str
    kind: str
    text: str
    number: str
    label: str | None = None


METRICS = [
    Metric("fanio_connections", "gauge", "Connections now.", "connections", "transport"),
    Metric("fanio_sockets", "gauge", "Clients in a namespace now.", "sockets"),
    Metric("fanio_queued_bytes", "gauge", "Bytes of memory that wait for slow clients.", "queued_bytes"),
    Metric("fanio_queued_packets", "gauge", "Packets that wait for slow clients.", "queued_packets"),
    Metric("fanio_connections_opened_total", "counter", "Connections opened.", "opened"),
    Metric("fanio_connections_closed_total", "counter", "Connections closed, by reason.", "closes", "reason"),
    Metric("fanio_upgrades_total", "counter", "Connections that moved from polling to a WebSocket.", "upgrades"),
    Metric("fanio_packets_sent_total", "counter", "Packets sent to clients.", "packets"),
    Metric("fanio_packets_dropped_total", "counter", "Packets not sent to a client, by reason.", "drops", "reason"),
    Metric("fanio_deliveries_total", "counter", "Sends of packets; one may carry several.", "deliveries"),
    Metric("fanio_sent_bytes_total", "counter", "Bytes written.", "bytes_sent"),
    Metric("fanio_received_bytes_total", "counter", "Bytes read.", "bytes_received"),
    Metric("fanio_requests_refused_total", "counter", "Requests answered with an error.", "requests_refused"),
    Metric("fanio_read_pauses_total", "counter", "Times that reading waited for the application.", "read_pauses"),
    Metric("fanio_events_dropped_total", "counter", "Events of clients that had gone.", "events_dropped"),
    Metric(
        "fanio_inline_periods_total",
        "counter",
        "Times that the loop's thread took over a shard's work.",
        "inline_periods",
    ),
    Metric("fanio_panics_total", "counter", "Steps that a fault in the core cut short; please report it.", "panics"),
]
CLUSTER_METRICS = [
    Metric("fanio_cluster_up", "gauge", "Whether the cluster's message bus is connected.", "up"),
    Metric("fanio_cluster_waiting_bytes", "gauge", "Bytes that wait to be published.", "waiting_bytes"),
    Metric("fanio_cluster_published_total", "counter", "Messages published.", "published"),
    Metric("fanio_cluster_received_total", "counter", "Messages received.", "received"),
    Metric(
        "fanio_cluster_lost_total", "counter", "Messages lost because the bus was disconnected or too fast.", "lost"
    ),
    Metric("fanio_cluster_refused_total", "counter", "Received data that is not a valid message.", "refused"),
]


class MetricsApp:
    """An ASGI application that answers each GET with the server's counts.

    Add it as a route, such as ``app.add_route("/metrics", fanio.MetricsApp(sio))`` in FastAPI or
    Starlette. A mount would answer ``/metrics/`` only. Everybody who can reach the route sees how many
    clients there are.
    """

    def __init__(self, server: AsyncServer) -> None:
        """Take the server whose counts are shown."""
        self.server = server

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            return await _live(receive, send)
        if scope["type"] != "http":
            return await send({"type": "websocket.close", "code": 1000})
        status, headers, body = 200, [(b"content-type", CONTENT_TYPE)], b""
        if scope["method"] in ("GET", "HEAD"):
            body = render(self.server.stats()).encode()
        else:
            status, headers = 405, [(b"allow", b"GET, HEAD")]
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        return await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def _live(receive: Receive, send: Send) -> None:
    kind = ""
    while kind != "lifespan.shutdown":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})


def render(stats: Stats) -> str:
    """Return the counts of each shard, and of the cluster, in Prometheus' text format."""
    lines: list[str] = []
    for metric in METRICS:
        lines += [f"# HELP {metric.name} {metric.text}", f"# TYPE {metric.name} {metric.kind}"]
        for shard, numbers in enumerate(stats["shards"]):
            for label, value in _samples(metric, numbers):
                lines.append(f'{metric.name}{{shard="{shard}"{label}}} {value}')
    if stats["cluster"] is not None:
        lines += _of_cluster(stats["cluster"])
    return "\n".join([*lines, ""])


def _of_cluster(numbers: Mapping[str, Any]) -> Iterator[str]:
    for metric in CLUSTER_METRICS:
        yield f"# HELP {metric.name} {metric.text}"
        yield f"# TYPE {metric.name} {metric.kind}"
        yield f"{metric.name} {int(numbers[metric.number])}"


def _samples(metric: Metric, numbers: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    found = numbers[metric.number]
    if metric.label is None:
        yield "", found
        return
    for part, value in found.items():
        yield f',{metric.label}="{part}"', value
