"""The choice of the handler for an event, and the handler's arguments."""

from __future__ import annotations

import functools

import pytest

from fanio._handlers.handler import Handler
from fanio._handlers.registration import HandlersView
from fanio._handlers.table import HandlerTable
from fanio.async_namespace import AsyncNamespace


def handler(*_args):
    return None


def found(table, event, namespace):
    result, args = table.find(event, namespace, "SID"), [event, 1]
    placed = table.resolve(args, namespace, "SID")
    assert (placed, args) == ((result[0], [*result[1], 1]) if result else (None, [event, 1]))
    return result and (result[0].function, result[1])


def table(*entries):
    made = HandlerTable()
    for event, namespace, function in entries:
        made.add(event, function, namespace)
    return made


def functions(count):
    return [lambda *args, n=n: n for n in range(count)]


def test_order_is_that_of_python_socketio():
    own, own_any, shared, shared_any = functions(4)
    every = [("e", "/", own), ("*", "/", own_any), ("e", "*", shared), ("*", "*", shared_any)]
    expected = [
        (own, ["SID"]),
        (own_any, ["e", "SID"]),
        (shared, ["/", "SID"]),
        (shared_any, ["e", "/", "SID"]),
    ]
    for start in range(4):
        made = table(*every[start:])
        made.add_class(AsyncNamespace("/"))
        assert found(made, "e", "/") == expected[start]


def test_catch_all_events_do_not_get_connect_and_disconnect():
    made = table(("*", "/", handler), ("*", "*", handler))
    assert found(made, "connect", "/") is None
    assert found(made, "disconnect", "/") is None


def test_catch_all_namespace_gets_connect_when_registered_for_it():
    assert found(table(("connect", "*", handler)), "connect", "/x") == (handler, ["/x", "SID"])


def test_an_event_named_star_is_an_event_like_any_other():
    own_any, shared_any = functions(2)
    assert found(table(("*", "/", own_any)), "*", "/") == (own_any, ["*", "SID"])
    assert found(table(("*", "*", shared_any)), "*", "/") == (shared_any, ["*", "/", "SID"])


def test_nothing_registered_is_nothing_found():
    assert found(table(("e", "/x", handler)), "e", "/") is None
    assert found(table(("e", "/", handler)), "f", "/") is None


class Chat(AsyncNamespace):
    def on_say(self, sid):
        return sid


class Other(AsyncNamespace):
    async def trigger_event(self, event, *args):
        return event, args


def test_class_answers_for_its_whole_namespace():
    made = HandlerTable()
    chat = Chat("/chat")
    made.add_class(chat)
    assert found(made, "say", "/chat") == (chat.on_say, ["SID"])
    silent, args = made.find("unknown", "/chat", "SID")
    assert silent.function(*args) is None
    assert found(made, "say", "/") is None


def test_catch_all_class_gets_the_namespace_first():
    made = HandlerTable()
    made.add_class(Chat("*"))
    assert found(made, "say", "/a")[1] == ["/a", "SID"]


def test_overridden_trigger_event_gets_everything():
    made = HandlerTable()
    other = Other("/o")
    made.add_class(other)
    assert found(made, "connect", "/o") == (other.trigger_event, ["connect", "SID"])


@pytest.mark.parametrize(
    ("entries", "known"),
    [
        ([("e", "/x", handler)], True),
        ([("*", "/x", handler)], True),
        ([("e", "*", handler)], True),
        ([("*", "*", handler)], True),
        ([("e", "/", handler)], False),
        ([], False),
    ],
)
def test_known_namespaces(entries, known):
    assert table(*entries).knows("/x") is known


def test_functions_are_listed_with_catch_alls():
    made = table(("e", "/", handler), ("*", "/", print))
    assert made.functions() == {"/": {"e": handler, "*": print}}


def test_handlers_can_be_taken_out_and_set_where_they_are_listed():
    made = table(("e", "/", handler), ("f", "/", print), ("*", "/", print), ("e", "/x", handler))
    listed = HandlersView(made)
    assert listed["/"].pop("e") is handler
    del listed["/"]["*"]
    listed["/"]["g"] = handler
    del listed["/x"]
    listed["/y"] = {"h": handler}
    assert listed == {"/": {"f": print, "g": handler}, "/y": {"h": handler}} == made.functions()
    assert repr(listed) == repr(made.functions())
    assert (found(made, "e", "/"), found(made, "z", "/"), found(made, "e", "/x")) == (None, None, None)
    assert found(made, "g", "/") == (handler, ["SID"])
    with pytest.raises(KeyError):
        listed["/x"]


class Callable:
    async def __call__(self, sid):
        pass


async def two(sid, environ):
    pass


@pytest.mark.parametrize(
    ("function", "kept", "is_async"),
    [
        (lambda sid, environ: 0, 2, False),
        (lambda sid, environ, auth: 0, 3, False),
        (lambda sid, environ, auth=None: 0, 3, False),
        (lambda *args: 0, 3, False),
        (lambda sid, environ, *, auth=None: 0, 2, False),
        (two, 2, True),
        (functools.partial(two), 2, True),
        (Callable(), 2, True),
        (dict, 3, False),
    ],
)
def test_signature_is_read_at_registration(function, kept, is_async):
    made = Handler(function)
    assert len(made.trim(("sid", {}, None))) == kept
    assert made.is_async is is_async
