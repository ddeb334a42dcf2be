"""Servers of fanio among Node's and python-socketio's at once: everybody gets each event once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import require_module, require_node
from fixtures.redis import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fixtures.redis import Client, Cluster, Node

#: python-socketio's and Node's servers hear each other nowhere.
HEARS = {"python-socketio": {"fanio", "python-socketio"}, "node": {"fanio", "node"}}


class All:
    """Two servers of fanio, one of each other kind, and a client at each."""

    nodes: list[Node]
    clients: list[Client]


@pytest.fixture
async def everybody(cluster: Cluster) -> AsyncIterator[All]:
    """The servers, all on their buses."""
    require_module("redis", "socketio")
    require_node("@socket.io/redis-adapter", "redis")
    cluster.dialect = "both"
    found = All()
    found.nodes = [cluster.start(kind) for kind in ("fanio", "fanio", "python-socketio", "node")]
    for node in found.nodes:
        await node.connect()
    await until(lambda: cluster.redis.listeners(cluster.channel) == 3)
    for namespace in ("/", "/chat"):
        channel = f"{cluster.channel}-request#{namespace}#"
        await until(lambda channel=channel: cluster.redis.listeners(channel) == 3)
    found.clients = [await cluster.client(node, str(n)) for n, node in enumerate(found.nodes)]
    return found


async def test_each_client_gets_each_event_once(everybody: All) -> None:
    for client in everybody.clients:
        await client.enter(5)
    sent: dict[str, set[str]] = {}
    for n, node in enumerate(everybody.nodes):
        for name, order in [("all", {}), ("room", {"to": 5}), ("bytes", {"data": {"a": [b"x"]}})]:
            await node.do("emit", event=f"{name}{n}", **order)
            sent[f"{name}{n}"] = HEARS.get(node.kind, {"fanio", "python-socketio", "node"})
    for client in everybody.clients:
        expected = sorted(event for event, kinds in sent.items() if client.node.kind in kinds)
        await until(lambda client=client, expected=expected: len(client.got) >= len(expected))
    # What came twice would have come by now: a second round is behind it on every bus.
    for node in everybody.nodes[:2]:
        await node.do("emit", event="end")
    for client in everybody.clients:
        await until(lambda client=client: client.got.count(("end",)) == 2)
        expected = sorted(event for event, kinds in sent.items() if client.node.kind in kinds)
        assert sorted(event[0] for event in client.got if event != ("end",)) == expected, client.name


async def test_clients_of_all_kinds_answer_and_are_moved(everybody: All) -> None:
    near = everybody.nodes[0]
    for client in everybody.clients:
        assert await near.do("call", event="q", to=client.sid, timeout=10) == ["from", client.name]
        client.got.clear()
        await near.do("enter_room", sid=client.sid, room="moved")
    await near.do("emit", event="moved", to="moved")
    for client in everybody.clients:
        await until(lambda client=client: client.got == [("moved",)])
    await near.do("emit", event="q", to="moved", callback=True)

    async def answers() -> bool:
        found = await near.ask("answers")
        return sorted(found) == [[["from", client.name]] for client in everybody.clients]

    await until(answers)
    for client in everybody.clients[1:]:
        await near.do("disconnect", sid=client.sid)
    for client in everybody.clients[1:]:
        await until(lambda client=client: "/" not in client.client.namespaces)


async def test_fanios_and_nodes_servers_are_asked(everybody: All) -> None:
    near, asked = everybody.nodes[0], [client for client in everybody.clients if client.node.kind != "python-socketio"]
    assert {one["id"] for one in await near.do("fetch_sockets")} == {client.sid for client in asked}
    await near.do("sockets_join", rooms="x")
    await near.do("emit", event="x", to="x")
    await near.do("emit", event="end")
    for client in everybody.clients:
        await until(lambda client=client: ("end",) in client.got)
        assert client.got == ([("x",), ("end",)] if client in asked else [("end",)])
    for node in everybody.nodes[:2]:
        assert (await node.ask("stats"))["refused"] == 0
