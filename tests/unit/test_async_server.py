"""The public API on a fake core: emits, calls, rooms, sessions, life."""

from __future__ import annotations

import asyncio
import inspect
import logging
import re
import threading

import pytest
import socketio
from fake_core import FakeCore, settle, until

import fanio
from fanio import _core, exceptions


async def joined(core, count=1, namespace="/"):
    before = len(core.of("accept"))
    sids = [core.connect(namespace) for _ in range(count)]
    await until(lambda: len(core.of("accept")) == before + count)
    return sids if count > 1 else sids[0]


@pytest.mark.parametrize("kind", ["AsyncServer", "AsyncNamespace"])
def test_methods_take_what_python_socketio_takes(kind):
    ours, theirs = getattr(fanio, kind), getattr(socketio, kind)
    names = [
        "on",
        "event",
        "emit",
        "send",
        "call",
        "enter_room",
        "leave_room",
        "close_room",
        "rooms",
        "get_session",
        "save_session",
        "session",
        "disconnect",
        "transport",
        "get_environ",
        "sleep",
        "shutdown",
        "start_background_task",
        "register_namespace",
        "handle_request",
    ]
    for name in names:
        if not hasattr(theirs, name):
            continue
        mine, other = inspect.signature(getattr(ours, name)), inspect.signature(getattr(theirs, name))
        if name in ("event", "handle_request", "start_background_task"):
            continue
        expected = [(p.name, p.default) for p in other.parameters.values()]
        # What we add can only be named, so that no call changes its meaning.
        added = [p for p in mine.parameters.values() if p.kind == p.KEYWORD_ONLY]
        assert [(p.name, p.default) for p in mine.parameters.values() if p not in added] == expected, name
        theirs_waits = inspect.iscoroutinefunction(getattr(theirs, name))
        assert inspect.iscoroutinefunction(getattr(ours, name)) is theirs_waits, name


def test_constructor_takes_what_python_socketio_takes():
    expected = list(inspect.signature(socketio.AsyncServer.__init__).parameters)
    assert list(inspect.signature(fanio.AsyncServer.__init__).parameters) == expected


def test_nothing_starts_at_construction(fake):
    sio = fanio.AsyncServer()
    assert sio._core.calls == []
    sio.emit_nowait("e", 1)
    assert sio.rooms("nobody") == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, b'["e"]'),
        ((), b'["e"]'),
        ((1, "a"), b'["e",1,"a"]'),
        ([1, 2], b'["e",[1,2]]'),
        (0, b'["e",0]'),
        ("", b'["e",""]'),
        ((None,), b'["e",null]'),
    ],
)
async def test_data_becomes_arguments(serve, data, expected):
    sio, core = serve()
    await joined(core)
    await sio.emit("e", data)
    assert core.of("emit") == [("/", expected, None, None, None, None, None, False, None, True)]


@pytest.mark.parametrize(
    ("options", "to", "skip"),
    [
        ({}, None, None),
        ({"to": "a"}, ["a"], None),
        ({"room": "a"}, ["a"], None),
        ({"to": "a", "room": "b"}, ["a"], None),
        ({"to": ["a", "b"]}, ["a", "b"], None),
        ({"to": []}, [], None),
        ({"to": ""}, [""], None),
        ({"to": 0}, ["\x00i0"], None),
        ({"room": ("a", 1)}, ["a", "\x00i1"], None),
        ({"skip_sid": "x"}, None, ["x"]),
        ({"skip_sid": ["x", "y"]}, None, ["x", "y"]),
        ({"skip_sid": ("x",)}, None, ["x"]),
        ({"skip_sid": {"x"}}, None, ["x"]),
    ],
)
async def test_recipients(serve, options, to, skip):
    sio, core = serve()
    await joined(core)
    await sio.emit("e", **options)
    assert [call[3:5] for call in core.of("emit")] == [(to, skip)]


@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({"except_room": "a"}, (["a"], False, None, True)),
        ({"except_room": ["a", 1]}, (["a", "\x00i1"], False, None, True)),
        ({"volatile": True}, (None, True, None, True)),
        ({"conflate": "price"}, (None, False, "price", True)),
        ({"compress": False}, (None, False, None, False)),
    ],
)
async def test_flags_reach_the_core(serve, options, flags):
    sio, core = serve()
    await joined(core)
    await sio.emit("e", **options)
    await sio.send("hi", **options)
    assert [call[6:] for call in core.of("emit")] == [flags, flags]


async def test_callback_expects_no_answer_of_excepted_rooms(serve):
    sio, core = serve()
    here = await joined(core)
    there = await joined(core)
    await sio.enter_room(there, "a")
    answers = []
    await sio.emit("e", callback=answers.append, except_room="a")
    number = core.of("emit")[0][5]
    core.answer(there, b"[1]", number)
    core.answer(here, b"[2]", number)
    await until(lambda: answers)
    assert answers == [2]


async def test_emit_waits_for_room_and_emit_nowait_refuses_to(serve):
    sio, core = serve()
    await joined(core)
    core.full = True
    emits = [asyncio.ensure_future(emit) for emit in (sio.emit("a"), sio.send("b"), sio.manager.emit("c", 1, "/"))]
    await until(lambda: len(core.of("emit")) == 3)
    assert not any(emit.done() for emit in emits)
    with pytest.raises(asyncio.QueueFull, match="more than max_inbox_bytes wait"):
        sio.emit_nowait("d")
    thread = asyncio.ensure_future(asyncio.to_thread(sio.emit_nowait, "e"))
    core.full = False
    await asyncio.gather(*emits, thread)
    assert [call[1] for call in core.of("emit")] == [b'["a"]', b'["message","b"]', b'["c",1]', b'["e"]']


async def test_send_emits_message(serve):
    sio, core = serve()
    await joined(core, namespace="/")
    await sio.send("hi", namespace="/x")
    assert core.of("emit")[0][:2] == ("/x", b'["message","hi"]')


FAULTS = [
    (("e", object()), {}, TypeError, "argument 1 cannot be sent: <object"),
    (("e", (1, {"a": [{1}]})), {}, TypeError, r"argument 2['a'][0] cannot be sent: {1}: "),
    (("e", [b""] * 11), {}, ValueError, "argument 1 cannot be sent: [b'', "),
    ((5,), {}, ValueError, "got 5"),
    (("disconnect",), {}, ValueError, "'disconnect' is a reserved event name"),
    (("e", 1), {"to": object()}, TypeError, "got <object object"),
    (("e", 1), {"to": ["room", object]}, TypeError, "got <class 'object'>"),
    (("e", 1), {"to": [["room"]]}, TypeError, "unhashable"),
    (("e", 1), {"except_room": object()}, TypeError, "got <object object"),
    (("e", 1), {"skip_sid": 5}, TypeError, "skip_sid: expected"),
    (("e", 1), {"skip_sid": [5]}, TypeError, "skip_sid: expected"),
    (("e", 1), {"callback": 5}, TypeError, "callback: expected a function, got 5"),
    (("e", 1), {"conflate": 5}, TypeError, "conflate: expected"),
    (("e", 1), {"namespace": "chat"}, ValueError, "did you mean '/chat'?"),
    (("e", 1), {"namespace": "*"}, ValueError, "got '*'"),
    (("e", 1), {"namespace": 5}, TypeError, "got 5"),
]


@pytest.mark.parametrize("is_somebody_there", [False, True])
@pytest.mark.parametrize(("args", "options", "exception", "message"), FAULTS)
async def test_what_cannot_be_emitted_raises_at_once_and_says_what_is_wrong(
    serve, is_somebody_there, args, options, exception, message
):
    sio, core = serve()
    if is_somebody_there:
        await joined(core)
    for emit in (sio.emit, sio.emit_nowait):
        with pytest.raises(exception, match=re.escape(message)):
            await (emit(*args, **options) or asyncio.sleep(0))
    assert core.of("emit") == []


async def test_a_call_of_what_cannot_be_sent_raises_at_once(serve):
    sio, core = serve()
    for sid in ("gone", await joined(core)):
        with pytest.raises(TypeError, match="argument 1 cannot be sent"):
            await sio.call("e", object(), to=sid)
        with pytest.raises(ValueError, match="reserved"):
            await sio.call("connect", to=sid)
    assert len(sio._acks) == 0


async def test_an_emit_that_raises_expects_no_acknowledgement(serve):
    sio, core = serve()
    await joined(core, 2)
    with pytest.raises(TypeError):
        await sio.emit("e", object(), callback=print)
    assert len(sio._acks) == 0


async def test_an_object_that_somebody_entered_is_a_room(serve):
    sio, core = serve()
    room = object()
    await sio.enter_room(await joined(core), room)
    await sio.emit("e", to=room)
    assert len(core.of("emit")) == 1


async def test_emit_nowait_from_a_thread_keeps_its_order(serve):
    sio, core = serve()
    await joined(core)
    thread = threading.Thread(target=lambda: [sio.emit_nowait("e", number) for number in range(100)])
    thread.start()
    await asyncio.to_thread(thread.join)
    assert [call[1] for call in core.of("emit")] == [b'["e",%d]' % number for number in range(100)]


async def test_the_shards_are_woken_when_the_core_asks_for_it(serve, monkeypatch):
    sio, core = serve()
    sio.on("e", lambda sid: 1)
    sid = await joined(core)
    monkeypatch.setattr(core, "emit", lambda *_: True, raising=False)
    await settle()
    before = len(core.of("flush"))
    await sio.emit("e")
    assert len(core.of("flush")) == before
    await until(lambda: len(core.of("flush")) == before + 1)
    monkeypatch.setattr(core, "ack", lambda *_: True, raising=False)
    core.event(sid, b'["e"]', 1)
    # Behind the batch, and again because the core asked for it.
    await until(lambda: len(core.of("flush")) == before + 3)


async def test_callback_is_one_emit_and_answered_by_each(serve):
    sio, core = serve()
    first, second, third = await joined(core, 3)
    got = []
    await sio.emit("q", skip_sid=third, callback=lambda *args: got.append(args))
    (call,) = core.of("emit")
    for sid in (first, second, third):
        core.answer(sid, b'["%s"]' % sid.encode(), call[5])
    await settle()
    assert got == [(first,), (second,)]
    assert len(sio._acks) == 0


async def test_pending_acknowledgements_end_with_their_client(serve):
    sio, core = serve()
    sid = await joined(core)
    await sio.emit("q", callback=print)
    assert len(sio._acks) == 1
    core.drop(sid)
    await until(lambda: core.forgotten)
    await sio.emit("q", to=sid, callback=print)
    assert len(sio._acks) == 0


async def test_callback_of_a_client_that_is_still_connecting(serve):
    sio, core = serve()
    got = []

    @sio.event
    async def connect(sid, environ):
        await sio.emit("q", to=sid, callback=lambda *args: got.append(args))

    sid = await joined(core)
    core.answer(sid, b"[1]", core.of("emit")[0][5])
    await until(lambda: got == [(1,)])


@pytest.mark.parametrize(("answer", "expected"), [(b"[]", None), (b"[1]", 1), (b"[[1]]", [1]), (b"[1,2]", (1, 2))])
async def test_call_returns_the_answer(serve, answer, expected):
    sio, core = serve()
    sid = await joined(core)
    call = asyncio.ensure_future(sio.call("q", 1, to=sid))
    await until(lambda: core.of("emit"))
    core.answer(sid, answer, core.of("emit")[0][5])
    assert await call == expected


async def test_call_times_out_and_leaves_nothing(serve):
    sio, core = serve()
    sid = await joined(core)
    with pytest.raises(exceptions.TimeoutError):
        await sio.call("q", sid=sid, timeout=0.001)
    assert len(sio._acks) == 0


async def test_call_ends_when_the_client_is_gone(serve):
    sio, core = serve()
    sid = await joined(core)
    call = asyncio.ensure_future(sio.call("q", to=sid, timeout=None))
    await until(lambda: core.of("emit"))
    core.drop(sid)
    with pytest.raises(exceptions.TimeoutError):
        await call
    with pytest.raises(exceptions.TimeoutError):
        await sio.call("q", to=sid, timeout=None)


async def test_call_that_cannot_work_raises(serve):
    sio, _ = serve()
    with pytest.raises(ValueError, match="broadcast"):
        await sio.call("q")
    serial, _ = serve(async_handlers=False)
    with pytest.raises(RuntimeError):
        await serial.call("q", to="x")


async def test_call_to_the_client_of_this_connect_handler_raises(serve):
    sio, core = serve()
    raised = []

    @sio.event
    async def connect(sid, environ):
        try:
            await sio.call("q", to=sid)
        except RuntimeError as error:
            raised.append(error)

    await joined(core)
    assert "connect handler" in str(raised[0])


async def test_call_in_connect_handler_works_with_always_connect(serve):
    sio, core = serve(always_connect=True)
    got = []

    @sio.event
    async def connect(sid, environ):
        got.append(await sio.call("q", to=sid))

    sid = core.connect()
    await until(lambda: core.of("emit"))
    core.answer(sid, b"[1]", core.of("emit")[0][5])
    await until(lambda: got == [1])


async def test_call_from_another_loop(serve):
    sio, core = serve()
    sid = await joined(core)
    call = asyncio.ensure_future(asyncio.to_thread(asyncio.run, sio.call("q", to=sid)))
    await until(lambda: core.of("emit"))
    core.answer(sid, b"[1]", core.of("emit")[0][5])
    assert await call == 1


async def test_rooms_are_given_back_as_they_were(serve):
    sio, core = serve()
    sid = await joined(core)
    for room in ("a", 7, ("t", 1)):
        await sio.enter_room(sid, room)
    assert set(map(repr, sio.rooms(sid))) == {repr(sid), "'a'", "7", "('t', 1)"}
    await sio.leave_room(sid, 7)
    await sio.close_room(("t", 1))
    assert sio.rooms(sid) == [sid, "a"]
    with pytest.raises(KeyError):
        await sio.enter_room("nobody", "a")
    with pytest.raises(ValueError):
        await sio.enter_room(sid, "a", namespace="/other")


async def test_sessions(serve):
    sio, core = serve()
    sid = await joined(core)
    assert await sio.get_session(sid) == {}
    async with sio.session(sid) as session:
        session["a"] = 1
    assert await sio.get_session(sid) == {"a": 1}
    await sio.save_session(sid, {"b": 2})
    assert await sio.get_session(sid) == {"b": 2}
    for arguments in (("nobody",), (sid, "/other")):
        with pytest.raises(KeyError, match="Session not found"):
            await sio.get_session(*arguments)


async def test_disconnect_is_reported_and_unknown_is_ignored(serve):
    sio, core = serve()
    reasons = []
    sio.on("disconnect", lambda sid, reason: reasons.append(reason))
    sid = await joined(core)
    await sio.disconnect(sid)
    await until(lambda: core.forgotten)
    await sio.disconnect("nobody")
    assert reasons == [sio.reason.SERVER_DISCONNECT]


async def test_shutdown_closes_runs_handlers_and_stops(serve):
    sio, core = serve()
    gone = []

    @sio.event
    async def disconnect(sid, reason):
        await asyncio.sleep(0.002)
        gone.append(reason)

    await joined(core)
    await sio.shutdown()
    assert gone == ["server shutdown"]
    assert core.calls[-1] == ("stop",)
    await sio.shutdown()
    assert core.of("stop") == [()]


async def test_served_again_starts_again(serve):
    sio, core = serve()
    await sio.shutdown()
    sio._serve_on(asyncio.get_running_loop())
    await joined(core)
    assert len(core.of("start")) == 2


@pytest.mark.parametrize(("option", "level"), [(False, logging.ERROR), (True, logging.INFO)])
def test_logger_option(fake, monkeypatch, option, level):
    logger = logging.getLogger("socketio.server")
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    logger.setLevel(logging.NOTSET)
    sio = fanio.AsyncServer(logger=option)
    assert sio.logger is logger
    assert logger.level == level
    own = logging.getLogger("mine")
    assert fanio.AsyncServer(logger=own).logger is own


async def test_info_log_names_events(serve, caplog):
    caplog.set_level(logging.INFO, "mine")
    sio, core = serve(logger=logging.getLogger("mine"))
    sio.on("e", lambda sid: None)
    sid = await joined(core)
    core.event(sid, b'["e"]')
    await settle()
    await sio.emit("f", to=sid)
    text = caplog.text
    assert f'received event "e" from {sid} [/]' in text
    assert f'emitting event "f" to {sid} [/]' in text


def test_fake_core_has_the_methods_of_the_real_one():
    for name in vars(FakeCore):
        if not name.startswith("_") and name not in {
            "push",
            "connect",
            "event",
            "answer",
            "drop",
            "drain_client",
            "of",
        }:
            assert hasattr(_core.Server, name), name


@pytest.mark.parametrize("namespace", ["/", "/empty"])
async def test_exceptions_about_a_client_name_it_and_the_namespace(serve, namespace):
    sio, core = serve()
    await joined(core)
    calls = [
        lambda: sio.enter_room("gone", "room", namespace),
        lambda: sio.get_session("gone", namespace),
        lambda: sio.save_session("gone", {}, namespace),
        lambda: sio.session("gone", namespace).__aenter__(),
        lambda: sio.transport("gone", namespace),
        lambda: sio.call("e", to="gone", namespace=namespace),
        lambda: sio.manager.enter_room("gone", namespace, "room"),
    ]
    for call in calls:
        with pytest.raises((KeyError, ValueError, exceptions.TimeoutError)) as caught:
            await call()
        assert "'gone'" in str(caught.value) and repr(namespace) in str(caught.value)


async def test_exceptions_of_the_engine_name_the_client(serve):
    sio, _ = serve()
    for call in (sio.eio.get_session, sio.eio.transport, lambda sid: sio.eio.save_session(sid, {})):
        with pytest.raises(KeyError, match="'gone'"):
            await call("gone")


async def test_a_room_that_is_another_clients_own_is_named(serve):
    sio, core = serve()
    first, second = await joined(core, 2)
    core.join = lambda *_: (_ for _ in ()).throw(ValueError)
    with pytest.raises(ValueError, match=f"{second!r} is another client's own"):
        await sio.enter_room(first, second)
    with pytest.raises(ValueError, match=f"{second!r} is a client's own and cannot be closed"):
        await sio.close_room(second)
