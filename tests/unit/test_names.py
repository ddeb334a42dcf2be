"""Names that an application may use for events and namespaces."""

from __future__ import annotations

import enum

import pytest

from fanio._handlers.names import check_emitted, check_event, namespace_name


class Name(str, enum.Enum):
    GOOD = "good"
    BAD = "connect"


class Text(str):
    pass


@pytest.mark.parametrize("event", ["e", "", "Connect", "connection", "message", "*", Name.GOOD, Text("e")])
def test_any_other_text_may_be_emitted(event):
    check_emitted(event)


@pytest.mark.parametrize(
    "event",
    [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
        Name.BAD,
        Text("disconnect"),
    ],
)
def test_reserved_names_are_refused(event):
    with pytest.raises(ValueError, match=f"{str.__str__(event)!r} is a reserved event name"):
        check_emitted(event)


@pytest.mark.parametrize("event", [None, 5, True, b"x", ["a"], {}, object()])
def test_what_is_no_text_is_refused(event):
    with pytest.raises(ValueError, match="the name of an event is text, got "):
        check_emitted(event)
    with pytest.raises(TypeError, match="expected the name of an event"):
        check_event(event)


@pytest.mark.parametrize(
    ("given", "expected"), [(None, "/"), ("", "/"), ("/", "/"), ("/chat", "/chat"), ("/*", "/*"), (Text("/a"), "/a")]
)
def test_namespaces(given, expected):
    assert namespace_name(given) == expected


def test_all_namespaces_only_where_handlers_are_registered():
    assert namespace_name("*", wildcard=True) == "*"
    with pytest.raises(ValueError, match="handlers can be registered for all namespaces"):
        namespace_name("*")


@pytest.mark.parametrize("given", ["chat", "chat/", " /chat", "**"])
def test_a_namespace_begins_with_a_slash(given):
    with pytest.raises(ValueError, match="begins with '/'"):
        namespace_name(given, wildcard=True)


def test_a_namespace_is_text():
    with pytest.raises(TypeError, match="got 5"):
        namespace_name(5)
