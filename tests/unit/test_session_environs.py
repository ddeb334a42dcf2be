"""ASGI scopes are found by the mark in a request's head, and forgotten after some time."""

from __future__ import annotations

from fanio._request.environ import build_environ
from fanio._request.session_environs import HandshakeScopes, SessionEnvirons

HEAD = b"GET /socket.io/?EIO=4 HTTP/1.1\r\nhost: a.example"
END = b"\r\n\r\n"
SCOPE = {"type": "websocket", "user": "somebody", "client": ("192.0.2.1", 5)}


def marked(scopes, scope=SCOPE):
    name, value = scopes.note(scope)
    return HEAD + b"\r\n" + name + b": " + value + END


def test_a_marked_head_gives_its_scope_and_no_mark():
    scopes = HandshakeScopes(10)
    assert not scopes
    heads = [marked(scopes, {"number": number}) for number in range(3)]
    assert [scopes.find(head) for head in heads] == [(HEAD + END, {"number": number}) for number in range(3)]
    assert scopes.find(HEAD + END) == (HEAD + END, None)


def test_a_mark_cannot_be_guessed():
    scopes = HandshakeScopes(10)
    theirs = marked(HandshakeScopes(10))
    scopes.note(SCOPE)
    assert scopes.find(theirs) == (theirs, None)


def test_unclaimed_scopes_are_forgotten():
    now = [100.0]
    scopes = HandshakeScopes(10, lambda: now[0])
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
    scopes = HandshakeScopes(10, lambda: now[0])
    environs = SessionEnvirons(Core(marked(scopes)), scopes)
    environs.keep_scope("nobody", "sid0")
    environs.keep_scope("session", "sid1")
    now[0] += 20
    marked(scopes)
    environ = environs.for_socket("session", "sid2")
    assert environ["asgi.scope"] is SCOPE
    assert environ["HTTP_HOST"] == "a.example"
    assert set(environ) == set(build_environ(environs.request(HEAD + END, None, False))), "no mark is left"
    environs.keep_scope("session", "sid3")
    environs.release("session", "sid1")
    environs.release("session", "sid2")
    assert environs.for_socket("session", "sid3") is environ
    environs.release("session", "sid3")
    assert environs.for_socket("session", "sid3")["asgi.scope"] is not SCOPE


def test_sessions_that_the_shards_accept_cost_nothing():
    scopes = HandshakeScopes(10)
    environs = SessionEnvirons(Core(HEAD + END), scopes)
    environs.keep_scope("session", "sid1")
    environs.extra_scope = {"root_path": "/api", "state": {"db": 1}}
    environ = environs.for_socket("session", "sid1")
    assert environ["PATH_INFO"] == "/api/socket.io/"
    scope = environ["asgi.scope"]
    assert (scope["path"], scope["raw_path"], scope["root_path"]) == ("/api/socket.io/", b"/api/socket.io/", "/api")
    assert scope["state"] == {"db": 1}
    assert environs._kept == {}
