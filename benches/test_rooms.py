"""Rooms: what joining, leaving and emitting cost with many members, and with many rooms of one client.

A hundred steps each, so that starting the loop does not count.
"""

from __future__ import annotations

import pytest

from benches.pairs import server_frame

STEPS = 100
LIBRARIES = ["fanio", "python-socketio"]
FRAME = server_frame(b'42["b",1]')


@pytest.mark.parametrize("members", [1, 1_000])
@pytest.mark.parametrize("library", LIBRARIES)
def test_enter_and_leave(benchmark, connect, library, members):
    benchmark.group = f"{STEPS} × enter and leave a room"
    pairs = connect(library, members)
    sio, sid = pairs.sio, pairs.sids[0]

    async def fill():
        for other in pairs.sids[1:]:
            await sio.enter_room(other, "room")

    async def enter_and_leave():
        for _ in range(STEPS):
            await sio.enter_room(sid, "room")
            await sio.leave_room(sid, "room")

    pairs.run(fill())
    benchmark(lambda: pairs.run(enter_and_leave()))
    assert "room" not in sio.rooms(sid)


@pytest.mark.parametrize("rooms", [1, 1_000])
@pytest.mark.parametrize("library", LIBRARIES)
def test_emit_to_one_of_many_rooms(benchmark, connect, library, rooms):
    benchmark.group = f"{STEPS} × emit to a room of 10 clients that are in many"
    pairs = connect(library, 10)
    sio = pairs.sio

    async def fill():
        for sid in pairs.sids:
            for number in range(rooms):
                await sio.enter_room(sid, f"room{number}")

    async def emit():
        for _ in range(STEPS):
            await sio.emit("b", 1, to="room0")

    def deliver():
        pairs.run(emit())
        pairs.run(sio.sleep(0))
        pairs.receive(STEPS * len(FRAME))

    pairs.run(fill())
    benchmark(deliver)


@pytest.mark.parametrize("library", LIBRARIES)
def test_emit_to_a_thousand_rooms(benchmark, connect, library):
    benchmark.group = "emit to each of 1,000 rooms of 10 clients"
    pairs = connect(library, 1_000)
    sio = pairs.sio

    async def fill():
        for number, sid in enumerate(pairs.sids):
            for step in range(10):
                await sio.enter_room(sid, f"room{(number + step * 100) % 1_000}")

    async def emit():
        for number in range(1_000):
            await sio.emit("b", 1, to=f"room{number}")

    def deliver():
        pairs.run(emit())
        pairs.run(sio.sleep(0))
        pairs.receive(10 * len(FRAME))

    pairs.run(fill())
    benchmark.pedantic(deliver, rounds=5)
