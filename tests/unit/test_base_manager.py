"""A manager's views of clients and rooms show the current state."""

from __future__ import annotations

import asyncio

import pytest
from fake_core import until


async def joined(core, namespace="/", session=None):
    """Returns the sid of a client that has been accepted."""
    sid = core.connect(namespace, session=session)
    await until(lambda: core.state(sid) == "connected")
    return sid


async def test_rooms_are_live(serve):
    sio, core = serve()
    rooms = sio.manager.rooms
    assert dict(rooms) == {}
    assert rooms.get("/", {}).get("r", {}) == {}
    a = await joined(core, session="A")
    b = await joined(core, session="B")
    await sio.enter_room(a, "r")
    await sio.enter_room(b, 7)
    assert rooms["/"][None] == {a: "A", b: "B"}
    assert rooms["/"]["r"] == {a: "A"}
    assert rooms["/"][7].inverse == {"B": b}
    assert rooms["/"][b][b] == "B"
    assert set(rooms["/"]) == {None, a, b, "r", 7}
    assert "nobody" not in rooms["/"]
    assert "/other" not in rooms
    with pytest.raises(KeyError):
        rooms["/"]["nobody"]
    with pytest.raises(TypeError):
        rooms["/"]["r"] = {}
    await sio.leave_room(a, "r")
    assert "r" not in rooms["/"]


async def test_participants_are_pairs(serve):
    sio, core = serve()
    a, b = [await joined(core, session=name) for name in "AB"]
    await sio.enter_room(a, ["r", "s"])
    await sio.enter_room(b, "s")
    ask = sio.manager.get_participants
    assert sorted(ask(namespace="/", room="s")) == sorted([(a, "A"), (b, "B")])
    assert sorted(ask("/", None)) == sorted([(a, "A"), (b, "B")])
    assert sorted(ask("/", ["r", "s"])) == sorted([(a, "A"), (b, "B")])
    assert list(ask("/", "nobody")) == []
    await sio.leave_room(a, ["r", "s"])
    assert sio.manager.get_rooms(a, "/") == sio.rooms(a) == [a]


async def test_how_far_a_client_is(serve):
    sio, core = serve()
    gate, seen = asyncio.Event(), []

    @sio.event
    async def connect(sid, environ):
        await gate.wait()

    @sio.event
    async def disconnect(sid):
        seen.append(sio.manager.is_connected(sid, "/"))

    manager = sio.manager
    sid = core.connect()
    await until(lambda: core.state(sid) == "connecting" and sio._lifecycle.pending_connect(sid))
    assert (manager.is_pre_connected(sid, "/"), manager.is_connected(sid, "/")) == (True, False)
    gate.set()
    await until(lambda: manager.is_connected(sid, "/"))
    assert not manager.is_pre_connected(sid, "/")
    assert not manager.is_connected(sid, "/other")
    await sio.disconnect(sid)
    assert seen == [False]


async def test_ids_lead_to_each_other(serve):
    sio, core = serve(namespaces="*")
    sids = {name: await joined(core, name, "S") for name in ("/", "/b")}
    core.sid_of = lambda session, name: sids.get(name) if session == "S" else None
    manager = sio.manager
    assert manager.sid_from_eio_sid("S", "/b") == sids["/b"]
    assert manager.sid_from_eio_sid("T", "/b") is None
    assert manager.eio_sid_from_sid(sids["/"], "/") == "S"
    assert manager.eio_sid_from_sid(sids["/"], "/b") is None
    assert manager.eio_to_sid["S"] == sids
    assert set(manager.get_namespaces()) == {"/", "/b"}
    assert manager.is_sid_room("/", sids["/"])
    assert not manager.is_sid_room("/b", sids["/"])
