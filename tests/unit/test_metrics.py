"""The server's counts in Prometheus' format."""

from __future__ import annotations

from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

import fanio
from fanio import metrics, stats
from fanio.types import Message


def test_prometheus_reads_the_numbers_of_a_cluster(core):
    numbers = {name: number for number, name in enumerate(stats.ClusterStats.__annotations__, 1)}
    text = metrics.render(stats.collect(core, stats.ClusterStats(**{**numbers, "up": True})))
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert len(families) == len(metrics.METRICS) + len(metrics.CLUSTER_METRICS)
    assert families["fanio_cluster_up"].samples[0].value == 1
    assert families["fanio_cluster_lost"].samples[0].value == numbers["lost"]
    assert {metric.number for metric in metrics.CLUSTER_METRICS} == set(numbers)


def test_prometheus_reads_every_metric(core):
    text = metrics.render(stats.collect(core))
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert len(families) == len(metrics.METRICS)
    for metric in metrics.METRICS:
        family = families[metric.name.removesuffix("_total")]
        assert (family.type, family.documentation) == (metric.kind, metric.text)
        assert family.samples, metric.name
        assert (metric.kind == "counter") == metric.name.endswith("_total")
    drops = families["fanio_packets_dropped"].samples
    assert {(s.labels["shard"], s.labels["reason"]): s.value for s in drops} == {
        (str(number), reason): value
        for number, shard in enumerate(stats.collect(core)["shards"])
        for reason, value in shard["drops"].items()
    }


async def test_the_app_answers_gets():
    transport = httpx.ASGITransport(fanio.MetricsApp(fanio.AsyncServer()))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        shown = await client.get("/")
        assert (shown.status_code, shown.headers["content-type"]) == (200, metrics.CONTENT_TYPE.decode())
        assert shown.text.startswith("# HELP fanio_connections ")
        head = await client.head("/")
        assert (head.content, head.headers["content-length"]) == (b"", shown.headers["content-length"])
        refused = await client.post("/")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_a_route_answers_beside_an_app_that_is_mounted_at_the_root():
    sio = fanio.AsyncServer()
    app = Starlette()
    app.add_route("/metrics", fanio.MetricsApp(sio))  # type: ignore[arg-type]
    app.mount("/", fanio.ASGIApp(sio))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        shown = await client.get("/metrics")
    assert (shown.status_code, shown.headers["content-type"]) == (200, metrics.CONTENT_TYPE.decode())


async def test_the_app_lives_as_servers_want_it_to():
    incoming: list[Message] = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent: list[Any] = []

    async def receive() -> Message:
        return incoming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message["type"])

    app = fanio.MetricsApp(fanio.AsyncServer())
    await app({"type": "lifespan"}, receive, send)
    await app({"type": "websocket"}, receive, send)
    assert sent == ["lifespan.startup.complete", "lifespan.shutdown.complete", "websocket.close"]
