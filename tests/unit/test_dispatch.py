"""Events and acknowledgements: order, results, failures."""

from __future__ import annotations

import asyncio
import json
import logging
import weakref

import pytest
from fake_core import settle, until

import fanio


async def joined(core):
    sid = core.connect()
    await until(lambda: core.of("accept"))
    return sid


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (None, []),
        ((), []),
        ((1, "a"), [1, "a"]),
        ([1, 2], [[1, 2]]),
        ({"a": 1}, [{"a": 1}]),
        (0, [0]),
        (False, [False]),
        ("", [""]),
    ],
)
async def test_result_is_the_acknowledgement(serve, kind, result, expected):
    sio, core = serve()

    async def coroutine(sid):
        return result

    sio.on("e", coroutine if kind == "async" else lambda sid: result)
    sid = await joined(core)
    core.event(sid, b'["e"]', 7)
    await until(lambda: core.of("ack"))
    ((to, number, data, attachments),) = core.of("ack")
    assert (to, number, json.loads(data), attachments) == (sid, 7, expected, None)


async def test_bytes_in_a_result_are_attachments(serve):
    sio, core = serve()
    sio.on("e", lambda sid: (1, b"x"))
    sid = await joined(core)
    core.event(sid, b'["e"]', 7)
    await until(lambda: core.of("ack"))
    assert core.of("ack") == [(sid, 7, b'[1,{"_placeholder":true,"num":0}]', [b"x"])]


async def test_no_ack_without_id_without_handler_or_after_an_exception(serve):
    sio, core = serve()
    ran = []

    @sio.event
    async def fails(sid):
        ran.append(1)
        raise ValueError

    @sio.event
    async def fine(sid):
        ran.append(2)
        return 1

    @sio.event
    async def strange(sid):
        ran.append(3)
        return object()

    sid = await joined(core)
    core.event(sid, b'["unknown"]', 1)
    core.event(sid, b'["fails"]', 2)
    core.event(sid, b'["fine"]', None)
    core.event(sid, b'["strange"]', 3)
    await until(lambda: len(ran) == 3)
    await settle()
    assert core.of("ack") == []


async def test_arguments_and_attachments_reach_the_handler(serve):
    sio, core = serve()
    got = []
    sio.on("e", lambda *args: got.append(args))
    sid = await joined(core)
    core.event(sid, b'["e",1,{"a":{"_placeholder":true,"num":0}}]', None, [b"x"], [([2, "a"], 0)])
    await until(lambda: got)
    assert got == [(sid, 1, {"a": b"x"})]


@pytest.mark.parametrize(
    ("data", "blobs"), [(b'["e"', ()), (b"{}", ()), (b"[]", ()), (b'["e",1]', ([b"x"], [([7], 0)]))]
)
async def test_bad_data_closes_the_session(serve, data, blobs):
    sio, core = serve()
    got = []
    sio.on("e", lambda *args: got.append(args))
    sid = await joined(core)
    core.event(sid, data, 1, *blobs)
    await until(lambda: core.of("close"))
    assert core.of("close") == [("session1", "parse error")]
    assert got == []


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_a_failing_handler_is_logged_once_with_its_event(serve, kind, caplog):
    sio, core = serve(logger=logging.getLogger("test"))

    def plain(sid):
        raise ValueError("oops")

    async def coroutine(sid):
        raise ValueError("oops")

    sio.on("boom", plain if kind == "plain" else coroutine)
    sid = await joined(core)
    core.event(sid, b'["boom"]', 1)
    await until(lambda: caplog.records)
    await settle()
    (record,) = caplog.records
    assert record.getMessage() == 'handler of event "boom" failed [/]'
    assert record.exc_info


async def test_handlers_start_in_order_and_run_together(serve):
    sio, core = serve()
    started, go = [], asyncio.Event()

    @sio.event
    async def e(sid, number):
        started.append(number)
        await go.wait()
        return number

    sid = await joined(core)
    for number in range(50):
        core.event(sid, b'["e",%d]' % number, number)
    await until(lambda: len(started) == 50)
    assert started == list(range(50))
    assert core.of("ack") == []
    go.set()
    await until(lambda: len(core.of("ack")) == 50)
    assert sio._tasks._running == set()


async def test_each_handler_has_a_task_and_a_context_of_its_own(serve):
    sio, core = serve()
    tasks = []

    @sio.event
    async def e(sid):
        tasks.append(asyncio.current_task())
        await asyncio.sleep(0)
        assert asyncio.current_task() is tasks[-1]

    sid = await joined(core)
    core.event(sid, b'["e"]')
    await until(lambda: tasks)
    core.event(sid, b'["e"]')
    await until(lambda: len(tasks) == 2)
    assert None not in tasks
    assert tasks[0] is not tasks[1]


async def test_serial_handlers_run_one_after_the_other(serve):
    sio, core = serve(async_handlers=False)
    order = []

    @sio.event
    async def slow(sid, number):
        order.append(f"start {number}")
        await asyncio.sleep(0.002)
        order.append(f"end {number}")
        if number == 1:
            raise asyncio.CancelledError

    sio.on("plain", lambda sid: order.append("plain"))
    sio.on("disconnect", lambda sid: order.append("gone"))
    sid = await joined(core)
    core.event(sid, b'["slow",1]', 1)
    core.event(sid, b'["plain"]', 2)
    core.event(sid, b'["slow",2]', 3)
    core.drop(sid)
    await until(lambda: core.forgotten)
    assert order == ["start 1", "end 1", "plain", "start 2", "end 2", "gone"]
    assert not sio._queues.is_busy()
    assert sio._tasks.in_flight(sid) == 0


async def test_serial_clients_do_not_wait_for_each_other(serve):
    sio, core = serve(async_handlers=False)
    go, done = asyncio.Event(), []

    @sio.event
    async def e(sid, wait):
        if wait:
            await go.wait()
        done.append(sid)

    first, second = core.connect(), core.connect()
    await until(lambda: len(core.of("accept")) == 2)
    core.event(first, b'["e",true]')
    core.event(second, b'["e",false]')
    await until(lambda: done == [second])
    go.set()
    await until(lambda: done == [second, first])


async def test_plain_function_that_returns_a_coroutine_is_awaited(serve):
    sio, core = serve()

    async def work(sid):
        await asyncio.sleep(0)
        return "done"

    sio.on("e", lambda sid: work(sid))
    sid = await joined(core)
    core.event(sid, b'["e"]', 1)
    await until(lambda: core.of("ack"))
    assert core.of("ack")[0][2] == b'["done"]'


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_callback_gets_the_answer_once(serve, kind):
    sio, core = serve()
    got = []

    async def coroutine(*args):
        got.append(args)

    sid = await joined(core)
    await sio.emit("q", to=sid, callback=coroutine if kind == "async" else lambda *args: got.append(args))
    number = core.of("emit")[0][5]
    core.answer(sid, b'[1,"a"]', number)
    core.answer(sid, b"[2]", number)
    core.answer(sid, b"[3]", number + 1)
    await until(lambda: got)
    await settle()
    assert got == [(1, "a")]


async def test_an_answer_that_is_no_json_closes_the_session_and_ends_the_call(serve):
    sio, core = serve()
    sid = await joined(core)
    call = asyncio.ensure_future(sio.call("q", to=sid, timeout=None))
    await until(lambda: len(sio._acks))
    core.answer(sid, b"[1", core.of("emit")[0][5])
    with pytest.raises(fanio.exceptions.TimeoutError):
        await asyncio.wait_for(call, 5)
    assert len(core.of("close")) == 1
    assert not len(sio._acks)


async def test_a_call_to_a_client_that_is_leaving_ends_at_once(serve):
    sio, core = serve()
    sid = await joined(core)
    core.drop(sid)
    with pytest.raises(fanio.exceptions.TimeoutError):
        await asyncio.wait_for(sio.call("q", to=sid, timeout=None), 5)
    assert not len(sio._acks)


async def test_failing_callback_is_logged(serve, caplog):
    sio, core = serve(logger=logging.getLogger("test"))

    async def coroutine():
        raise ValueError

    sid = await joined(core)
    for callback in (lambda: 1 / 0, coroutine):
        await sio.emit("q", to=sid, callback=callback)
        core.answer(sid, b"[]", core.of("emit")[-1][5])
        await settle()
    assert len(caplog.records) == 2


async def test_exceptions_go_to_the_loops_exception_handler_and_the_log_once(serve, caplog):
    sio, core = serve()
    told = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    @sio.event
    async def boom(sid):
        raise ValueError

    sid = await joined(core)
    core.event(sid, b'["boom"]')
    await until(lambda: told)
    (context,) = told
    assert (context["event"], context["namespace"], context["sid"]) == ("boom", "/", sid)
    assert isinstance(context["exception"], ValueError)
    assert len(caplog.records) == 1


async def test_a_cancelled_handler_is_acknowledged_and_its_task_is_cancelled(serve):
    sio, core = serve()
    tasks = []

    @sio.event
    async def e(sid):
        tasks.append(asyncio.current_task())
        await asyncio.Event().wait()

    sid = await joined(core)
    core.event(sid, b'["e"]', 7)
    await until(lambda: tasks)
    tasks[0].cancel()
    await until(lambda: core.of("ack"))
    assert core.of("ack") == [(sid, 7, b"[]", None)]
    await settle()
    assert tasks[0].cancelled()


@pytest.mark.parametrize("serial", [False, True])
async def test_a_plain_function_may_return_a_task(serve, serial):
    sio, core = serve(async_handlers=not serial)
    done = asyncio.Event()

    async def work():
        await done.wait()
        return "worked"

    sio.on("e", lambda sid: asyncio.ensure_future(work()))
    sid = await joined(core)
    core.event(sid, b'["e"]')
    core.event(sid, b'["e"]', 7)
    await settle()
    done.set()
    await until(lambda: core.of("ack"))
    assert core.of("ack") == [(sid, 7, b'["worked"]', None)]


async def test_plain_functions_begin_behind_coroutines_that_came_before(serve):
    sio, core = serve()
    began = []

    async def first(sid):
        began.append("first")

    sio.on("first", first)
    sio.on("second", lambda sid: began.append("second"))
    sid = await joined(core)
    core.event(sid, b'["first"]')
    core.event(sid, b'["second"]')
    await until(lambda: len(began) == 2)
    assert began == ["first", "second"]


async def test_events_begin_behind_connect_handlers_that_came_before(serve):
    sio, core = serve()
    began = []

    @sio.event
    async def connect(sid, environ):
        began.append(sid)

    sio.on("e", lambda sid, number: began.append(number), namespace="/other")
    other = core.connect("/other")
    await until(lambda: core.of("accept"))
    first = core.connect()
    core.event(other, b'["e",1]')
    second = core.connect()
    core.event(other, b'["e",2]')
    core.event(other, b'["e",3]')
    await until(lambda: len(began) == 5)
    assert began == [first, 1, second, 2, 3]


async def test_no_ack_means_none(serve):
    sio, core = serve()
    sio.on("silent", lambda sid: fanio.NO_ACK)
    sio.on("heard", lambda sid: None)
    sid = core.connect()
    core.event(sid, b'["silent"]', 1)
    core.event(sid, b'["heard"]', 2)
    await until(lambda: core.of("ack"))
    assert [call[1] for call in core.of("ack")] == [2]
    assert repr(fanio.NO_ACK) == "NO_ACK"


@pytest.mark.parametrize("how", ["subclass", "instance"])
async def test_an_overridden_trigger_event_takes_everything(fake, how):
    seen = []

    async def trigger(original, event, namespace, *args):
        seen.append((event, namespace, len(args)))
        return await original(event, namespace, *args)

    class Mine(fanio.AsyncServer):
        async def _trigger_event(self, event, namespace, *args):
            return await trigger(super()._trigger_event, event, namespace, *args)

    sio = Mine() if how == "subclass" else fanio.AsyncServer()
    if how == "instance":
        original = sio._trigger_event
        sio._trigger_event = lambda *args: trigger(original, *args)
    sio.on("known", lambda sid, data: data + 1)
    sio.on("disconnect", lambda sid: seen.append("gone"))
    sio._serve_on(asyncio.get_running_loop())
    core = sio._core
    sid = core.connect()
    await until(lambda: core.of("accept"))
    core.event(sid, b'["known",1]', 5)
    core.event(sid, b'["unknown"]', 6)
    core.drop(sid)
    await until(lambda: "gone" in seen)
    assert seen == [("connect", "/", 3), ("known", "/", 2), ("unknown", "/", 1), ("disconnect", "/", 2), "gone"]
    assert [call[1:3] for call in core.of("ack")] == [(5, b"[2]")]
    await sio.shutdown()


async def test_nothing_of_an_event_outlives_it(serve):
    sio, core = serve()
    kept = []

    class Result(dict[str, int]):
        pass

    @sio.event
    async def e(sid):
        result = Result(a=1)
        kept.append(weakref.ref(result))
        return result

    sid = await joined(core)
    for number in range(3):
        core.event(sid, b'["e"]', number)
    await until(lambda: len(core.of("ack")) == 3)
    assert [reference() for reference in kept] == [None] * 3


@pytest.mark.parametrize(
    ("namespace", "event", "expected"),
    [
        ("/", b'["mesage",1]', "no handler for event 'mesage' [/]: there are message, typing"),
        ("/chat", b'["mesage",1]', "no handler for event 'mesage' [/chat]: there are line"),
        ("/empty", b'["a"]', "no handler for event 'a' [/empty]: there are none"),
        ("/", b'["x\\n%s"]' % (b"y" * 1000), "no handler for event 'x\\nyyy"),
        ("/", b'["message"]', ""),
    ],
)
async def test_an_event_without_a_handler_is_logged_with_the_existing_handlers(
    serve, caplog, namespace, event, expected
):
    class Chat(fanio.AsyncNamespace):
        async def on_connect(self, sid, environ):
            pass

        async def on_line(self, sid):
            pass

    sio, core = serve(logger=logging.getLogger("mine"), namespaces=["/", "/empty"])
    sio.on("message", lambda sid: None)
    sio.on("typing", lambda sid: None)
    sio.on("connect", lambda sid, environ: None)
    sio.register_namespace(Chat("/chat"))
    sid = core.connect(namespace)
    await until(lambda: core.of("accept"))
    for level, is_told in ((logging.INFO, False), (logging.DEBUG, bool(expected))):
        caplog.set_level(level, "mine")
        caplog.clear()
        core.event(sid, event)
        await settle()
        told = [line for line in caplog.messages if line.startswith("no handler")]
        assert bool(told) is is_told
        assert all(line.startswith(expected) and len(line) < 200 for line in told)
