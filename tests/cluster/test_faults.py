"""Redis away, late, killed and back; garbage on the channel; a process that only writes."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import require_module
from fixtures.redis import Cluster, until

if TYPE_CHECKING:
    from fixtures.redis import Redis

GARBAGE = [
    b"",
    b"null",
    b"{",
    b"\xff\xfe",
    b"\x80\x04\x95.",
    b"[" * 200_000,
    b'{"method":"emit"}',
    b'{"method":"emit","namespace":"/","event":{},"data":[]}',
    b'{"method":"emit","namespace":"/","event":"e"}',
    b'{"method":"emit","namespace":"/","event":"e","data":[["x"],5],"binary":true}',
    b'{"method":"emit","namespace":"/","event":"e","data":[{"_placeholder":true,"num":3},"AA=="],"binary":true}',
    b'{"method":"callback","namespace":"/","sid":"x","id":1,"args":5,"host_id":"nobody"}',
    b'{"method":"callback","namespace":"/","sid":"x","id":"1","args":[]}',
    b'{"method":"enter_room","namespace":"/","sid":[],"room":"x"}',
    b'{"method":"disconnect","namespace":"/"}',
    b'{"method":"unknown","namespace":"/"}',
]


async def test_garbage_is_counted_and_does_no_harm(cluster: Cluster) -> None:
    require_module("redis")
    node = await cluster.add("fanio")
    client = await cluster.client(node, "a")
    for body in GARBAGE:
        cluster.redis.ask("PUBLISH", cluster.channel, body)
    cluster.redis.ask(
        "PUBLISH", cluster.channel, b'{"method":"emit","namespace":"/","event":"good","data":[1],"later":{"x":1}}'
    )
    await until(lambda: client.got == [("good", 1)])
    stats = await node.ask("stats")
    # A message without data of python-socketio's kind, and one of a method that is not known, are none of ours.
    assert stats["refused"] >= len(GARBAGE) - 4
    assert node.server.output().count("messages that cannot be read") == 1


async def test_redis_away_at_start(own_cluster: Cluster, own_redis: Redis) -> None:
    require_module("redis")
    nodes = [own_cluster.start("fanio") for _ in range(2)]
    for node in nodes:
        await node.connect()
        node.server.wait_for("cluster: not connected")
        assert "served on" in node.server.output()
    client = await own_cluster.client(nodes[0], "a")
    await nodes[0].do("emit", event="local", data=1)
    await until(lambda: client.got == [("local", 1)])
    assert not (await nodes[0].ask("stats"))["up"]
    own_redis.start()
    await own_cluster.joined(2)
    client.got.clear()
    await nodes[1].do("emit", event="far", data=2)
    await until(lambda: ("far", 2) in client.got)


async def test_redis_killed_and_back(own_cluster: Cluster, own_redis: Redis) -> None:
    require_module("redis")
    own_redis.start()
    near, far = [await own_cluster.add("fanio", max_bus_bytes=1000) for _ in range(2)]
    a, b = await own_cluster.client(near, "a"), await own_cluster.client(far, "b")
    await near.do("emit", event="first")
    await until(lambda: a.got == b.got == [("first",)])
    own_redis.kill()
    for node in (near, far):
        node.server.wait_for("cluster: not connected")
    a.got.clear()
    b.got.clear()
    # Nobody waits while it is away; what does not fit is lost and counted.
    await near.many(100, None)
    await until(lambda: len(a.got) == 100)
    stats = await near.ask("stats")
    assert stats["lost"] > 0
    own_redis.start()
    await own_cluster.joined(2)

    async def is_published() -> bool:
        return (await near.ask("stats"))["waiting_bytes"] == 0

    await until(is_published)
    await near.do("emit", event="last")
    await until(lambda: a.got[-1:] == b.got[-1:] == [("last",)])
    # What waited has been published, in order, perhaps before the other server was back.
    numbers = [event[1] for event in b.got[:-1]]
    assert numbers == sorted(set(numbers))
    assert (await near.ask("stats"))["lost"] == stats["lost"]


@pytest.mark.parametrize("kind", ["fanio", "python-socketio"])
async def test_a_script_that_only_writes(cluster: Cluster, kind: str) -> None:
    require_module("redis", "socketio")
    node = await cluster.add(kind)
    client, other = await cluster.client(node, "a"), await cluster.client(node, "b")
    await client.enter(5)
    script = f"""
import asyncio, fanio
manager = fanio.AsyncRedisManager({cluster.redis.url!r}, {cluster.channel!r}, write_only=True)

async def main():
    await manager.emit("all", {{"a": [b"x"]}})
    await manager.emit("room", (1, 2), room=5)
    await manager.emit("nobody", None, room=[])
    await manager.emit("skipped", None, skip_sid={other.sid!r})
    await manager.enter_room({other.sid!r}, "/", "late")
    await manager.emit("late", None, room="late")
    await manager.disconnect({other.sid!r}, "/")
    await manager.emit("end", None)

asyncio.run(main())
"""
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True, timeout=60)
    await until(lambda: ("end",) in client.got)
    expected = [("all", {"a": [b"x"]}), ("room", 1, 2), ("skipped",), ("end",)]
    assert client.got == expected
    await until(lambda: other.got == [("all", {"a": [b"x"]}), ("late",)])


async def test_a_forked_process_writes(cluster: Cluster) -> None:
    require_module("redis")
    node = await cluster.add("fanio")
    client = await cluster.client(node, "a")
    script = f"""
import asyncio, os, fanio
manager = fanio.AsyncRedisManager({cluster.redis.url!r}, {cluster.channel!r}, write_only=True)
asyncio.run(manager.emit("e", "parent"))
child = os.fork()
asyncio.run(manager.emit("e", "child" if child == 0 else "parent again"))
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    await until(lambda: sorted(client.got) == [("e", "child"), ("e", "parent"), ("e", "parent again")])


async def test_what_python_socketio_tolerates(cluster: Cluster) -> None:
    """What others than servers publish: without a sender, with data that is no list."""
    require_module("redis")
    node = await cluster.add("fanio")
    client = await cluster.client(node, "a")
    for data in (5, {"a": 1}, [None], [], [[1, 2]], [1, 2]):
        body = {"method": "emit", "namespace": "/", "event": "e", "data": data}
        cluster.redis.ask("PUBLISH", cluster.channel, json.dumps(body))
    blob = base64.b64encode(b"\xff").decode()
    binary = {"data": [[{"_placeholder": True, "num": 0}], blob], "binary": True}
    cluster.redis.ask(
        "PUBLISH", cluster.channel, json.dumps({"method": "emit", "namespace": "/", "event": "e"} | binary)
    )
    expected = [("e", 5), ("e", {"a": 1}), ("e",), ("e",), ("e", [1, 2]), ("e", 1, 2), ("e", b"\xff")]
    await until(lambda: client.got == expected)


async def test_answers_with_bytes_among_servers_of_fanio(cluster: Cluster) -> None:
    require_module("redis")
    near, far = await cluster.add("fanio"), await cluster.add("fanio", options={"serializer": "msgpack"})
    client = await cluster.client(far, "a")
    client.client.on("q", lambda data: (data, b"\x01", [b"\x02"]))
    answer = await near.do("call", event="q", data={"a": b"\x00"}, to=client.sid, timeout=10)
    assert answer == [{"a": b"\x00"}, b"\x01", [b"\x02"]]
    await near.do("emit", event="e", data={"a": [b"\x00", "ü", 1.5, -1]})
    await until(lambda: client.got == [("e", {"a": [b"\x00", "ü", 1.5, -1]})])
    other = await cluster.client(near, "b")
    await far.do("emit", event="e", data=[2**40, b"\x00"])
    await until(lambda: other.got == [("e", [2**40, b"\x00"])])
