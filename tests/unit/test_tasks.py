"""Tasks are kept until they end, and a client that outruns its handlers is paused."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref

import pytest
from fake_core import settle, until

from fanio._tasks.read_pauses import MAX_BYTES, MAX_IN_FLIGHT


async def joined(core, count=1):
    sids = [core.connect(session="s") for _ in range(count)]
    await until(lambda: len(core.of("accept")) == count)
    return sids


async def test_client_is_paused_above_the_limit_and_resumed_below_half(serve):
    sio, core = serve()
    waiting = []

    @sio.event
    async def e(sid):
        waiting.append(asyncio.get_running_loop().create_future())
        await waiting[-1]

    (sid,) = await joined(core)
    for _ in range(MAX_IN_FLIGHT):
        core.event(sid, b'["e"]')
    await until(lambda: len(waiting) == MAX_IN_FLIGHT)
    assert core.of("pause") == []
    for _ in range(3):
        core.event(sid, b'["e"]')
    await until(lambda: core.of("pause"))
    await settle()
    for future in waiting[: MAX_IN_FLIGHT // 2]:
        future.set_result(None)
    await settle()
    assert core.of("resume") == []
    for future in waiting[MAX_IN_FLIGHT // 2 :]:
        future.set_result(None)
    await until(lambda: sio._tasks.in_flight(sid) == 0)
    assert (core.of("pause"), core.of("resume")) == ([("s",)], [("s",)])
    assert sio._tasks._in_flight == {}


@pytest.mark.parametrize("how", [{}, {"async_handlers": False}])
async def test_client_whose_waiting_events_are_large_is_paused(serve, how):
    sio, core = serve(**how)
    gate = asyncio.Event()
    received = 0

    @sio.event
    async def e(sid, text, data):
        nonlocal received
        received += len(text) + len(data)
        await gate.wait()

    (sid,) = await joined(core)
    size, sent = 100_000, 0
    text = json.dumps(["e", "x" * size, {"_placeholder": True, "num": 0}]).encode()
    while not core.of("pause"):
        core.event(sid, text, None, [b"y" * size], [([2], 0)])
        sent += 2 * size
        await settle()
        assert sent < 2 * MAX_BYTES
    assert sent > MAX_BYTES // 2
    gate.set()
    await until(lambda: core.of("resume"))
    await until(lambda: sio._tasks.in_flight(sid) == 0)
    assert received == sent
    assert sio._tasks._in_flight == {}


async def test_one_event_does_not_pause_its_client_however_large(serve):
    sio, core = serve()
    (sid,) = await joined(core)
    sio._tasks.begin(sid, 100 * MAX_BYTES)
    assert core.of("pause") == []
    sio._tasks.begin(sid, 100 * MAX_BYTES)
    sio._tasks.begin(sid, 100 * MAX_BYTES)
    assert core.of("pause") == [("s",)]
    sio._tasks.end(sid, 100 * MAX_BYTES)
    sio._tasks.end(sid, 100 * MAX_BYTES)
    assert core.of("resume") == [("s",)]


async def test_session_stays_paused_while_one_of_its_clients_is_over(serve):
    sio, core = serve()
    tasks = sio._tasks
    first, second = await joined(core, 2)
    for sid in (first, second):
        for _ in range(MAX_IN_FLIGHT + 1):
            tasks.begin(sid)
    for _ in range(MAX_IN_FLIGHT + 1):
        tasks.end(first)
    assert core.of("resume") == []
    for _ in range(MAX_IN_FLIGHT + 1):
        tasks.end(second)
    assert core.of("resume") == [("s",)]


async def test_waiting_handler_survives_garbage_collection(serve):
    sio, core = serve()
    done = []

    def resolve(ref):
        if ref() is not None:
            ref().set_result(None)

    @sio.event
    async def e(sid):
        # Nothing but the task refers to this future.
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_later(0.01, resolve, weakref.ref(future))
        await future
        done.append(sid)

    (sid,) = await joined(core)
    core.event(sid, b'["e"]')
    await settle()
    gc.collect()
    await until(lambda: done)


async def test_background_task_is_kept_and_returned(serve):
    sio, _ = serve()

    async def work(a, b):
        await asyncio.sleep(0)
        return a + b

    task = sio.start_background_task(work, 1, b=2)
    assert task in sio._tasks._running
    assert await task == 3
    await settle()
    assert task not in sio._tasks._running


async def test_a_loop_that_may_run_nested_starts_handlers_by_itself(serve, monkeypatch):
    monkeypatch.setattr(asyncio, "Task", asyncio.tasks._PyTask)
    sio, core = serve()
    order = []
    begin = sio._runner._hooks.begin

    @sio.event
    async def e(sid):
        order.append("handler")

    def note():
        begin()
        asyncio.get_running_loop().call_soon(order.append, "turn")

    (sid,) = await joined(core)
    sio._runner._hooks.begin = note
    core.event(sid, b'["e"]')
    await until(lambda: len(order) > 1)
    assert order == ["turn", "handler"]


async def test_own_task_factory_is_honoured(serve):
    sio, core = serve()
    loop = asyncio.get_running_loop()
    made = []

    def factory(loop, coroutine, **kwargs):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **kwargs)

    @sio.event
    async def e(sid):
        pass

    (sid,) = await joined(core)
    loop.set_task_factory(factory)
    try:
        core.event(sid, b'["e"]')
        await until(lambda: made)
    finally:
        loop.set_task_factory(None)
