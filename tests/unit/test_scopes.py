"""Scopes are found again by the mark in a request's head, and forgotten in time."""

from __future__ import annotations

from fanio._request.environ import build_environ
from fanio._request.environs import Environs
from fanio._request.scopes import Scopes

HEAD = b"GET /socket.io/?EIO=4 HTTP/1.1\r\nhost: a.example"
END = b"\r\n\r\n"
SCOPE = {"type": "websocket", "user": "somebody", "client": ("192.0.2.1", 5)}


def marked(scopes, scope=SCOPE):
    name, value = scopes.note(scope)
    return HEAD + b"\r\n" + name + b": " + value + END


def test_a_marked_head_gives_its_scope_and_no_mark():
    scopes = Scopes(10)
    assert not scopes
    heads = [marked(scopes, {"number": number}) for number in range(3)]
    assert [scopes.find(head) for head in heads] == [(HEAD + END, {"number": number}) for number in range(3)]
    assert scopes.find(HEAD + END) == (HEAD + END, None)


def test_a_mark_cannot_be_guessed():
    scopes = Scopes(10)
    theirs = marked(Scopes(10))
    scopes.note(SCOPE)
    assert scopes.find(theirs) == (theirs, None)


def test_what_nobody_claims_is_forgotten():
    now = [100.0]
    scopes = Scopes(10, lambda: now[0])
    first = marked(scopes)
    now[0] += 5
    second = marked(scopes)
    now[0] += 6
    marked(scopes)
    assert scopes.find(first) == (HEAD + END, None)
    assert scopes.find(second) == (HEAD + END, SCOPE)


class Core:
    def __init__(self, head):
        self.head = head

    def request(self, session_id):
        return (self.head, ("192.0.2.1", 5), False) if session_id == "session" else None


def test_a_claimed_scope_lives_as_long_as_the_session():
    now = [100.0]
    scopes = Scopes(10, lambda: now[0])
    environs = Environs(Core(marked(scopes)), scopes)
    environs.claim("nobody", "sid0")
    environs.claim("session", "sid1")
    now[0] += 20
    marked(scopes)
    environ = environs.of("session", "sid2")
    assert environ["asgi.scope"] is SCOPE
    assert environ["HTTP_HOST"] == "a.example"
    assert set(environ) == set(build_environ(environs.request(HEAD + END, None, False))), "no mark is left"
    environs.claim("session", "sid3")
    environs.release("session", "sid1")
    environs.release("session", "sid2")
    assert environs.of("session", "sid3") is environ
    environs.release("session", "sid3")
    assert environs.of("session", "sid3")["asgi.scope"] is not SCOPE


def test_sessions_that_the_shards_accept_cost_nothing():
    scopes = Scopes(10)
    environs = Environs(Core(HEAD + END), scopes)
    environs.claim("session", "sid1")
    environs.more = {"root_path": "/api", "state": {"db": 1}}
    environ = environs.of("session", "sid1")
    assert environ["PATH_INFO"] == "/api/socket.io/"
    scope = environ["asgi.scope"]
    assert (scope["path"], scope["raw_path"], scope["root_path"]) == ("/api/socket.io/", b"/api/socket.io/", "/api")
    assert scope["state"] == {"db": 1}
    assert environs._kept == {}
