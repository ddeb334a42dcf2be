"""What one server asks and tells all of them: each pair of servers, each method."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import require_module, require_node
from fixtures.redis import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fixtures.redis import Client, Cluster, Node


class Pair:
    """Two servers with a client each, and a second one at the first."""

    near: Node
    far: Node
    a: Client
    b: Client
    c: Client


@pytest.fixture(params=["fanio", "node"])
async def pair(request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[Pair]:
    """A server of fanio that asks, and another."""
    require_module("redis")
    if request.param == "node":
        require_node("@socket.io/redis-adapter", "redis")
    cluster.dialect = "node"
    found = Pair()
    found.near, found.far = await cluster.add("fanio"), await cluster.add(request.param)
    found.a, found.b = await cluster.client(found.near, "a"), await cluster.client(found.far, "b")
    found.c = await cluster.client(found.near, "c")
    return found


async def test_sockets_are_fetched_everywhere(pair: Pair) -> None:
    for client in (pair.a, pair.b):
        await client.enter(5)
    await pair.b.enter("b")
    found = {one["id"]: one for one in await pair.near.do("fetch_sockets")}
    assert set(found) == {pair.a.sid, pair.b.sid, pair.c.sid}
    assert set(found[pair.b.sid]["rooms"]) == {pair.b.sid, 5, "b"}
    assert set(found[pair.a.sid]["handshake"]) == set(found[pair.b.sid]["handshake"])

    async def ids(**order: object) -> set[str]:
        return {one["id"] for one in await pair.near.do("fetch_sockets", **order)}

    assert await ids(room=5) == {pair.a.sid, pair.b.sid}
    assert await ids(room=5, except_room="b") == {pair.a.sid}
    assert await ids(room=[]) == set()
    assert await ids(except_room=[5]) == {pair.c.sid}
    assert len(await ids(namespace="/chat")) == 3


async def test_rooms_sids_and_servers(pair: Pair) -> None:
    await pair.a.enter(5)
    await pair.b.enter("b")
    sids = {pair.a.sid, pair.b.sid, pair.c.sid}
    assert set(await pair.near.do("all_sockets")) == sids
    assert set(await pair.near.do("all_sockets", room="b")) == {pair.b.sid}
    assert set(await pair.near.do("all_rooms")) == {*sids, 5, "b"}
    assert await pair.near.do("server_count") == 2


async def test_clients_everywhere_enter_and_leave(pair: Pair, cluster: Cluster) -> None:
    await pair.near.do("sockets_join", rooms=["x", 7])
    await pair.near.do("sockets_leave", rooms="x", room=pair.b.sid)
    await pair.near.do("sockets_leave", rooms=7, except_room=pair.b.sid)
    await pair.near.do("emit", event="x", to="x")
    await pair.near.do("emit", event="7", to=7)
    await cluster.settle()
    assert (pair.a.got, pair.b.got, pair.c.got) == ([("x",)], [("7",)], [("x",)])


async def test_clients_everywhere_are_disconnected(pair: Pair) -> None:
    sids = {pair.b.sid, pair.a.sid}
    for client in (pair.a, pair.b):
        await client.enter("room")
    await pair.near.do("disconnect_sockets", room="room", close=True)
    await until(lambda: not pair.a.client.connected and not pair.b.client.connected)
    gone = {sid for node in (pair.near, pair.far) for sid, _ in await node.ask("gone")}
    assert sids <= gone
    assert pair.c.client.connected


async def test_servers_tell_and_ask_each_other(pair: Pair) -> None:
    await pair.near.do("server_side_emit", args=["hello", {"a": 1}])

    async def is_heard() -> bool:
        return await pair.far.ask("heard") == [{"a": 1}]

    await until(is_heard)
    assert await pair.near.ask("heard") == []
    answers = await pair.near.do("server_side_emit_with_ack", args=["hello", "x"])
    assert answers == [["fanio" if pair.far.kind == "fanio" else "node", "x"]]
    if pair.far.kind == "node":
        assert await pair.far.do("server_side_emit_with_ack", event="hello", data="y") == [["fanio", "y"]]


async def test_a_server_that_does_not_answer_is_missing(pair: Pair) -> None:
    answer = await pair.near.ask("do", "server_side_emit_with_ack", {"args": ["unknown"], "timeout": 0.3})
    assert answer["error"] == "MissingServersError"
    assert "1 of the cluster" in answer["text"]


async def test_in_python_socketios_dialect_it_says_that_it_cannot(cluster: Cluster) -> None:
    require_module("redis")
    node = await cluster.add("fanio")
    for method, order in [
        ("fetch_sockets", {}),
        ("sockets_join", {"rooms": "x"}),
        ("disconnect_sockets", {}),
        ("server_side_emit", {"args": ["hello"]}),
    ]:
        answer = await node.ask("do", method, order)
        assert answer["error"] == "NotImplementedError" and "dialect='node'" in answer["text"]
