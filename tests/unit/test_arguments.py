"""Handlers that cannot be called are refused when they are registered. All others are accepted."""

from __future__ import annotations

import functools
import inspect
import re
from unittest import mock

import pytest
from fake_core import until

import fanio
from fanio import engineio


def wrapping(function):
    @functools.wraps(function)
    async def wrapper(*args):
        return await function(*args, "more")

    return wrapper


class Callable:
    def __call__(self, sid, environ):
        pass


class Methods:
    def three(self, sid, environ, auth):
        pass

    def one(self, sid):
        pass


TAKEN = {
    "connect": [
        lambda sid, environ: None,
        lambda sid, environ, auth: None,
        lambda sid, environ, auth=None: None,
        lambda sid, environ, auth, more=None: None,
        lambda sid, environ, *, auth=None: None,
        lambda sid, *args: None,
        lambda *args: None,
        lambda *args, **kwargs: None,
        Callable(),
        Methods().three,
        functools.partial(lambda db, sid, environ: None, "db"),
        functools.partial(lambda sid, environ, db: None, db="db"),
        # What it takes is the wrapper's own business.
        wrapping(lambda sid, environ, auth, more: None),
        mock.AsyncMock(),
        print,
        dict.get,
    ],
    "disconnect": [lambda sid: None, lambda sid, reason: None, lambda sid, reason=None: None, lambda *a: None],
    "e": [lambda sid: None, lambda sid, a, b: None, lambda sid, *, a=1: None, lambda *a: None, Methods().one],
    "*": [lambda event, sid: None, lambda event, sid, a: None, lambda event, *args: None],
}
REFUSED = {
    "connect": [
        lambda: None,
        lambda sid: None,
        lambda sid, environ, auth, more: None,
        lambda sid, environ, *, auth: None,
        lambda *, sid: None,
        Methods().one,
        Methods.three,
        functools.partial(lambda db, sid: None, "db"),
    ],
    "disconnect": [lambda: None, lambda sid, reason, more: None],
    "e": [lambda: None, lambda *, sid: None, lambda sid, *, a: None],
    "*": [lambda: None, lambda sid: None],
}


def pairs(table):
    return [(event, function) for event, functions in table.items() for function in functions]


@pytest.mark.parametrize(("event", "function"), pairs(TAKEN))
def test_taken(fake, event, function):
    sio = fanio.AsyncServer()
    sio.on(event, function)
    sio.handlers["/"][event] = function
    assert sio.handlers["/"][event] is function


@pytest.mark.parametrize(("event", "function"), pairs(REFUSED))
def test_refused(fake, event, function):
    sio = fanio.AsyncServer()
    for register in (lambda: sio.on(event, function), lambda: sio.on(event)(function)):
        with pytest.raises(TypeError, match=re.escape(f"cannot handle {event!r} in namespace '/'")):
            register()
    assert not sio.handlers


@pytest.mark.parametrize(
    ("event", "taken", "refused"),
    [
        ("connect", lambda namespace, sid, environ: None, lambda sid, environ: None),
        ("disconnect", lambda namespace, sid: None, lambda sid: None),
        ("e", lambda namespace, sid: None, lambda sid: None),
        ("*", lambda event, namespace, sid: None, lambda event, sid: None),
    ],
)
def test_for_all_namespaces_it_takes_the_namespace_too(fake, event, taken, refused):
    sio = fanio.AsyncServer()
    sio.on(event, taken, namespace="*")
    with pytest.raises(TypeError, match="namespace, sid"):
        sio.on(event, refused, namespace="*")


def test_the_message_says_what_was_expected(fake):
    async def connect(sid):
        pass

    text = (
        "connect(sid) cannot handle 'connect' in namespace '/': "
        "expected `async def connect(sid, environ)` or `async def connect(sid, environ, auth)`"
    )
    with pytest.raises(TypeError, match=re.escape(text)):
        fanio.AsyncServer().event(connect)


@pytest.mark.parametrize("namespace", ["/class", "*"])
def test_methods_of_a_class_namespace(fake, namespace):
    class Short(fanio.AsyncNamespace):
        async def on_connect(self, sid):
            pass

    class Long(fanio.AsyncNamespace):
        def on_disconnect(self, namespace, sid, reason, more):
            pass

    class Other(fanio.AsyncNamespace):
        def on_tick(self):
            """What a program calls itself."""

    class Own(Short):
        async def trigger_event(self, event, *args):
            pass

    sio = fanio.AsyncServer()
    for kind, expected in ((Short, "sid, environ)`"), (Long, "sid, reason)`")):
        with pytest.raises(TypeError, match=re.escape(expected)):
            sio.register_namespace(kind(namespace))
        assert not sio.namespace_handlers
    for kind in (Other, Own):
        sio.register_namespace(kind(namespace))


def test_class_messages_show_self(fake):
    class Short(fanio.AsyncNamespace):
        async def on_connect(self, sid):
            pass

    with pytest.raises(TypeError, match=re.escape("on_connect(self, sid) cannot handle 'connect'")):
        fanio.AsyncServer().register_namespace(Short())


@pytest.mark.parametrize("handler", [3, "text", object(), []])
def test_what_is_no_function_is_refused(fake, handler):
    sio = fanio.AsyncServer()
    with pytest.raises(TypeError, match="the handler of 'connect': expected a function, got "):
        sio.on("connect", handler)
    with pytest.raises(TypeError, match="expected a function"):
        sio.eio.on("headers", handler)
    with pytest.raises(TypeError, match="expected a function"):
        fanio.AsyncClient().on("connect", handler)


def test_invalid_names_are_refused(fake):
    sio = fanio.AsyncServer()
    with pytest.raises(TypeError, match=r"write @sio\.event"):

        @sio.on
        async def connect(sid, environ):
            pass

    with pytest.raises(TypeError, match="got 3"):
        sio.on(3, print)
    with pytest.raises(ValueError, match="did you mean '/chat'"):
        sio.on("e", namespace="chat")
    with pytest.raises(ValueError, match="did you mean '/chat'"):
        sio.event(namespace="chat")(short)
    with pytest.raises(ValueError, match="did you mean '/chat'"):
        fanio.AsyncNamespace("chat")
    with pytest.raises(ValueError, match="did you mean '/chat'"):
        fanio.AsyncServer(namespaces=["/", "chat"])
    with pytest.raises(TypeError, match="got 5"):
        fanio.AsyncServer(namespaces=5)
    with pytest.raises(ValueError, match="did you mean '/chat'"):
        sio.namespaces = ["chat"]


def test_namespaces_may_be_changed_where_they_are(fake):
    names = ["/a"]
    sio = fanio.AsyncServer(namespaces=names)
    names.append("/b")
    assert sio.namespaces is names
    sio.namespaces = []
    assert sio.namespaces == []
    assert fanio.AsyncServer(namespaces="/a").namespaces == ["/a"]
    assert fanio.AsyncServer(namespaces=("/a", "/b")).namespaces == ["/a", "/b"]
    assert fanio.AsyncServer().namespaces == ["/"]


def test_handlers_of_clients(fake):
    client = fanio.AsyncClient()
    client.on("connect", lambda: None)
    client.on("disconnect", lambda reason: None)
    client.on("disconnect", lambda: None)
    client.on("connect_error", lambda data: None)
    client.on("e", lambda: None)
    client.on("*", lambda event: None)
    client.on("*", lambda event, namespace: None, namespace="*")
    for event, function in [
        ("connect", lambda sid: None),
        ("disconnect", lambda sid, reason: None),
        ("*", lambda: None),
    ]:
        with pytest.raises(TypeError, match="cannot handle"):
            client.on(event, function)


@pytest.mark.parametrize(
    ("event", "function"),
    [("connect", lambda sid: None), ("message", lambda sid: None), ("disconnect", lambda: None), ("headers", len)],
)
def test_handlers_of_an_engineio_server(fake, event, function):
    with pytest.raises(TypeError, match=f"cannot handle {event!r}"):
        engineio.AsyncServer().on(event, function)


async def short(sid):
    pass


async def lying(sid):
    pass


lying.__signature__ = inspect.signature(lambda sid, environ: None)


@pytest.mark.parametrize("handler", [wrapping(short), lambda *args: short(*args), lying])
async def test_what_fails_when_it_is_called_refuses_the_client(serve, caplog, handler):
    sio, core = serve()
    sio.on("connect", handler)
    sid = core.connect()
    await until(lambda: core.of("refuse"))
    assert core.of("refuse") == [(sid, b'{"message":"Internal server error"}')]
    await until(lambda: "Traceback" in caplog.text)
    assert "takes 1 positional argument" in caplog.text
