"""Events that share a worker's task behave as events with tasks of their own: the same handlers run in both ways."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import inspect
import logging
import sys
import warnings
import weakref

import pytest
from fake_core import until

from fanio._handlers.handler import Handler
from fanio._tasks.tasks import Tasks
from fanio._tasks.worker import Worker

VAR: contextvars.ContextVar[str] = contextvars.ContextVar("VAR", default="fresh")


class NoCore:
    """Nothing to pause."""

    def session_of(self, sid):
        return None

    def pause(self, session_id):
        pass

    def resume(self, session_id):
        pass


class Stage:
    """Runs handlers as events, on workers or in tasks of their own, from a callback of the loop."""

    def __init__(self, kind):
        self.loop = asyncio.get_running_loop()
        self.kind = kind
        self.tasks = Tasks(NoCore())
        self.tasks.bind(self.loop)
        self.events = self.tasks.event_tasks(self)
        self.ended = []

    invoke = None

    def answer(self, key, ack_id, result, event, namespace):
        self.ended.append((event, "done"))

    def fail(self, error, event, namespace, key):
        self.ended.append((event, repr(error)))

    def cancelled(self, key, ack_id, event, namespace):
        self.ended.append((event, "cancelled"))

    def item(self, handler, name="a"):
        return Handler(handler), (), name, 0, 1, name, "/"

    async def alone(self, handler, name):
        try:
            await handler()
        except asyncio.CancelledError:
            self.ended.append((name, "cancelled"))
            raise
        except Exception as error:
            self.ended.append((name, repr(error)))
        else:
            self.ended.append((name, "done"))

    def start(self, handler, name="a"):
        if self.kind == "worker":
            self.loop.call_soon(self.events.start, name, self.item(handler, name))
        else:
            self.loop.call_soon(lambda: self.tasks.keep(self.loop.create_task(self.alone(handler, name))))

    async def turns(self, count=6):
        for _ in range(count):
            await asyncio.sleep(0)

    async def until_ended(self, count):
        while len(self.ended) < count:
            await asyncio.sleep(0.001)


@pytest.fixture(params=["plain", "worker"])
async def stage(request):
    stage = Stage(request.param)
    yield stage
    stage.tasks.unbind()


@pytest.mark.parametrize("parked", [False, True], ids=["first", "later"])
class TestOneEvent:
    """Of a new worker, whose task has not begun, and of one that has waited for an event."""

    @pytest.fixture(autouse=True)
    async def prepare(self, stage, parked):
        async def nothing():
            pass

        if parked:
            stage.start(nothing, "before")
            await stage.turns()
            stage.ended.clear()

    async def test_goes_on_in_its_task_and_context(self, stage):
        seen = []

        async def handler():
            seen.append((asyncio.current_task(), VAR.get()))
            VAR.set("mine")
            for wait in (lambda: asyncio.sleep(0), lambda: asyncio.sleep(0.001)):
                await wait()
                seen.append((asyncio.current_task(), VAR.get()))

        stage.start(handler)
        await stage.until_ended(1)
        assert stage.ended == [("a", "done")]
        assert [value for _, value in seen] == ["fresh", "mine", "mine"]
        assert len({task for task, _ in seen} - {None}) == 1
        assert VAR.get() == "fresh"

    async def test_cancelled_while_it_waits(self, stage):
        tasks, inner = [], []

        async def handler():
            tasks.append(asyncio.current_task())
            inner.append(asyncio.create_task(asyncio.sleep(60)))
            await inner[0]

        stage.start(handler)
        await stage.turns()
        tasks[0].cancel()
        await stage.until_ended(1)
        await stage.turns()
        assert (stage.ended, tasks[0].cancelled(), inner[0].cancelled()) == ([("a", "cancelled")], True, True)

    async def test_cancelled_before_its_task_knows_what_it_waits_for(self, stage):
        tasks, future = [], stage.loop.create_future()

        async def handler():
            tasks.append(asyncio.current_task())
            tasks[0].cancel()
            await future

        stage.start(handler)
        await stage.turns()
        assert (stage.ended, tasks[0].cancelled(), future.cancelled()) == ([("a", "cancelled")], True, True)

    async def test_cancelled_from_outside_in_the_same_loop_iteration(self, stage):
        tasks, future = [], stage.loop.create_future()

        async def handler():
            tasks.append(asyncio.current_task())
            await future

        stage.start(handler)
        stage.loop.call_soon(lambda: stage.loop.call_soon(lambda: tasks[0].cancel()))
        await stage.turns()
        assert (stage.ended, tasks[0].cancelled(), future.cancelled()) == ([("a", "cancelled")], True, True)

    async def test_survives_a_cancellation_that_it_catches(self, stage):
        async def handler():
            task = asyncio.current_task()
            task.cancel()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if sys.version_info >= (3, 11):
                    assert task.uncancel() == 0
            await asyncio.sleep(0)

        stage.start(handler)
        await stage.until_ended(1)
        assert stage.ended == [("a", "done")]

    async def test_cancels_itself_and_ends_without_waiting(self, stage):
        tasks = []

        async def handler():
            tasks.append(asyncio.current_task())
            tasks[0].cancel()

        stage.start(handler)
        await stage.turns()
        assert (stage.ended, tasks[0].cancelled()) == ([("a", "done")], True)

    async def test_raises_after_it_has_waited(self, stage):
        async def handler():
            await asyncio.sleep(0)
            raise ValueError("late")

        stage.start(handler)
        await stage.turns()
        assert stage.ended == [("a", "ValueError('late')")]

    async def test_callback_of_its_task_is_called_at_its_end(self, stage):
        called = []

        async def handler():
            asyncio.current_task().add_done_callback(lambda task: called.append(task.result()))

        async def other():
            pass

        stage.start(handler)
        stage.start(other, "b")
        await stage.turns()
        assert (stage.ended, called) == ([("a", "done"), ("b", "done")], [None])

    @pytest.mark.skipif(sys.version_info < (3, 12), reason="Task.get_context")
    async def test_its_task_has_its_context(self, stage):
        seen = []

        async def handler():
            VAR.set("mine")
            seen.append(asyncio.current_task().get_context()[VAR])
            await asyncio.sleep(0)
            seen.append(asyncio.current_task().get_context()[VAR])

        stage.start(handler)
        await stage.until_ended(1)
        assert seen == ["mine", "mine"]

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.timeout")
    async def test_times_out(self, stage):
        async def handler():
            async with asyncio.timeout(0.001):
                await asyncio.sleep(60)

        stage.start(handler)
        await stage.until_ended(1)
        assert stage.ended == [("a", "TimeoutError()")]

    @pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.TaskGroup")
    async def test_task_group_fails(self, stage):
        async def fail():
            raise ValueError

        async def handler():
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                group.create_task(asyncio.sleep(60))

        stage.start(handler)
        await stage.until_ended(1)
        assert "ValueError" in stage.ended[0][1]

    async def test_bare_yield_gives_the_loop_its_turn(self, stage):
        order = []

        async def handler():
            order.append("begins")
            stage.loop.call_soon(order.append, "loop")
            await asyncio.sleep(0)
            order.append("goes on")

        stage.start(handler)
        await stage.until_ended(1)
        assert order == ["begins", "loop", "goes on"]

    async def test_cancels_itself_before_a_bare_yield(self, stage):
        tasks = []

        async def handler():
            tasks.append(asyncio.current_task())
            tasks[0].cancel()
            await asyncio.sleep(0)

        stage.start(handler)
        await stage.turns()
        assert (stage.ended, tasks[0].cancelled()) == ([("a", "cancelled")], True)
        assert (stage.tasks._in_flight, stage.tasks._running) == ({}, set())

    async def test_leaves_nothing_to_the_garbage_collector(self, stage):
        class Big:
            pass

        def make(step):
            big = Big()

            async def handler():
                await step()
                assert big is not None

            return handler, weakref.ref(big)

        async def fail():
            await asyncio.sleep(0)
            raise ValueError

        async def touch():
            asyncio.current_task().set_name("touched")

        gc.disable()
        try:
            for step in (lambda: asyncio.sleep(0), lambda: asyncio.sleep(0.001), touch, fail, asyncio.Event):
                stage.ended.clear()
                handler, big = make(step)
                stage.start(handler)
                del handler
                await stage.until_ended(1)
                await stage.turns()
                assert big() is None
        finally:
            gc.enable()

    async def test_waits_for_what_is_ready_already(self, stage):
        future = stage.loop.create_future()

        async def handler():
            stage.loop.call_soon(future.set_result, 1)
            assert await future == 1
            assert await asyncio.wait_for(asyncio.sleep(0, 2), 5) == 2

        stage.start(handler)
        await stage.until_ended(1)
        assert stage.ended == [("a", "done")]


async def test_state_kept_by_task_is_an_events_own(stage):
    strong, weak, named, marked = {}, weakref.WeakKeyDictionary(), [], []

    async def keeps():
        task = asyncio.current_task()
        assert task not in strong
        strong[task] = 1

    async def keeps_weakly():
        task = asyncio.current_task()
        assert task not in weak
        weak[task] = 1

    async def names():
        task = asyncio.current_task()
        named.append(task.get_name())
        task.set_name("renamed")

    async def marks():
        task = asyncio.current_task()
        marked.append(getattr(task, "mark", None))
        task.mark = 1

    handlers = [keeps, keeps, keeps_weakly, keeps_weakly, names, names, marks, marks]
    for number, handler in enumerate(handlers):
        stage.start(handler, number)
    await stage.turns()
    assert stage.ended == [(number, "done") for number in range(len(handlers))]
    assert "renamed" not in named
    assert marked == [None, None]


async def test_libraries_can_tell_whether_its_coroutine_has_begun(stage):
    states = []

    async def look(wait):
        coroutine = asyncio.current_task().get_coro()
        states.append(inspect.getcoroutinestate(coroutine))
        if wait:
            stage.loop.call_soon(lambda: states.append(inspect.getcoroutinestate(coroutine)))
            await asyncio.sleep(0.001)

    stage.start(lambda: look(wait=False))
    stage.start(lambda: look(wait=True))
    await stage.until_ended(2)
    assert states == ["CORO_RUNNING", "CORO_RUNNING", "CORO_SUSPENDED"]


async def test_events_begin_in_order_and_those_that_wait_do_not_hold_up_others(stage):
    go, order = asyncio.Event(), []

    def handler(number):
        async def handle():
            order.append(number)
            if number % 2:
                await go.wait()
                order.append(-number)

        return handle

    for number in range(6):
        stage.start(handler(number), str(number))
    await stage.turns()
    assert order == [0, 1, 2, 3, 4, 5]
    go.set()
    await stage.until_ended(6)
    assert order[6:] == [-1, -3, -5]
    assert stage.tasks._in_flight == {}


async def test_events_may_wait_for_the_same(stage):
    future = stage.loop.create_future()

    async def handler():
        assert await future == 1

    for number in range(3):
        stage.start(handler, number)
    stage.loop.call_soon(future.set_result, 1)
    await stage.until_ended(3)
    assert sorted(stage.ended) == [(number, "done") for number in range(3)]


@pytest.fixture
def made(monkeypatch):
    """The workers made."""
    made = []

    def make(*arguments):
        made.append(Worker(*arguments))
        return made[-1]

    monkeypatch.setattr("fanio._tasks.tasks.Worker", make)
    return made


async def test_only_events_that_wait_make_tasks(made):
    stage = Stage("worker")

    async def handler():
        # What handlers do with their task on any day leaves no trace on it.
        assert asyncio.current_task() in asyncio.all_tasks()
        VAR.set("mine")

    async def waits():
        await asyncio.sleep(0)

    for _ in range(1000):
        stage.start(handler)
    await stage.turns()
    assert (len(stage.ended), len(made)) == (1000, 1)
    for _ in range(2):
        stage.start(waits)
        stage.start(handler)
    await stage.until_ended(1004)
    assert len(made) == 3
    stage.tasks.unbind()


async def test_a_servers_events_share_a_worker(made, serve):
    sio, core = serve()

    @sio.on("say")
    async def say(sid, text):
        await sio.emit("said", text, to=sid)
        await sio.enter_room(sid, "talkers")
        return text

    sio.on("plain", lambda sid, number: number)
    sid = core.connect()
    await until(lambda: core.of("accept"))
    for number in range(500):
        core.event(sid, b'["say","x"]', 2 * number)
        core.event(sid, b'["plain",1]', 2 * number + 1)
    await until(lambda: len(core.of("ack")) == 1000)
    assert [call[1] for call in core.of("ack")] == list(range(1000))
    assert len(made) == 1


async def test_event_in_a_running_task_begins_before_later_ones():
    stage, order = Stage("worker"), []

    def handler(name):
        async def handle():
            order.append(name)

        return handle

    # Its turn comes before that of a task which is created after it.
    stage.loop.call_soon(stage.events.start, "b", stage.item(handler("later"), "b"))
    stage.events.start("a", stage.item(handler("first")))
    await stage.until_ended(2)
    assert order == ["first", "later"]
    stage.tasks.unbind()


async def test_event_in_a_running_task_gets_its_own():
    stage = Stage("worker")
    tasks = []

    async def handler():
        tasks.append(asyncio.current_task())

    stage.events.start("a", stage.item(handler))
    await stage.turns()
    assert stage.ended == [("a", "done")]
    assert tasks != [asyncio.current_task()]
    stage.tasks.unbind()


async def test_worker_that_got_no_event_ends_silently():
    stage = Stage("worker")

    async def handler():
        pass

    stage.events.start("a", stage.item(handler))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stage.tasks.unbind()
        await stage.turns()
        gc.collect()
    assert not caught


async def test_task_factory_sees_every_event():
    stage = Stage("worker")
    made = []

    def factory(loop, coroutine, **options):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def handler():
        await asyncio.sleep(0)

    stage.loop.set_task_factory(factory)
    stage.start(handler)
    stage.start(handler)
    await stage.until_ended(2)
    stage.loop.set_task_factory(None)
    assert len(made) == 2
    assert stage.tasks._in_flight == {}


@pytest.mark.parametrize("waits", [False, True])
def test_loop_ends_while_a_worker_is_there(waits, caplog):
    ended = []

    async def handler():
        if waits:
            await asyncio.sleep(60)

    async def main():
        stage = Stage("worker")
        stage.ended = ended
        stage.start(handler)
        await stage.turns()

    # It cancels every task, and waits for the end of each.
    asyncio.run(main(), debug=True)
    assert ended == [("a", "cancelled" if waits else "done")]
    assert not caplog.records


@pytest.mark.parametrize("waits", [False, True])
def test_only_an_event_is_missed_when_the_loop_just_stops(waits, caplog):
    async def handler():
        if waits:
            await loop.create_future()

    async def main():
        stage = Stage("worker")
        stage.start(handler)
        await stage.turns()

    loop = asyncio.new_event_loop()
    with caplog.at_level(logging.ERROR):
        loop.run_until_complete(main())
        loop.close()
        gc.collect()
    assert ("destroyed but it is pending" in caplog.text) is waits


async def test_keyboard_interrupt_reaches_the_loop():
    stage, errors = Stage("worker"), []
    worker = Worker(stage.loop, stage.events._serve)
    task = worker.task
    await stage.turns()

    async def handler():
        raise KeyboardInterrupt

    def call():
        try:
            worker.run(stage.item(handler))
        except KeyboardInterrupt as error:
            errors.append(error)

    stage.loop.call_soon(call)
    await stage.turns()
    assert len(errors) == 1
    assert isinstance(task.exception(), KeyboardInterrupt)


async def test_handler_that_has_waited_gets_tasks_of_its_own_for_a_while():
    stage, kinds = Stage("worker"), []
    waits = [True] + [False] * 40

    async def handle():
        kinds.append(type(asyncio.current_task()) is asyncio.Task)
        if waits.pop(0):
            await asyncio.sleep(0)

    handler = Handler(handle)
    for number in range(41):
        stage.loop.call_soon(stage.events.start, number, (handler, (), number, 0, 1, number, "/"))
        await stage.turns()
    assert kinds == [False] + [True] * 16 + [False] * 24
    assert stage.ended == [(number, "done") for number in range(41)]
    stage.tasks.unbind()
