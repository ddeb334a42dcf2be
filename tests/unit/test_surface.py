"""One server in no cluster has the methods that ask all of them."""

from __future__ import annotations

import pytest
from fake_core import until

import fanio


async def joined(core, namespace="/"):
    sid = core.connect(namespace)
    await until(lambda: core.state(sid) == "connected")
    return sid


async def test_the_clients_of_one_server(serve):
    sio, core = serve()
    first, second = await joined(core), await joined(core)
    await sio.enter_room(first, 5)
    await sio.save_session(first, {"name": "x", "bytes": b"none"})
    found = {one.id: one for one in await sio.fetch_sockets()}
    assert set(found) == {first, second} == await sio.all_sockets()
    assert found[first].rooms == {first, 5}
    assert found[first].data == {"name": "x"}
    assert len(found[first].handshake) == 9
    assert await sio.all_rooms() == {first, second, 5}
    assert await sio.all_sockets(5) == {first}
    assert [one.id for one in await sio.fetch_sockets(except_room=5)] == [second]
    assert await sio.fetch_sockets(room=[]) == [] == await sio.fetch_sockets(namespace="/none")
    assert await sio.server_count() == 1


async def test_rooms_of_several_clients(serve):
    sio, core = serve()
    first, second = await joined(core), await joined(core)
    sio.sockets_join(["a", 1])
    sio.sockets_leave("a", room=first)
    sio.sockets_leave([1], except_room=first)
    assert set(sio.rooms(first)) == {first, 1}
    assert set(sio.rooms(second)) == {second, "a"}


async def test_nobody_else_is_there_to_be_asked(serve):
    sio, _ = serve()
    sio.on_server_side("e", pytest.fail)
    sio.server_side_emit("e", 1)
    assert await sio.server_side_emit_with_ack("e", 1) == []
    with pytest.raises(ValueError, match="reserved"):
        sio.server_side_emit("connect")
    assert issubclass(fanio.exceptions.MissingServersError, fanio.exceptions.TimeoutError)
