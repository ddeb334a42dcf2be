"""Request heads that are made from ASGI scopes."""

from __future__ import annotations

import pytest

from fanio._doors.head import build_head, is_secure, peer_of


def first_line(**scope):
    return build_head({"headers": [], **scope}, (), []).partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("scope", "target"),
    [
        ({"path": "/socket.io/", "raw_path": b"/socket%2Eio/"}, b"/socket%2Eio/"),
        ({"path": "/socket.io/", "raw_path": b"/other/"}, b"/socket.io/"),
        ({"path": "/socket.io/"}, b"/socket.io/"),
        ({"path": "/socket.io/", "raw_path": None, "query_string": b"a=b"}, b"/socket.io/?a=b"),
        ({"path": "/é /x", "raw_path": b""}, b"/%C3%A9%20/x"),
        ({"path": "/a\r\nb: c", "raw_path": b"/x"}, b"/a%0D%0Ab:%20c"),
    ],
)
def test_the_path_is_the_one_that_the_application_would_see(scope, target):
    assert first_line(method="POST", **scope) == b"POST " + target + b" HTTP/1.1"


def test_headers_are_carried_but_for_some():
    headers = [(b"Host", b"a"), (b"X-A", b"1"), (b"te", b"x"), (b"bad", b"1\r\nx: y")]
    head = build_head({"path": "/", "headers": headers}, {b"te"}, [(b"last", b"2")])
    assert head == b"GET / HTTP/1.1\r\nhost: a\r\nx-a: 1\r\nlast: 2\r\n\r\n"


@pytest.mark.parametrize(
    ("client", "peer"),
    [
        (("192.0.2.1", 5), ("192.0.2.1", 5)),
        (["::1", 0], ("::1", 0)),
        (("192.0.2.1", None), ("192.0.2.1", 0)),
        (("192.0.2.1", 99999), ("192.0.2.1", 0)),
        (None, None),
    ],
)
def test_peers(client, peer):
    assert peer_of({"client": client}) == peer


def test_the_scheme_of_the_scope_says_whether_it_is_tls():
    assert [is_secure({"scheme": scheme}) for scheme in ("wss", "https", "ws", "http")] == [True, True, False, False]
    assert not is_secure({})
