"""The environ of a request: python-socketio's keys, the real peer, built only when looked at."""

from __future__ import annotations

import copy

import pytest
from engineio.async_drivers.asgi import translate_request
from fake_core import HEAD, until

from fanio._request.environ import Environ, build_environ
from fanio._request.request import Request

PEER = ("192.0.2.1", 4000)


def request(extra=b"", peer=PEER, secure=False, trusted=(), line=b"GET /socket.io/?EIO=4&a=b%20c HTTP/1.1"):
    return Request(line + b"\r\nHost: a.example\r\n" + extra + b"\r\n", peer, secure, trusted)


async def test_keys_and_values_are_those_of_python_socketio():
    made = request(b"X-Two: 1\r\nx-two: 2\r\nContent-Type: text/plain\r\nCookie: a=b\r\n", peer=("127.0.0.1", 0))

    async def receive():
        return {"type": "http.request"}

    theirs = await translate_request(made.scope(), receive, None)
    ours = build_environ(made)
    assert set(ours) == set(theirs)
    skip = {"wsgi.input", "asgi.receive", "asgi.send"}
    assert {k: v for k, v in ours.items() if k not in skip} == {k: v for k, v in theirs.items() if k not in skip}
    assert await ours["wsgi.input"].read() == b""


def test_address_is_the_real_peer():
    environ = build_environ(request())
    assert (environ["REMOTE_ADDR"], environ["REMOTE_PORT"]) == (PEER[0], "4000")
    assert environ["asgi.scope"]["client"] == PEER
    assert build_environ(request(peer=None))["REMOTE_ADDR"] == ""


@pytest.mark.parametrize(
    ("trusted", "forwarded", "expected"),
    [
        ((), b"203.0.113.9", PEER[0]),
        (["192.0.2.2"], b"203.0.113.9", PEER[0]),
        (["192.0.2.1"], b"203.0.113.9", "203.0.113.9"),
        (["192.0.2.1"], b"10.9.9.9, 203.0.113.9", "203.0.113.9"),
        (["192.0.2.1", "10.0.0.1"], b"203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("*", b"203.0.113.9, 10.0.0.1", "203.0.113.9"),
        ("*", b"", PEER[0]),
    ],
)
def test_forwarded_address_counts_only_from_trusted_proxies(trusted, forwarded, expected):
    environ = build_environ(request(b"X-Forwarded-For: " + forwarded + b"\r\n", trusted=trusted))
    assert environ["REMOTE_ADDR"] == expected


@pytest.mark.parametrize(
    ("secure", "trusted", "scheme"), [(True, (), "https"), (False, (), "http"), (False, "*", "https")]
)
def test_scheme(secure, trusted, scheme):
    made = request(b"X-Forwarded-Proto: https\r\n" if not secure else b"", secure=secure, trusted=trusted)
    assert build_environ(made)["wsgi.url_scheme"] == scheme


def test_scope_of_a_websocket():
    scope = request(b"Upgrade: WebSocket\r\n", secure=True).scope()
    assert (scope["type"], scope["scheme"], scope["query_string"]) == ("websocket", "wss", b"EIO=4&a=b%20c")
    assert "method" not in scope


def test_absolute_target_and_percent_signs():
    made = request(line=b"GET http://a.example/b%20c/?x=1 HTTP/1.1")
    assert (made.path, made.query) == ("/b c/", b"x=1")


@pytest.mark.parametrize(
    "look",
    [
        lambda e: e["a"],
        lambda e: e.get("a"),
        lambda e: "a" in e,
        lambda e: list(e),
        lambda e: len(e),
        lambda e: dict(e)["a"],
        lambda e: {**e}["a"],
        lambda e: (e | {})["a"],
        lambda e: list(e.items()),
        lambda e: list(e.values()),
        lambda e: e.copy()["a"],
        lambda e: copy.copy(e)["a"],
        lambda e: e == {"a": 1},
        lambda e: "a" in repr(e),
    ],
)
def test_built_once_at_any_look_and_not_kept(look):
    built, kept = [], []

    def build():
        built.append(1)
        return {"a": 1}

    environ = Environ(build, kept.append)
    assert built == []
    assert look(environ)
    assert look(environ)
    assert built == [1]
    assert kept == []


@pytest.mark.parametrize(
    "write",
    [
        lambda e: e.__setitem__("b", 1),
        lambda e: e.update(b=1),
        lambda e: e.setdefault("b", 1),
        lambda e: e.pop("a"),
        lambda e: e.__delitem__("a"),
        lambda e: e.clear(),
        lambda e: e.popitem(),
        lambda e: e.__ior__({"b": 1}),
    ],
)
def test_kept_at_the_first_write(write):
    kept = []
    environ = Environ(lambda: {"a": 1}, kept.append)
    write(environ)
    environ["c"] = 1
    assert kept == [environ]


async def test_values_written_into_the_environ_are_kept_until_the_client_is_gone(serve):
    sio, core = serve()

    @sio.event
    def connect(sid, environ):
        environ["mine"] = sid

    sid = core.connect()
    await until(lambda: core.of("accept"))
    assert sio.get_environ(sid)["mine"] == sid
    assert sio.environ["session1"]["mine"] == sid
    assert list(sio.environ) == ["session1"]
    core.drop(sid)
    await until(lambda: core.forgotten)
    assert sio.get_environ(sid) is None
    assert (sio._environs._kept, sio._environs._owners) == ({}, {})


async def test_what_is_only_read_is_not_kept(serve):
    sio, core = serve()
    seen = []
    sio.on("connect", lambda sid, environ: seen.append(environ["HTTP_X_TWO"]))
    core.connect()
    await until(lambda: core.of("accept"))
    assert seen == ["1,2"]
    assert sio._environs._kept == {}


async def test_environ_can_be_read_after_the_client_is_gone(serve):
    sio, core = serve()
    kept = []
    sio.on("connect", lambda sid, environ: kept.append(environ))
    sid = core.connect()
    await until(lambda: core.of("accept"))
    core.drop(sid)
    await until(lambda: core.forgotten)
    core.requests.clear()
    assert kept[0]["RAW_URI"].encode() in HEAD


async def test_unknown_session_is_a_key_error(serve):
    sio, _ = serve()
    with pytest.raises(KeyError):
        sio.environ["nobody"]
