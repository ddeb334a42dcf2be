"""A server of fanio among Node's: what they ask of it, and what their emitter says."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import JAVASCRIPT, require_module, require_node
from fixtures.redis import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fixtures.redis import Client, Cluster, Node

#: What Node says of a client.
HANDSHAKE = {"headers", "time", "address", "xdomain", "secure", "issued", "url", "query", "auth"}
GARBAGE = [b"", b"{", b"[]", b"\x93", b"\xc1", b"{}", b'{"type":99}', b'{"type":2,"uid":"x"}', b"\x91" * 5000]


class Mixed:
    """A server of fanio and one of Node, with a client each."""

    fanio: Node
    node: Node
    a: Client
    b: Client


@pytest.fixture
async def mixed(cluster: Cluster) -> AsyncIterator[Mixed]:
    """Both in one cluster."""
    require_module("redis")
    require_node("@socket.io/redis-adapter", "redis")
    cluster.dialect = "node"
    found = Mixed()
    found.fanio, found.node = await cluster.add("fanio"), await cluster.add("node")
    found.a, found.b = await cluster.client(found.fanio, "a"), await cluster.client(found.node, "b")
    return found


async def test_node_fetches_sockets(mixed: Mixed) -> None:
    for room in ("room", 5):
        await mixed.a.enter(room)
    found = {socket["id"]: socket for socket in await mixed.node.do("fetch_sockets")}
    assert set(found) == {mixed.a.sid, mixed.b.sid}
    mine, theirs = found[mixed.a.sid], found[mixed.b.sid]
    assert set(mine["rooms"]) == {mixed.a.sid, "room", 5}
    assert set(mine["handshake"]) == set(theirs["handshake"]) == HANDSHAKE
    for name, value in theirs["handshake"].items():
        assert type(mine["handshake"][name]) is type(value), name
    assert mine["data"] == {}
    assert [s["id"] for s in await mixed.node.do("fetch_sockets", room=5)] == [mixed.a.sid]
    assert await mixed.node.do("fetch_sockets", room="nobody") == []


async def test_node_asks_for_all_rooms(mixed: Mixed) -> None:
    for room in ("room", 5):
        await mixed.a.enter(room)
    assert set(await mixed.node.do("all_rooms")) == {mixed.a.sid, mixed.b.sid, "room", 5}


async def test_node_disconnects_sockets(mixed: Mixed) -> None:
    sid = mixed.a.sid
    await mixed.a.enter("room")
    await mixed.node.do("disconnect_sockets", room="room")

    async def is_gone() -> bool:
        return [sid, "server disconnect"] in await mixed.fanio.ask("gone")

    await until(is_gone)
    # Its other namespace stays.
    assert mixed.a.client.connected


async def test_node_closes_connections(mixed: Mixed) -> None:
    await mixed.node.do("disconnect_sockets", to=mixed.a.sid, close=True)
    await until(lambda: not mixed.a.client.connected)


async def test_garbage_is_counted_and_does_no_harm(cluster: Cluster) -> None:
    # Without a server of Node: it ends over some of this.
    require_module("redis")
    cluster.dialect = "node"
    first, second = await cluster.add("fanio"), await cluster.add("fanio")
    await cluster.client(first, "a")
    channels = [f"#{name}#" for name in ("/", "/#room")] + [f"-{name}#/#" for name in ("request", "response")]
    for channel in channels:
        for body in GARBAGE:
            cluster.redis.ask("PUBLISH", cluster.channel + channel, body)
    await cluster.settle()
    for node in (first, second):
        assert (await node.ask("stats"))["refused"] > len(GARBAGE)
        assert node.server.output().count("messages that cannot be read") == 1


async def test_nodes_emitter_is_heard(mixed: Mixed, cluster: Cluster) -> None:
    require_node("@socket.io/redis-emitter")
    await mixed.a.enter("room")
    script = f"""
        import {{ Emitter }} from "@socket.io/redis-emitter";
        import {{ createClient }} from "redis";
        const client = createClient({{ url: {json.dumps(cluster.redis.url)}, RESP: 2 }});
        await client.connect();
        const io = new Emitter(client, {{ key: {json.dumps(cluster.channel)} }});
        io.emit("all", 1, Buffer.from("x"));
        io.to("room").emit("room", {{ a: Buffer.from("y") }});
        io.except("room").emit("others");
        io.in({json.dumps(mixed.b.sid)}).socketsJoin("late");
        io.of("/chat").emit("chat");
        await new Promise((done) => setTimeout(done, 200));
        await client.close();
    """
    subprocess.run(["node", "--input-type=module", "-e", script], check=True, timeout=60, cwd=JAVASCRIPT)
    await until(lambda: ("chat",) in mixed.a.got and ("chat",) in mixed.b.got)
    assert mixed.a.got == [("all", 1, b"x"), ("room", {"a": b"y"}), ("chat",)]
    assert mixed.b.got == [("all", 1, b"x"), ("others",), ("chat",)]
