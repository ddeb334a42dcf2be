"""Calls that send to one client with a backlog wait in order, until it has read or left, or the server ends."""

import asyncio
import logging
import threading

import pytest
from fake_core import settle, until

from fanio import _core
from fanio.exceptions import TimeoutError as NoAnswerError


async def joined(core):
    """Returns the sid of a client that has been accepted, for which much waits."""
    sid = core.connect()
    await until(lambda: core.state(sid) == "connected")
    core.room[sid] = 0
    return sid


def sent(core):
    return [call[1] for call in core.of("emit")]


async def test_senders_continue_in_the_order_in_which_they_came(serve):
    sio, core = serve()
    sid = await joined(core)
    tasks = [asyncio.ensure_future(sio.emit("e", number, to=sid)) for number in range(6)]
    await settle()
    assert sent(core) == []
    core.drain_client(sid, 2)
    await until(lambda: len(sent(core)) == 2)
    tasks.append(asyncio.ensure_future(sio.emit("e", 6, to=sid)))
    core.drain_client(sid, 100)
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    assert sent(core) == [b'["e",%d]' % number for number in range(7)]
    assert not sio.eio._backlogs.waiting


async def test_only_senders_to_one_client_wait(serve):
    sio, core = serve()
    sid, other = await joined(core), await joined(core)
    del core.room[other]
    waiting = asyncio.ensure_future(sio.emit("waits", to=sid))
    await settle()
    for emit in (
        sio.emit("all"),
        sio.emit("room", to="room"),
        sio.emit("other", to=other),
        sio.emit("both", to=[other, sid]),
    ):
        await asyncio.wait_for(emit, 5)
    sio.emit_nowait("at once", to=sid)
    assert [data.split(b'"')[1] for data in sent(core)] == [b"all", b"room", b"other", b"both", b"at once"]
    core.drain_client(sid, 1)
    await asyncio.wait_for(waiting, 5)
    assert sent(core)[-1] == b'["waits"]'


async def test_a_cancelled_one_lets_the_next_go_on(serve):
    sio, core = serve()
    sid = await joined(core)
    tasks = [asyncio.ensure_future(sio.emit("e", number, to=sid)) for number in range(4)]
    await settle()
    tasks[0].cancel()
    core.drain_client(sid, 100)
    # Its turn has come, but it has not gone on.
    await until(lambda: any(turn.done() for queue in sio.eio._backlogs.waiting.values() for turn in queue))
    tasks[1].cancel()
    await asyncio.wait(tasks, timeout=5)
    assert sent(core) == [b'["e",2]', b'["e",3]']
    assert not sio.eio._backlogs.waiting


async def test_an_acknowledgement_waits_and_the_next_behind_it(serve):
    sio, core = serve()
    sio.on("e", lambda sid, number: number)
    sid = await joined(core)
    for number in range(3):
        core.event(sid, b'["e",%d]' % number, number)
    await settle()
    assert core.of("ack") == []
    core.drain_client(sid, 1)
    await until(lambda: len(core.of("ack")) == 1)
    core.drain_client(sid, 100)
    await until(lambda: len(core.of("ack")) == 3)
    assert [call[1] for call in core.of("ack")] == [0, 1, 2]
    assert sio._tasks.in_flight(sid) == 0


async def test_a_client_that_leaves_lets_all_go_on(serve):
    sio, core = serve()
    sid = await joined(core)
    tasks = [asyncio.ensure_future(sio.emit("e", to=sid)) for _ in range(3)]
    call = asyncio.ensure_future(sio.call("e", to=sid, timeout=60))
    await settle()
    core.drain_client(sid, 100)
    core.drop(sid)
    await asyncio.wait_for(asyncio.gather(*tasks), 5)
    with pytest.raises(NoAnswerError):
        await asyncio.wait_for(call, 5)


async def test_a_call_waits_no_longer_than_it_may(serve):
    sio, core = serve()
    sid = await joined(core)
    with pytest.raises(NoAnswerError):
        await sio.call("e", to=sid, timeout=0.01)
    assert sent(core) == []
    assert len(sio._acks) == 0
    assert not sio.eio._backlogs.waiting


async def test_the_end_of_the_server_lets_all_go_on(serve):
    sio, core = serve()
    sid = await joined(core)
    tasks = [asyncio.ensure_future(sio.emit("e", to=sid)) for _ in range(3)]
    await settle()
    core.shutdown = lambda: core.push(_core.STOPPED)
    # A core that has ended sends nothing and asks for nothing.
    core.stop = core.room.clear
    await sio.shutdown()
    await asyncio.wait_for(asyncio.gather(*tasks), 5)


async def test_senders_on_another_loop_wait_too(serve):
    sio, core = serve()
    sid = await joined(core)
    done = threading.Event()

    def elsewhere():
        asyncio.run(sio.emit("e", to=sid))
        done.set()

    thread = threading.Thread(target=elsewhere)
    thread.start()
    try:
        for _ in range(20):
            await settle()
        assert not done.is_set()
    finally:
        core.drain_client(sid, 100)
        await until(done.is_set)
        thread.join()
    assert sent(core) == [b'["e"]']


async def test_what_waits_for_memory_goes_on_in_order(serve):
    sio, core = serve()
    sids = [await joined(core) for _ in range(3)]
    core.room.clear()
    core.crowded = True
    tasks = [asyncio.ensure_future(sio.emit("e", number, to=sids[number % 3])) for number in range(9)]
    tasks[1].cancel()
    await settle()
    assert sent(core) == []
    core.crowded = False
    await asyncio.wait(tasks, timeout=5)
    assert sorted(sent(core)) == [b'["e",%d]' % number for number in (0, 2, 3, 4, 5, 6, 7, 8)]
    for place in range(3):
        mine = [data for data in sent(core) if int(data[5:-1]) % 3 == place]
        assert mine == sorted(mine)
    assert not sio.eio._backlogs.waiting


@pytest.mark.parametrize("verbose", [False, True])
async def test_a_slow_client_is_logged_once(serve, caplog, verbose):
    logger = logging.getLogger("test_backlogs")
    logger.setLevel(logging.INFO if verbose else logging.ERROR)
    _, core = serve(logger=logger)
    sid = await joined(core)
    core.push(_core.SLOW, "session1", [(sid, "/"), ("x", "/chat")], 70_000, 12, 31.04, 10.5)
    await until(lambda: caplog.records)
    await settle()
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert record.name == ("test_backlogs" if verbose else "fanio.server")
    for part in (f"{sid} [/], x [/chat]", "70000 bytes in 12 packets", "31.0 s", "10.5 s", "slow-clients.md"):
        assert part in record.getMessage()
