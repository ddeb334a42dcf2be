"""Each pair of servers and each operation: who should get an event gets it once, nobody else does, all equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import require_module, require_node
from fixtures.redis import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fixtures.redis import Client, Cluster, Node

PAIRS = [
    ("python-socketio", "fanio", "fanio"),
    ("python-socketio", "fanio", "python-socketio"),
    ("python-socketio", "python-socketio", "fanio"),
    ("node", "fanio", "fanio"),
    ("node", "fanio", "node"),
    ("node", "node", "fanio"),
]
PAYLOADS = [
    ("nothing", None, []),
    ("text", "ünï ☃ 🎉\u2028", ["ünï ☃ 🎉\u2028"]),
    ("null in a list", [None], [[None]]),
    ("empty list", [], [[]]),
    ("number", 0, [0]),
    ("large number", 2**53 - 1, [2**53 - 1]),
    ("nested", {"a": [1, {"b": [None, True, 1.5, ""]}]}, [{"a": [1, {"b": [None, True, 1.5, ""]}]}]),
    ("binary", b"\x00\xff", [b"\x00\xff"]),
    ("nested binary", {"a": [b"1", {"b": b""}], "c": b"\x80"}, [{"a": [b"1", {"b": b""}], "c": b"\x80"}]),
    ("placeholder", {"_placeholder": True, "num": 7}, [{"_placeholder": True, "num": 7}]),
]
#: Numbers and text are different rooms; patterns of Redis are not patterns here.
ROOMS = ["room", 5, "5", -3, "a#b[c]*?", "\x00i5", "\x00", "ünï", "r" * 200, "abcdefghij0123456789"]


class Pair:
    """Two servers with two clients each."""

    def __init__(self, cluster: Cluster, near: Node, far: Node) -> None:
        self.cluster, self.near, self.far = cluster, near, far

    async def open(self) -> None:
        """Connects the clients."""
        self.a, self.b = [await self.cluster.client(self.near, name) for name in "ab"]
        self.c, self.d = [await self.cluster.client(self.far, name) for name in "cd"]

    async def expect(self, expected: dict[Client, list[tuple[Any, ...]]], hint: Any = None) -> None:
        """Compares what each client has got so far, and forgets it."""
        await self.cluster.settle()
        for client in self.cluster.clients:
            assert client.got == expected.get(client, []), (client.name, hint)
            client.got = []


@pytest.fixture(params=PAIRS, ids="-".join)
async def pair(request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[Pair]:
    """The dialect, and two servers, of which the first emits."""
    require_module("redis", "socketio")
    cluster.dialect, *kinds = request.param
    if "node" in kinds:
        require_node("@socket.io/redis-adapter", "redis")
    near, far = [await cluster.add(kind) for kind in kinds]
    found = Pair(cluster, near, far)
    await found.open()
    return found


async def test_every_payload_reaches_everybody_unchanged(pair: Pair) -> None:
    for name, data, args in PAYLOADS:
        await pair.near.do("emit", event=name, data=data)
        await pair.expect({key: [(name, *args)] for key in pair.cluster.clients})
    await pair.near.do("emit", event="several", tuple=[1, None, b"x"])
    await pair.near.do("emit", event="none", tuple=[])
    await pair.expect({key: [("several", 1, None, b"x"), ("none",)] for key in pair.cluster.clients})


async def test_rooms_of_every_name(pair: Pair) -> None:
    for room in ROOMS:
        await pair.b.enter(room)
        await pair.c.enter(room)
        await pair.near.do("emit", event="e", data=1, to=room)
        await pair.expect({pair.b: [("e", 1)], pair.c: [("e", 1)]}, room)
        await pair.near.do("leave_room", sid=pair.b.sid, room=room)
        await pair.near.do("leave_room", sid=pair.c.sid, room=room)
        # Node's own clients leave only when its own message comes back.
        await pair.cluster.settle()
        await pair.near.do("emit", event="e", data=2, to=room)
        await pair.expect({})


async def test_several_rooms_and_who_is_skipped(pair: Pair) -> None:
    for client, room in [(pair.a, "x"), (pair.a, "y"), (pair.c, "x"), (pair.c, "y"), (pair.d, "y")]:
        await client.enter(room)
    await pair.near.do("emit", event="e", to=["x", "y"])
    await pair.expect({pair.a: [("e",)], pair.c: [("e",)], pair.d: [("e",)]})
    await pair.near.do("emit", event="e", to=["x", "y"], skip_sid=pair.c.sid)
    await pair.expect({pair.a: [("e",)], pair.d: [("e",)]})
    await pair.near.do("emit", event="e", skip_sid=[pair.a.sid, pair.d.sid])
    await pair.expect({pair.b: [("e",)], pair.c: [("e",)]})
    await pair.near.do("emit", event="e", to=pair.d.sid)
    await pair.expect({pair.d: [("e",)]})
    await pair.near.do("emit", event="e", to="nobody")
    await pair.expect({})


async def test_ignore_queue_stays_here(pair: Pair) -> None:
    await pair.near.do("emit", event="e", ignore_queue=True)
    await pair.expect({pair.a: [("e",)], pair.b: [("e",)]})


async def test_namespaces_are_apart(pair: Pair) -> None:
    await pair.near.do("emit", event="e", data=1, namespace="/chat")
    await pair.expect({key: [("e", 1)] for key in pair.cluster.clients})
    await pair.c.enter("room")
    await pair.near.do("emit", event="e", data=2, to="room", namespace="/chat")
    await pair.expect({})


async def test_events_come_in_order(pair: Pair) -> None:
    await pair.c.enter("room")
    await pair.near.many(300, pair.c.sid, "room", None)
    await pair.cluster.settle()
    assert pair.c.got == [("n", n) for n in range(300)]
    assert pair.d.got == [("n", n) for n in range(300) if n % 3 == 2]


async def test_clients_elsewhere_enter_and_leave_rooms(pair: Pair) -> None:
    for room in ("room", 7):
        await pair.near.do("enter_room", sid=pair.c.sid, room=room)
        await pair.near.do("emit", event="e", to=room)
        await pair.expect({pair.c: [("e",)]})
        await pair.near.do("leave_room", sid=pair.c.sid, room=room)
        await pair.near.do("emit", event="e", to=room)
        await pair.expect({})


async def test_a_room_is_closed_everywhere(pair: Pair) -> None:
    for client in pair.cluster.clients:
        await client.enter("room")
    await pair.near.do("close_room", room="room")
    await pair.cluster.settle()
    await pair.near.do("emit", event="e", to="room")
    await pair.expect({})


async def test_a_client_elsewhere_is_disconnected(pair: Pair) -> None:
    sid = pair.c.sid
    await pair.near.do("disconnect", sid=sid)

    async def is_gone() -> bool:
        return [sid, "server disconnect"] in await pair.far.ask("gone")

    await until(is_gone)
    await pair.near.do("emit", event="e")
    await pair.expect({pair.a: [("e",)], pair.b: [("e",)], pair.d: [("e",)]})


async def test_a_client_elsewhere_answers(pair: Pair) -> None:
    assert await pair.near.do("call", event="q", data=1, to=pair.c.sid, timeout=10) == ["from", "c"]
    await pair.near.do("emit", event="q", to=pair.d.sid, callback=True)

    async def answers(*names: str) -> bool:
        return sorted(await pair.near.ask("answers")) == [[["from", name]] for name in names]

    await until(lambda: answers("d"))
    await pair.near.do("emit", event="q", to=pair.a.sid, callback=True)
    await until(lambda: answers("a", "d"))


async def test_nobody_answers_in_time(pair: Pair) -> None:
    answer = await pair.near.ask("do", "call", {"event": "q", "to": "nobody", "timeout": 0.2})
    # Node counts clients, and none is none to wait for.
    assert answer == {"result": None} if pair.near.kind == "node" else answer["error"] == "TimeoutError"
