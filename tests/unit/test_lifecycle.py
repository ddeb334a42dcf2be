"""Connect and disconnect: acceptance, refusal, and that nothing remains."""

from __future__ import annotations

import asyncio
import contextvars
import json
import logging

import pytest
from fake_core import FakeCore, settle, until

import fanio
from fanio import _core
from fanio._tasks.read_pauses import MAX_IN_FLIGHT


async def joined(core, **options):
    sid = core.connect(**options)
    await until(lambda: core.of("accept") or core.of("refuse"))
    return sid


def refusal(core):
    (_, payload) = core.of("refuse")[0]
    return json.loads(payload)


async def test_accept_carries_the_sid(serve):
    _, core = serve()
    sid = await joined(core)
    assert core.of("accept") == [(sid, b'{"sid":"%s"}' % sid.encode())]


@pytest.mark.parametrize(
    ("options", "namespace", "accepted"),
    [
        ({}, "/", True),
        ({}, "/x", False),
        ({"namespaces": ["/x"]}, "/x", True),
        ({"namespaces": ["/x"]}, "/", False),
        ({"namespaces": "*"}, "/any", True),
        ({"namespaces": ["*"]}, "/any", False),
    ],
)
async def test_listed_namespaces_are_accepted(serve, options, namespace, accepted):
    _, core = serve(**options)
    await joined(core, namespace=namespace)
    assert bool(core.of("accept")) is accepted
    if not accepted:
        assert refusal(core) == {"message": "Invalid namespace"}


@pytest.mark.parametrize(("event", "namespace"), [("any", "/x"), ("*", "/x"), ("any", "*"), ("*", "*")])
async def test_a_handler_makes_its_namespace_known(serve, event, namespace):
    sio, core = serve()
    sio.on(event, lambda *_: None, namespace=namespace)
    await joined(core, namespace="/x")
    assert core.of("accept")


@pytest.mark.parametrize(
    ("auth", "expected"), [(b"", None), (b"{}", None), (b'{"a":1}', {"a": 1}), (b'{"a":NaN}', "nan")]
)
async def test_auth_is_decoded_and_empty_is_none(serve, auth, expected):
    sio, core = serve()
    got = []
    sio.on("connect", lambda sid, environ, auth: got.append(auth))
    await joined(core, auth=auth)
    assert (got == [expected]) if expected != "nan" else set(got[0]) == {"a"}


async def test_auth_that_is_no_json_closes_without_any_handler(serve):
    sio, core = serve()
    called = []
    sio.on("connect", lambda *args: called.append(args))
    sio.on("disconnect", lambda *args: called.append(args))
    sid = core.connect(auth=b"{")
    await until(lambda: core.of("close"))
    core.drop(sid, "parse error")
    await until(lambda: core.forgotten == [sid])
    assert core.of("close") == [("session1", "parse error")]
    assert called == []
    assert sio._lifecycle.clients == 0


@pytest.mark.parametrize("kind", ["plain", "async"])
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (False, {"message": "Connection rejected by server"}),
        (fanio.ConnectionRefusedError("no", {"a": 1}), {"message": "no", "data": {"a": 1}}),
        (fanio.ConnectionRefusedError("no", b"x"), {"message": "no"}),
        (ConnectionRefusedError("hidden"), {"message": "Connection refused by server"}),
        (ValueError("secret"), {"message": "Internal server error"}),
        (TypeError("secret"), {"message": "Internal server error"}),
        (None, None),
        (0, None),
        ("", None),
    ],
)
async def test_outcomes_of_a_connect_handler(serve, kind, outcome, expected):
    sio, core = serve()
    calls = []

    def plain(sid, environ):
        calls.append(sid)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def coroutine(sid, environ):
        await asyncio.sleep(0)
        return plain(sid, environ)

    sio.on("connect", plain if kind == "plain" else coroutine)
    sid = await joined(core, auth=b'{"a":1}')
    assert calls == [sid]
    if expected is None:
        assert core.of("accept")
        return
    assert refusal(core) == expected
    assert sio._lifecycle.clients == 0
    assert sid not in core.sockets


async def test_other_exceptions_are_logged_with_traceback(serve, caplog):
    sio, core = serve(logger=logging.getLogger("test"))
    sio.on("connect", lambda sid, environ: 1 / 0)
    await joined(core)
    (record,) = caplog.records
    assert record.exc_info[0] is ZeroDivisionError
    assert "[/]" in record.getMessage()


async def test_accept_waits_for_the_handler(serve):
    sio, core = serve()
    go = asyncio.Event()

    @sio.event
    async def connect(sid, environ):
        await go.wait()

    core.connect()
    await settle()
    assert not core.of("accept")
    go.set()
    await until(lambda: core.of("accept"))


def tables(sio):
    """What a server keeps of its clients."""
    lifecycle, tasks, environs = sio._lifecycle, sio._tasks, sio._environs
    return {
        "clients": lifecycle.clients,
        "pending connects": lifecycle._pending,
        "rejected auth": lifecycle._rejected_auth,
        "sessions": lifecycle.sessions,
        "waiting": lifecycle.waiting._queues,
        "running": lifecycle.running,
        "disconnect waiters": lifecycle._disconnect_waiters,
        "in flight": tasks._in_flight,
        "ahead": (tasks._read_pauses._clients, tasks._read_pauses._paused),
        "environs": (environs._kept, environs._owners),
        "acks": len(sio._acks),
    }


def is_empty(sio):
    """Whether nothing is kept."""
    return not any(any(value) if isinstance(value, tuple) else value for value in tables(sio).values())


@pytest.mark.parametrize("serial", [False, True])
@pytest.mark.parametrize("always_connect", [False, True])
@pytest.mark.parametrize("outcome", ["accepts", "refuses", "raises", "is cancelled"])
async def test_client_that_leaves_meanwhile_gets_a_disconnect_handler_unless_it_is_refused(
    serve, outcome, always_connect, serial
):
    sio, core = serve(always_connect=always_connect, async_handlers=not serial, logger=logging.getLogger("test"))
    go, steps = asyncio.Event(), []

    @sio.event
    async def connect(sid, environ):
        environ["mine"] = sid
        await sio.save_session(sid, {"a": 1})
        await go.wait()
        steps.append("connect")
        await sio.enter_room(sid, "r")
        await sio.emit("x", to=sid)
        async with sio.session(sid) as session:
            session["b"] = 2
        if outcome == "raises":
            raise ValueError
        if outcome == "is cancelled":
            asyncio.current_task().cancel()
            await asyncio.sleep(0)
        return outcome == "accepts"

    @sio.event
    async def disconnect(sid, reason):
        steps.append((reason, await sio.get_session(sid), sio.rooms(sid), sio.get_environ(sid)["mine"] == sid))
        await asyncio.sleep(0)
        assert core.forgotten == []

    sid = core.connect()
    await settle()
    core.drop(sid)
    await settle()
    assert core.forgotten == []
    go.set()
    await until(lambda: core.forgotten == [sid] and is_empty(sio))
    gone = ("transport close", {"a": 1, "b": 2}, [sid, "r"], True)
    assert steps == ["connect", gone] if outcome == "accepts" else ["connect"]


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_refused_client_that_has_left_in_the_same_batch_gets_no_disconnect_handler(serve, kind):
    sio, core = serve()
    gone = []

    async def coroutine(sid, environ):
        return False

    sio.on("connect", coroutine if kind == "async" else lambda sid, environ: False)
    sio.on("disconnect", lambda sid: gone.append(sid))
    sid = core.connect()
    core.drop(sid)
    await until(lambda: core.forgotten == [sid])
    await settle()
    assert (gone, core.forgotten, is_empty(sio)) == ([], [sid], True)


async def test_client_that_comes_and_goes_is_handled_in_its_order(serve):
    sio, core = serve()
    steps = []
    sio.on("e", lambda sid, n: steps.append((sid, n)))

    @sio.event
    async def connect(sid, environ):
        steps.append((sid, "connecting"))
        await asyncio.sleep(0)
        steps.append((sid, "connected"))

    @sio.event
    async def disconnect(sid, reason):
        steps.append((sid, "leaving"))
        await asyncio.sleep(0)
        steps.append((sid, "gone"))

    expected = []
    for _ in range(3):
        sid = core.connect(session="s")
        core.event(sid, b'["e",1]')
        core.event(sid, b'["e",2]')
        core.drop(sid)
        expected += [(sid, step) for step in ("connecting", "connected", 1, 2, "leaving", "gone")]
    await until(lambda: len(core.forgotten) == 3)
    await until(lambda: is_empty(sio))
    assert steps == expected
    assert len(core.of("accept")) == 3


async def test_events_wait_for_the_connect_handler_with_always_connect_too(serve):
    sio, core = serve(always_connect=True)
    steps, go = [], asyncio.Event()
    sio.on("e", lambda sid, n: steps.append(n))

    @sio.event
    async def connect(sid, environ):
        await go.wait()
        steps.append("connected")

    sid = await joined(core)
    core.event(sid, b'["e",1]')
    await settle()
    go.set()
    core.event(sid, b'["e",2]')
    await until(lambda: len(steps) == 3)
    core.event(sid, b'["e",3]')
    await until(lambda: len(steps) == 4)
    assert steps == ["connected", 1, 2, 3]
    assert core.held == set()


async def test_call_inside_a_connect_handler_ends_when_the_client_leaves(serve):
    sio, core = serve(always_connect=True)
    steps = []

    @sio.event
    async def connect(sid, environ):
        for _ in range(2):
            with pytest.raises(fanio.exceptions.TimeoutError):
                await sio.call("question", to=sid, timeout=None)
            steps.append("no answer")

    sio.on("disconnect", lambda sid, reason: steps.append(reason))
    sid = await joined(core)
    await until(lambda: len(sio._acks))
    core.drop(sid)
    await until(lambda: core.forgotten == [sid] and is_empty(sio))
    assert steps == ["no answer", "no answer", "transport close"]


async def test_acknowledgements_do_not_wait_for_the_connect_handler(serve):
    sio, core = serve(always_connect=True)
    answers = []

    @sio.event
    async def connect(sid, environ):
        answers.append(await sio.call("question", to=sid, timeout=5))

    sid = await joined(core)
    await until(lambda: len(sio._acks))
    core.event(sid, b'["e"]')
    core.answer(sid, b"[7]", 1)
    await until(lambda: answers == [7])


async def test_what_has_waited_runs_outside_the_context_of_the_connect_handler(serve):
    sio, core = serve()
    variable = contextvars.ContextVar("variable", default="none")
    found = []
    sio.on("e", lambda sid: found.append(variable.get()))

    @sio.event
    async def connect(sid, environ):
        variable.set("connect")
        await asyncio.sleep(0)

    sid = core.connect()
    core.event(sid, b'["e"]')
    await until(lambda: found)
    assert found == ["none"]


async def test_a_connection_with_too_much_that_waits_is_not_read(serve):
    sio, core = serve()
    go, count = asyncio.Event(), 0

    @sio.event
    async def connect(sid, environ):
        await go.wait()

    @sio.event
    def e(sid):
        nonlocal count
        count += 1

    sid = core.connect(session="s")
    for _ in range(MAX_IN_FLIGHT):
        core.event(sid, b'["e"]')
    await settle()
    assert core.of("pause") == []
    core.event(sid, b'["e"]')
    await until(lambda: core.of("pause") == [("s",)])
    go.set()
    await until(lambda: count == MAX_IN_FLIGHT + 1)
    assert core.of("resume") == [("s",)]
    assert tables(sio)["in flight"] == {}


@pytest.mark.parametrize("left", [False, True])
async def test_client_disconnected_while_its_connect_handler_runs_gets_a_disconnect_handler(serve, left):
    sio, core = serve()
    go, gone = asyncio.Event(), []

    @sio.event
    async def connect(sid, environ):
        await sio.enter_room(sid, "r")
        await go.wait()

    @sio.event
    async def disconnect(sid, reason):
        gone.append((reason, sio.rooms(sid)))

    sid = core.connect()
    await settle()
    await sio.disconnect(sid)
    if left:
        core.drop(sid)
        await settle()
    go.set()
    await until(lambda: core.forgotten == [sid] and is_empty(sio))
    assert gone == [("server disconnect", [sid, "r"])]
    assert refusal(core) == {"message": "Connection rejected by server"}


async def test_connect_handler_is_followed_by_its_disconnect_handler_at_shutdown(serve):
    sio, core = serve()
    steps = []

    @sio.event
    async def connect(sid, environ):
        await asyncio.sleep(0.05)
        steps.append("connect")

    @sio.event
    async def disconnect(sid, reason):
        await asyncio.sleep(0.02)
        steps.append(reason)

    core.connect()
    await settle()
    await sio.shutdown()
    assert steps == ["connect", "server shutdown"]
    assert is_empty(sio)


async def test_shutdown_inside_a_connect_handler_returns(serve):
    sio, core = serve()
    steps = []

    @sio.event
    async def connect(sid, environ):
        await sio.shutdown()
        steps.append("connect")

    sio.on("disconnect", lambda sid, reason: steps.append(reason))
    core.connect()
    await until(lambda: is_empty(sio) and steps)
    assert steps == ["connect", "server shutdown"]


async def test_always_connect_accepts_first(serve):
    sio, core = serve(always_connect=True)
    states = []
    sio.on("connect", lambda sid, environ: states.append(core.state(sid)))
    await joined(core)
    assert states == ["connected"]


async def test_always_connect_refusal_disconnects_without_disconnect_handler(serve):
    sio, core = serve(always_connect=True)
    gone = []
    sio.on("connect", lambda sid, environ: False)
    sio.on("disconnect", lambda sid: gone.append(sid))
    sid = await joined(core)
    await until(lambda: core.forgotten == [sid])
    assert core.of("disconnect") == [(sid, "/")]
    assert gone == []


async def test_who_watches_hears_that_a_client_was_accepted_and_refused_afterwards(serve):
    sio, core = serve(always_connect=True)
    heard = []

    class Watcher:
        def connected(self, sid, namespace, session_id):
            heard.append(("connected", sid, namespace))

        def disconnected(self, sid, namespace, reason):
            heard.append(("disconnected", sid, namespace, reason))

    sio._lifecycle.observer = Watcher()
    sio.on("connect", lambda sid, environ: False)
    sid = await joined(core)
    await until(lambda: core.forgotten == [sid])
    assert heard == [("connected", sid, "/"), ("disconnected", sid, "/", "server disconnect")]


async def test_always_connect_disconnect_handler_follows_the_connect_handler(serve):
    sio, core = serve(always_connect=True)
    go, order = asyncio.Event(), []

    @sio.event
    async def connect(sid, environ):
        await go.wait()
        order.append("connected")

    sio.on("disconnect", lambda sid, reason: order.append(reason))
    sid = await joined(core)
    core.drop(sid)
    await settle()
    go.set()
    await until(lambda: core.forgotten)
    assert order == ["connected", "transport close"]


async def test_disconnect_inside_the_connect_handler_refuses(serve):
    sio, core = serve()

    @sio.event
    async def connect(sid, environ):
        await sio.disconnect(sid)

    await joined(core)
    assert refusal(core) == {"message": "Connection rejected by server"}
    assert core.of("accept") == []


@pytest.mark.parametrize("kind", ["plain", "async"])
async def test_disconnect_handler_sees_rooms_and_session_then_all_is_forgotten(serve, kind):
    sio, core = serve()
    seen = []

    async def coroutine(sid, reason):
        seen.append((reason, sio.rooms(sid), await sio.get_session(sid), core.forgotten[:]))

    def plain(sid, reason):
        seen.append((reason, sio.rooms(sid), sio._lifecycle.sessions[sid], core.forgotten[:]))

    sio.on("disconnect", plain if kind == "plain" else coroutine)
    sid = await joined(core)
    await sio.enter_room(sid, "r")
    await sio.save_session(sid, {"a": 1})
    core.drop(sid, "ping timeout")
    await until(lambda: core.forgotten)
    assert seen == [("ping timeout", [sid, "r"], {"a": 1}, [])]
    with pytest.raises(KeyError):
        await sio.get_session(sid)


async def test_disconnect_handler_with_one_argument_gets_one(serve):
    sio, core = serve()
    gone = []
    sio.on("disconnect", lambda sid: gone.append(sid))
    sid = await joined(core)
    core.drop(sid)
    await until(lambda: gone == [sid])


async def test_disconnect_handler_that_raises_is_logged_and_the_client_forgotten(serve, caplog):
    sio, core = serve(logger=logging.getLogger("test"))

    @sio.event
    async def disconnect(sid):
        raise ValueError

    sid = await joined(core)
    core.drop(sid)
    await until(lambda: core.forgotten == [sid])
    assert len(caplog.records) == 1


async def test_legacy_connect_handler_works_with_auth_and_runs_once(serve):
    sio, core = serve()
    calls = []

    @sio.event
    def connect(sid, environ):
        calls.append(sid)
        raise TypeError("from inside the handler")

    await joined(core, auth=b'{"token":1}')
    assert len(calls) == 1


@pytest.mark.parametrize("serial", [False, True])
async def test_disconnect_returns_when_the_handler_has_run(serve, serial):
    sio, core = serve(async_handlers=not serial)
    steps = []

    @sio.event
    async def disconnect(sid, reason):
        await asyncio.sleep(0)
        steps.append(reason)

    @sio.event
    async def bye(sid):
        await sio.disconnect(sid)
        steps.append("returned")

    sid = await joined(core)
    core.event(sid, b'["bye"]')
    await until(lambda: len(steps) == 2)
    assert steps == ["server disconnect", "returned"]


async def test_disconnect_inside_an_event_handler_returns_when_the_client_leaves_in_the_same_moment(serve, monkeypatch):
    sio, core = serve(async_handlers=False)
    steps = []
    sio.on("disconnect", lambda sid, reason: steps.append(reason))

    @sio.event
    async def bye(sid):
        # The shard has the client's own end before it.
        monkeypatch.setattr(core, "drop", lambda sid, _: FakeCore.drop(core, sid, "transport close"))
        await sio.disconnect(sid)
        steps.append("returned")

    @sio.event
    async def late(sid):
        steps.append("late")

    sid = await joined(core)
    core.event(sid, b'["bye"]')
    core.event(sid, b'["late"]')
    await until(lambda: len(steps) == 2)
    await until(lambda: is_empty(sio))
    assert steps == ["transport close", "returned"]


async def test_disconnect_handler_follows_an_event_handler_that_cancels_itself(serve):
    sio, core = serve(async_handlers=False)
    steps = []
    sio.on("disconnect", lambda sid, reason: steps.append(reason))
    sio.on("next", lambda sid: steps.append("next"))

    @sio.event
    async def cancels(sid):
        await asyncio.sleep(0)
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    sid = await joined(core)
    core.event(sid, b'["cancels"]')
    core.event(sid, b'["next"]')
    core.drop(sid)
    await until(lambda: len(steps) == 2)
    await until(lambda: is_empty(sio))
    assert steps == ["next", "transport close"]


@pytest.mark.parametrize("always_connect", [False, True])
async def test_events_behind_a_refused_connect_reach_no_handler(serve, always_connect):
    sio, core = serve(always_connect=always_connect)
    called = []
    sio.on("e", lambda *args: called.append(args))
    sio.on("disconnect", lambda *args: called.append(args))

    @sio.event
    async def connect(sid, environ):
        await asyncio.sleep(0)
        return False

    sid = core.connect()
    core.event(sid, b'["e"]')
    core.drop(sid)
    await until(lambda: is_empty(sio) and core.forgotten)
    await settle()
    assert called == []


@pytest.mark.parametrize("error", [asyncio.CancelledError, KeyboardInterrupt, SystemExit, ValueError])
async def test_plain_connect_handler_that_raises_anything_refuses(serve, error):
    sio, core = serve(logger=logging.getLogger("test"))
    escaped = []

    def connect(sid, environ):
        raise error

    sio.on("connect", connect)
    handle = sio._runner._receivers[_core.CONNECT]

    def watch(*event):
        try:
            handle(*event)
        except BaseException as error:
            escaped.append(type(error))

    sio._runner._receivers[_core.CONNECT] = watch
    await joined(core)
    assert refusal(core) == {"message": "Internal server error"}
    assert escaped == ([error] if error in (KeyboardInterrupt, SystemExit) else [])
    assert is_empty(sio)


async def test_disconnect_of_a_refused_client_returns(serve):
    """With `always_connect` the client is refused after it was accepted: no disconnect handler will run."""
    sio, core = serve(always_connect=True)
    calls = []

    @sio.event
    async def connect(sid, environ):
        calls.append(asyncio.ensure_future(sio.disconnect(sid)))
        await asyncio.sleep(0)
        return False

    sid = await joined(core)
    await until(lambda: calls)
    await asyncio.wait_for(calls[0], 5)
    await until(lambda: core.forgotten == [sid])


async def test_disconnect_on_another_loop_does_not_wait_for_the_handler(serve):
    sio, core = serve()
    gone = []
    sio.on("disconnect", lambda sid, reason: gone.append(reason))
    sid = await joined(core)
    await asyncio.wait_for(asyncio.to_thread(asyncio.run, sio.disconnect(sid)), 5)
    await until(lambda: core.forgotten == [sid])
    assert gone == ["server disconnect"]


async def test_disconnect_returns_when_the_server_stops_meanwhile(serve, monkeypatch):
    sio, core = serve()
    sid = await joined(core)
    monkeypatch.setattr(core, "drop", lambda *_: None)
    call = asyncio.ensure_future(sio.disconnect(sid))
    await settle()
    assert not call.done()
    monkeypatch.undo()
    sio._runner._end()
    await asyncio.wait_for(call, 5)
