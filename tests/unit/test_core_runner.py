"""The core on an event loop: started when first served, drained fairly, stopped in order."""

from __future__ import annotations

import asyncio
import itertools
import os

import pytest
from fake_core import settle, until

import fanio
from fanio import _core


async def test_events_that_came_before_the_loop_are_taken(fake):
    sio = fanio.AsyncServer()
    sio._core.connect()
    sio._serve_on(asyncio.get_running_loop())
    await until(lambda: sio._core.of("accept"))
    await sio.shutdown()


async def test_serving_twice_on_one_loop_starts_once(serve):
    sio, core = serve()
    sio._serve_on(asyncio.get_running_loop())
    assert core.of("start") == [()]


async def test_another_loop_is_refused_while_it_runs(serve):
    sio, _ = serve()
    other = asyncio.new_event_loop()
    with pytest.raises(RuntimeError, match="another event loop"):
        sio._serve_on(other)
    other.close()


async def test_a_flood_of_events_is_taken_in_turns(serve):
    sio, core = serve()
    handled, turns = [], []
    sio.on("e", lambda sid, number: handled.append(number))
    sid = core.connect()
    await until(lambda: core.of("accept"))
    for number in range(1000):
        core.event(sid, b'["e",%d]' % number)
    while len(handled) < 1000:
        turns.append(len(handled))
        await asyncio.sleep(0)
    assert handled == list(range(1000))
    assert len(set(turns)) > 3


async def test_an_event_that_cannot_be_handled_costs_no_other(serve, monkeypatch, caplog):
    sio, core = serve()
    monkeypatch.setattr(sio._codec, "decode", lambda *_: 1 / 0)
    sio.on("e", lambda sid: None)
    got = []
    sio.on("connect", lambda sid, environ: got.append(sid))
    first = core.connect()
    core.event(first, b'["e"]')
    second = core.connect()
    await until(lambda: got == [first, second])
    assert "could not be handled" in caplog.text


async def test_hand_off_goes_to_its_listener(serve):
    sio, core = serve()
    got = []
    for name in "ab":
        sio._runner.listen(5, "/socket.io", lambda fd, data, name=name: got.append((name, fd, data)))
    numbers = [call[2] for call in core.of("listen")]
    core.push(_core.HANDOFF, 9, b"GET", numbers[1])
    await until(lambda: got)
    assert got == [("b", 9, b"GET")]


async def test_close_waits_for_serial_disconnect_handlers(serve):
    sio, core = serve(async_handlers=False)
    gone = []

    @sio.event
    async def disconnect(sid):
        await asyncio.sleep(0.005)
        gone.append(sid)

    core.connect()
    await until(lambda: core.of("accept"))
    await sio.shutdown()
    assert len(gone) == 1


async def test_close_gives_up_when_told(serve):
    sio, core = serve()
    never = asyncio.Event()

    @sio.event
    async def disconnect(sid):
        await never.wait()

    core.connect()
    await until(lambda: core.of("accept"))
    answers = iter([False, False, False])
    await asyncio.wait_for(sio._runner.close(lambda: next(answers, True)), 10)
    assert core.of("stop")
    never.set()
    await settle()


async def test_shutdown_from_another_loop(serve):
    sio, core = serve()
    await asyncio.to_thread(asyncio.run, sio.shutdown())
    assert core.of("stop") == [()]


def test_shutdown_when_its_own_loop_does_not_run_ends_the_core(fake):
    sio = fanio.AsyncServer()

    async def begin():
        sio._serve_on(asyncio.get_running_loop())

    asyncio.run(begin())
    asyncio.run(sio.shutdown())
    assert sio._core.of("stop") == [()]


async def test_two_shutdowns_at_once_end_the_core_once(serve):
    sio, core = serve()
    await asyncio.gather(sio.shutdown(), sio.shutdown())
    assert core.of("stop") == [()]


async def test_shutdown_inside_a_disconnect_handler_does_not_wait_for_itself(serve):
    sio, core = serve()
    ended = []

    @sio.event
    async def disconnect(sid):
        await sio.shutdown()
        ended.append(sid)

    sid = core.connect()
    await until(lambda: core.of("accept"))
    core.drop(sid)
    await until(lambda: ended)


async def test_slow_handlers_of_a_flood_leave_the_loop_to_others_in_between(serve, monkeypatch):
    sio, core = serve()
    clock = [0.0]
    monkeypatch.setattr("fanio._tasks.core_runner.monotonic", lambda: clock[0])
    handled: list[int] = []

    @sio.event
    async def e(sid, number):
        clock[0] += 0.001
        handled.append(number)

    sid = core.connect()
    await until(lambda: core.of("accept"))
    for number in range(1000):
        core.event(sid, b'["e",%d]' % number)
    turns = [0]
    while len(handled) < 1000:
        await asyncio.sleep(0)
        turns.append(len(handled))
    assert handled == list(range(1000))
    assert max(after - before for before, after in itertools.pairwise(turns)) <= 4


async def test_what_ends_the_loop_loses_no_event(serve):
    sio, core = serve()
    handled: list[int] = []

    @sio.event
    async def e(sid, number):
        handled.append(number)
        if number == 2:
            raise KeyboardInterrupt

    sid = core.connect()
    await until(lambda: core.of("accept"))
    # The first one's task has to begin.
    core.event(sid, b'["e",-1]')
    await until(lambda: handled)
    await settle()
    interrupts: list[BaseException] = []

    def turn():
        try:
            sio._runner._handle([(_core.EVENT, sid, "/", b'["e",%d]' % n, None, None, None) for n in range(5)])
        except KeyboardInterrupt as error:
            interrupts.append(error)

    asyncio.get_running_loop().call_soon(turn)
    await until(lambda: len(handled) == 6)
    assert handled == [-1, 0, 1, 2, 3, 4]
    assert len(interrupts) == 1


def test_what_is_emitted_while_the_loop_does_not_run_is_sent(fake):
    sio = fanio.AsyncServer()
    core, loop = sio._core, asyncio.new_event_loop()
    flushed = []
    sio._serve_on(loop)
    core.connect()
    loop.run_until_complete(until(lambda: core.of("accept")))
    core.emit = lambda *_: _core.FLUSH
    core.flush = lambda: flushed.append(len(flushed))
    # On this thread, which is the loop's.
    asyncio.run(sio.emit("e"))
    assert flushed == [0]

    async def emit():
        await sio.emit("e")
        assert flushed == [0]

    loop.run_until_complete(emit())
    assert flushed == [0, 1]
    loop.run_until_complete(sio.shutdown())
    loop.close()


def test_a_loop_that_was_closed_is_followed_by_another(fake, monkeypatch):
    monkeypatch.setattr("fanio._tasks.core_runner._BUDGET", -1)
    sio = fanio.AsyncServer()
    core = sio._core
    first, second = asyncio.new_event_loop(), asyncio.new_event_loop()
    handled, turns = [], []
    core.turn = lambda shard: turns.append(shard) or False
    reader, writer = os.pipe()

    @sio.event
    async def e(sid, number):
        handled.append(number)
        first.stop()

    sio._serve_on(first)
    sid = core.connect()
    first.run_until_complete(until(lambda: core.of("accept")))
    core.push(_core.INLINE, 0, reader)
    first.run_until_complete(settle())
    # Each is handled in a turn of its own.
    for number in range(2):
        core.event(sid, b'["e",%d]' % number)
    first.run_forever()
    first.close()
    assert handled == [0]
    sio._serve_on(second)
    second.run_until_complete(until(lambda: handled == [0, 1]))
    core.push(_core.INLINE, 0, reader)
    os.write(writer, b"x")
    second.run_until_complete(until(lambda: turns))
    second.run_until_complete(sio.shutdown())
    second.close()
    for fd in (reader, writer):
        os.close(fd)


async def test_a_batch_that_takes_too_long_is_gone_on_with_later(serve, monkeypatch):
    sio, core = serve()
    clock = [0.0]
    monkeypatch.setattr("fanio._tasks.core_runner.monotonic", lambda: clock[0])
    seen: list[int] = []

    def answered(number):
        clock[0] += 0.001
        seen.append(number)

    find = sio._handlers.find
    monkeypatch.setattr(sio._handlers, "find", lambda event, *rest: (answered(event), find(event, *rest))[1])
    sid = core.connect()
    await until(lambda: core.of("accept"))
    seen.clear()
    for number in range(100):
        core.event(sid, b"[%d]" % number)
    turns = set()
    while len(seen) < 100:
        await asyncio.sleep(0)
        turns.add(len(seen))
    assert seen == list(range(100))
    assert len(turns) > 10
