"""Connect and disconnect: who is accepted, what the refused get, what is left behind."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest
from fake_core import settle, until

import fanio


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


async def test_client_that_leaves_meanwhile_is_forgotten_without_disconnect_handler(serve):
    sio, core = serve()
    go, gone = asyncio.Event(), []

    @sio.event
    async def connect(sid, environ):
        await sio.save_session(sid, {"a": 1})
        await go.wait()

    sio.on("disconnect", lambda sid: gone.append(sid))
    sid = core.connect()
    await settle()
    core.drop(sid)
    await settle()
    assert core.forgotten == []
    go.set()
    await until(lambda: core.forgotten == [sid])
    assert (gone, core.of("accept"), core.of("refuse")) == ([], [], [])
    assert sio._lifecycle.sessions == {}


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


async def test_disconnect_returns_when_the_server_stops_meanwhile(serve, monkeypatch):
    sio, core = serve()
    sid = await joined(core)
    monkeypatch.setattr(core, "drop", lambda *_: None)
    call = asyncio.ensure_future(sio.disconnect(sid))
    await settle()
    assert not call.done()
    monkeypatch.undo()
    sio._serving._end()
    await asyncio.wait_for(call, 5)
