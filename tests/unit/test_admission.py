"""Requests put to Python are always answered."""

from __future__ import annotations

import asyncio
import functools
import json
import logging

import pytest
from fake_core import until

from fanio import _core

PEER = ("192.0.2.1", 4000)
TARGET = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\n"


async def ask(serve, head=b"Origin: http://a\r\n", events=None, *, handshake=True, **options):
    """Asks for one request to be let in; returns the core with the answer."""
    sio, core = serve(**options)
    for name, handler in (events or {}).items():
        sio.eio.on(name, handler)
    core.push(_core.ADMISSION, 7, "s", handshake, TARGET + head + b"\r\n", PEER, False)
    await until(lambda: core.of("admit") or core.of("deny"))
    return core


def denied(core):
    """Returns status, code, message and whether it is readable."""
    ((token, session, status, body, readable),) = core.of("deny")
    assert (token, session) == (7, "s")
    body = json.loads(body)
    return status, body["code"], body["message"], readable


@pytest.mark.parametrize("takes_environ", [False, True])
async def test_origin_function_decides(serve, takes_environ):
    def one(origin):
        return origin == "http://a"

    def two(origin, environ):
        return origin == environ["HTTP_ORIGIN"] == "http://a"

    options = {"cors_allowed_origins": two if takes_environ else one}
    assert (await ask(serve, **options)).of("admit") == [(7, "s", None, "")]
    core = await ask(serve, b"Origin: http://b\r\n", **options)
    assert denied(core) == (403, 4, "http://b is not an accepted origin.", False)


def ways(answer):
    """Every way to write a function of one argument that answers so."""

    async def coroutine(*args):
        await asyncio.sleep(0)
        return answer(*args)

    class Plain:
        def __call__(self, *args):
            return answer(*args)

    class Async:
        async def __call__(self, *args):
            return answer(*args)

        async def method(self, *args):
            return answer(*args)

        def task(self, *args):
            return asyncio.ensure_future(coroutine(*args))

    return {
        "function": answer,
        "coroutine function": coroutine,
        "partial": functools.partial(answer),
        "partial of a coroutine function": functools.partial(coroutine),
        "function that returns a coroutine": lambda *args: coroutine(*args),
        "object": Plain(),
        "object that is async": Async(),
        "async method": Async().method,
        "partial of an object that is async": functools.partial(Async()),
        "function that returns a task": Async().task,
        "coroutine of a coroutine": functools.partial(nested, coroutine),
    }


async def nested(function, *args):
    return function(*args)


WAYS = list(ways(lambda *args: None))


@pytest.mark.parametrize("way", WAYS)
async def test_an_origin_is_judged_by_any_kind_of_function(serve, way):
    function = ways(lambda origin, *_: origin == "http://a")[way]
    assert (await ask(serve, cors_allowed_origins=function)).of("admit")
    core = await ask(serve, b"Origin: http://b\r\n", cors_allowed_origins=function)
    assert denied(core) == (403, 4, "http://b is not an accepted origin.", False)


@pytest.mark.parametrize("answer", [None, 1, 0, "yes", "", [], object(), NotImplemented], ids=repr)
@pytest.mark.parametrize("way", ["function", "coroutine function", "object that is async"])
async def test_an_origin_is_refused_unless_the_answer_is_yes(serve, caplog, way, answer):
    function = ways(lambda *_: answer)[way]
    core = await ask(serve, cors_allowed_origins=function, logger=logging.getLogger("test"))
    assert denied(core) == (403, 4, "Forbidden", False)
    assert f"expected True or False for 'http://a', got {answer!r}" in caplog.text


@pytest.mark.parametrize("way", WAYS)
async def test_an_origin_is_refused_when_the_function_raises(serve, caplog, way):
    function = ways(lambda *_: 1 / 0)[way]
    core = await ask(serve, cors_allowed_origins=function, logger=logging.getLogger("test"))
    assert denied(core) == (403, 4, "Forbidden", False)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("way", WAYS)
async def test_any_kind_of_function_may_be_asked(serve, way):
    core = await ask(serve, allow_request=ways(lambda environ: False)[way])
    assert denied(core)[:3] == (403, 4, "Forbidden")
    core = await ask(serve, cookie={"name": "io", "Max-Age": ways(lambda: 5)[way], "Secure": ways(lambda: True)[way]})
    assert core.of("admit") == [(7, "s", "; Max-Age=5; Secure", "")]
    headers = ways(lambda headers, environ: headers.update({"X-A": "b"}))[way]
    assert (await ask(serve, events={"headers": headers})).of("admit") == [(7, "s", None, "X-A: b\r\n")]


@pytest.mark.parametrize("cors", ["*", ["*"], ["http://a", "*"]], ids=repr)
async def test_cookies_for_every_origin_are_warned_of_once(serve, caplog, cors):
    sio, _ = serve(cors_allowed_origins=cors)
    sio.eio.ping_interval = 3
    assert [record.levelname for record in caplog.records if record.name == "fanio.security"] == ["WARNING"]
    caplog.clear()
    serve(cors_allowed_origins=cors, cors_credentials=False)
    serve(cors_allowed_origins=["http://a"])
    sio, _ = serve()
    assert not caplog.records
    sio.eio.cors_allowed_origins = "*"
    assert "cors_credentials=False" in caplog.text


async def test_request_without_origin_is_admitted(serve):
    core = await ask(serve, b"", cors_allowed_origins=lambda origin: False)
    assert core.of("admit")


async def test_function_that_raises_denies_and_is_logged(serve, caplog):
    core = await ask(serve, cors_allowed_origins=lambda origin: 1 / 0, logger=logging.getLogger("test"))
    assert denied(core) == (403, 4, "Forbidden", False)
    assert len(caplog.records) == 1


async def test_cookie_attributes_are_sent(serve):
    core = await ask(serve, cookie={"name": "io", "Max-Age": lambda: 5})
    assert core.of("admit") == [(7, "s", "; Max-Age=5", "")]


@pytest.mark.parametrize(
    ("verdict", "message"), [(True, None), (None, None), (False, "Forbidden"), ('no "cake"', 'no "cake"'), ("", "")]
)
@pytest.mark.parametrize("is_async", [False, True])
async def test_allow_request_decides(serve, verdict, message, is_async):
    seen = []

    async def later(environ):
        await asyncio.sleep(0)
        return verdict

    def allow_request(environ):
        seen.append(environ["REMOTE_ADDR"])
        return later(environ) if is_async else verdict

    core = await ask(serve, allow_request=allow_request)
    assert seen == ["192.0.2.1"]
    if message is None:
        assert core.of("admit")
    else:
        assert denied(core) == (403, 4, message, True)


async def test_headers_are_added_to_responses(serve):
    async def initial(headers, environ):
        headers["x-first"] = environ["REQUEST_METHOD"]

    def every(headers, environ):
        headers.update({"x-every": 1, "set-cookie": ["a=1", "b=2"]})

    events = {"initial_headers": initial, "headers": every}
    lines = "x-every: 1\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n"
    core = await ask(serve, events=events)
    assert core.of("admit") == [(7, "s", None, "x-first: GET\r\n" + lines)]
    assert {("admission", True), ("ask_requests", True)} <= set(core.of("set_option"))
    core = await ask(serve, events=events, handshake=False)
    assert core.of("admit") == [(7, "s", None, lines)]


@pytest.mark.parametrize("header", [{"a b": "1"}, {"a": "1\r\nb: 2"}, {"a": "é"}, {"": "1"}])
async def test_what_is_no_header_is_never_sent(serve, header, caplog):
    core = await ask(serve, events={"headers": lambda headers, environ: headers.update(header)})
    assert denied(core)[0] == 403
    assert "not a header" in caplog.text


async def test_refused_requests_are_reported(serve):
    errors = []
    core = await ask(serve, events={"connection_error": errors.append}, allow_request=lambda environ: "no")
    core.push(_core.REFUSED, TARGET + b"\r\n", PEER, False, 1, "Session ID unknown")
    await until(lambda: len(errors) == 2)
    assert [(error.code, error.message) for error in errors] == [(4, "no"), (1, "Session ID unknown")]
    assert errors[1].req["QUERY_STRING"] == "EIO=4&transport=polling"
    assert core.options["report_refusals"] is True


async def test_refused_requests_are_logged_the_first_of_each_reason_as_an_error(serve, caplog):
    caplog.set_level(logging.INFO, "mine")
    _, core = serve(engineio_logger=logging.getLogger("mine"))
    caplog.clear()
    target = b"GET /socket.io/?EIO=4&transport=polling&sid=%s HTTP/1.1\r\nOrigin: http://a\r\n\r\n"
    requests = [(0, b""), (1, b"abc"), (1, b"d%0Ae%7B"), (3, b"{0}"), (4, b""), (5, b"")]
    for code, sid in requests:
        core.push(_core.REFUSED, target % sid, PEER, False, code, "Bad request")
    await until(lambda: len(caplog.records) == len(requests))
    more = " (further occurrences of this error will be logged with level INFO)"
    ended = (
        ": it has ended, or the server was restarted, or it belongs to another process (with several, each client must"
    )
    ended += " stay with one)"
    expected = (
        " Expected http://, which is what scheme and Host of the request say. A proxy in front must pass on Host and"
        " X-Forwarded-Proto, and be named in trusted_proxies=; pages of other origins are let in by"
        " cors_allowed_origins."
    )
    version = "The client is using an unsupported version of the Socket.IO or Engine.IO protocols"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", f"Invalid transport{more}"),
        ("ERROR", f"Invalid session abc{ended}{more}"),
        ("INFO", "Invalid session d\\ne{"),
        ("ERROR", f"Bad request{more}"),
        ("ERROR", f"http://a is not an accepted origin.{expected}{more}"),
        ("ERROR", f"{version}{more}"),
    ]


@pytest.mark.parametrize(
    ("headers", "trusted", "is_named"),
    [
        (b"Host: a\r\nX-Forwarded-Proto: https\r\n", [], True),
        (b"Host: inner\r\nX-Forwarded-Host: a\r\n", [], True),
        (b"Host: inner\r\nX-Forwarded-Host: a\r\n", [PEER[0]], False),
        (b"Host: other\r\nX-Forwarded-Proto: https\r\n", [], False),
        (b"Host: a\r\n", [], False),
    ],
)
async def test_a_proxy_that_would_have_to_be_trusted_is_named(serve, caplog, headers, trusted, is_named):
    _, core = serve(engineio_logger=logging.getLogger("mine"), trusted_proxies=trusted)
    core.push(_core.REFUSED, TARGET + b"Origin: https://a\r\n" + headers + b"\r\n", PEER, False, 4, "Forbidden")
    await until(lambda: caplog.messages)
    assert ("--forwarded-allow-ips" in caplog.messages[0]) is is_named


@pytest.mark.parametrize(
    ("options", "headers", "secure", "expected"),
    [
        ({}, b"Host: a:8000", False, "Expected http://a:8000, which is what scheme and Host of the request say."),
        ({}, b"Host: a\r\nX-Forwarded-Proto: https", False, "Expected http://a, which"),
        ({}, b"Host: a", True, "Expected https://a, which"),
        ({"trusted_proxies": "*"}, b"Host: inner\r\nX-Forwarded-Proto: https", False, "Expected https://inner, which"),
        (
            {"trusted_proxies": "*"},
            b"Host: inner\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: a",
            False,
            "Expected https://a, which is what X-Forwarded-Proto and X-Forwarded-Host of the request say.",
        ),
        ({"cors_allowed_origins": "https://b"}, b"Host: a", False, "Expected one of cors_allowed_origins: https://b."),
        (
            {"cors_allowed_origins": [f"https://b{number}" for number in range(11)]},
            b"Host: a",
            False,
            "https://b0, https://b1, https://b2, https://b3, https://b4, https://b5, https://b6, https://b7, "
            "https://b8, https://b9, …",
        ),
    ],
)
async def test_the_line_about_an_origin_says_what_was_expected(serve, caplog, options, headers, secure, expected):
    _, core = serve(engineio_logger=logging.getLogger("mine"), **options)
    core.push(_core.REFUSED, TARGET + b"Origin: https://x\r\n" + headers + b"\r\n\r\n", PEER, secure, 4, "Forbidden")
    await until(lambda: caplog.messages)
    assert expected in caplog.messages[0]
    assert ("A proxy in front must pass on Host and X-Forwarded-Proto" in caplog.messages[0]) is (
        "cors_allowed_origins" not in options
    )


@pytest.mark.parametrize(("upgrade", "line"), [(b"", "Invalid websocket upgrade"), (b"upgrade: websocket\r\n", "Bad")])
async def test_an_upgrade_that_a_proxy_has_lost_is_named(serve, caplog, upgrade, line):
    _, core = serve(engineio_logger=logging.getLogger("mine"))
    head = b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n" + upgrade + b"\r\n"
    core.push(_core.REFUSED, head, PEER, False, 3, "Bad request")
    await until(lambda: caplog.messages)
    assert caplog.messages[0].startswith(line)


async def test_an_origin_that_the_application_refuses_is_logged(serve, caplog):
    await ask(serve, cors_allowed_origins=lambda origin: False, engineio_logger=logging.getLogger("test"))
    assert caplog.messages[0].startswith(
        "http://a is not an accepted origin. The function in cors_allowed_origins refuses it."
    )


def test_other_events_belong_to_the_server_above():
    import fanio

    with pytest.raises(ValueError, match=r"the Socket\.IO server has it"):
        fanio.AsyncServer().eio.on("connect", print)
