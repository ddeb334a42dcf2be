"""CORS and the check of `Origin`: by default only the same scheme, host and port are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fixtures.polling import PATH, Polling, polling
from fixtures.stream import Stream, exchange, get
from fixtures.websocket import PATH as WEBSOCKET_PATH
from fixtures.websocket import Client, refused

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

GOOD = "http://good.example:8080"
LAX = pytest.mark.differs("node", reason="checks no origin")


def other_origins(server: Server) -> list[bytes]:
    """Origins that are not the server's own."""
    host, port = server.authority.encode(), server.port
    return [
        b"null",
        b"https://" + host,
        b"http://127.0.0.1",
        b"http://127.0.0.1:%d" % (port + 1),
        b"http://" + host + b".evil.example",
        b"http://evil.example",
        b"http://" + host + b"@evil.example",
        b"http://user@" + host,
        b"http://" + host + b"/path",
        b"ftp://" + host,
        host,
        b"http://" + host + b"\xff",
        b"http://" + host + b" http://evil.example",
    ]


def raw_get(server: Server, *lines: bytes) -> tuple[int, bytes]:
    """A handshake with these header lines; its status and body."""
    with Stream(server) as stream:
        head = [f"GET {PATH} HTTP/1.1".encode(), b"Host: " + server.authority.encode(), *lines]
        stream.send(b"\r\n".join([*head, b"", b""]))
        response = stream.response()
        return response.status, response.body


@LAX
def test_another_origin_is_forbidden(server: Server) -> None:
    for origin in other_origins(server):
        status, body = raw_get(server, b"Origin: " + origin)
        assert status in (400, 403), origin
        assert not body.startswith(b"0{"), origin


@LAX
def test_a_forbidden_origin_is_code_4(server: Server) -> None:
    response = get(server, PATH, "Origin: http://evil.example")
    assert response.status == 403
    assert response.json["code"] == 4
    assert response.header("access-control-allow-origin") is None
    assert response.header("access-control-allow-credentials") is None


@LAX
def test_a_websocket_of_another_origin_is_refused(server: Server) -> None:
    response = refused(server, WEBSOCKET_PATH, "Origin: http://evil.example")
    assert response.status in (400, 403)


@LAX
def test_two_origins_are_refused(server: Server) -> None:
    own = b"Origin: http://" + server.authority.encode()
    status, body = raw_get(server, own, b"Origin: http://evil.example")
    assert status in (400, 403)
    assert not body.startswith(b"0{")


@LAX
def test_a_request_of_a_known_session_is_checked_too(server: Server) -> None:
    with Polling(server) as session:
        session.connect()
        response = get(server, session.path, "Origin: http://evil.example")
        assert response.status == 403
        body = b'42["shout",1]'
        response = exchange(server, "POST", session.path, "Origin: http://evil.example", body=body)
        assert response.status == 403
        path = session.path.replace("polling", "websocket")
        assert refused(server, path, "Origin: http://evil.example").status == 403
        assert session.is_served()


@LAX
@pytest.mark.parametrize(
    "headers",
    [
        ("X-Forwarded-Host: evil.example",),
        ("X-Forwarded-Host: evil.example", "X-Forwarded-Proto: http"),
        ("X-Forwarded-For: 10.0.0.1", "X-Forwarded-Host: evil.example"),
        ("Forwarded: host=evil.example;proto=http",),
    ],
)
def test_a_forwarded_host_of_an_untrusted_peer_counts_for_nothing(server: Server, headers: tuple[str, ...]) -> None:
    with Stream(server, source="127.0.0.2") as stream:
        response = stream.exchange("GET", PATH, "Origin: http://evil.example", *headers)
        assert response.status == 403


@LAX
def test_a_forwarded_host_of_a_trusted_peer_counts(server: Server) -> None:
    """uvicorn trusts 127.0.0.1 unless `forwarded_allow_ips` says otherwise."""
    proxied = ("X-Forwarded-Host: good.example", "X-Forwarded-Proto: https")
    assert get(server, PATH, "Origin: https://good.example", *proxied).status == 200
    assert get(server, PATH, "Origin: http://good.example", *proxied).status == 403
    assert get(server, PATH, "Origin: https://evil.example", *proxied).status == 403


@LAX
def test_the_own_origin_is_welcome(server: Server) -> None:
    for origin in (server.url, server.url.upper().replace("HTTP", "http"), server.url.upper()):
        response = get(server, PATH, f"Origin: {origin}")
        assert response.status == 200, origin
        assert response.header("access-control-allow-origin") == origin
        assert response.header("access-control-allow-credentials") == "true"


def test_no_origin_gets_no_headers(server: Server) -> None:
    response = get(server, PATH)
    assert response.status == 200
    assert response.header("access-control-allow-origin") is None
    assert response.header("access-control-allow-credentials") is None


def test_a_websocket_of_the_own_origin_is_served(server: Server) -> None:
    with Client(server, "", f"Origin: {server.url}") as client:
        client.connect()
        assert client.is_served()


def test_a_listed_origin_gets_its_headers_on_every_response(serve: Serve) -> None:
    server = serve(cors_allowed_origins=[GOOD, "http://other.example"])
    with Polling(server, f"Origin: {GOOD}") as session:
        for response in (session.opening, session.post("40"), session.get()):
            assert response.status == 200
            assert response.header("access-control-allow-origin") == GOOD
            assert response.header("access-control-allow-credentials") == "true"
            assert "origin" in (response.header("vary") or "").lower()


@LAX
def test_an_origin_that_is_not_listed_is_forbidden(serve: Serve) -> None:
    server = serve(cors_allowed_origins=[GOOD])
    for origin in ("http://evil.example", GOOD + "0", "https" + GOOD[4:], "null"):
        assert get(server, PATH, f"Origin: {origin}").status == 403


@pytest.mark.differs("node", reason="answers with the star")
@pytest.mark.parametrize("origins", ["*", ["*"], ["http://a.example", "*"]], ids=str)
@pytest.mark.parametrize("origin", ["http://any.example", "null"])
def test_any_origin_is_named_and_may_use_credentials(serve: Serve, origins: Any, origin: str) -> None:
    """As in python-socketio: a page with `withCredentials: true` works."""
    server = serve(cors_allowed_origins=origins)
    with polling(server) as session:
        for method, target in (("GET", PATH), ("OPTIONS", session.path)):
            response = exchange(server, method, target, f"Origin: {origin}")
            assert response.status in (200, 204)
            assert response.header("access-control-allow-origin") == origin
            assert response.header("access-control-allow-credentials") == "true"
            assert response.header("vary") == "Origin"
    assert server.output().count("lets any page use this server with the cookies") == 1


def test_any_origin_gets_a_star_when_there_are_no_credentials(serve: Serve) -> None:
    server = serve(cors_allowed_origins="*", cors_credentials=False)
    response = get(server, PATH, "Origin: http://any.example")
    assert response.status == 200
    assert response.header("access-control-allow-origin") == "*"
    assert response.header("access-control-allow-credentials") is None
    assert "cookies" not in server.output()


@LAX
def test_credentials_are_an_option(serve: Serve) -> None:
    server = serve(cors_allowed_origins=[GOOD], cors_credentials=False)
    response = get(server, PATH, f"Origin: {GOOD}")
    assert response.header("access-control-allow-origin") == GOOD
    assert response.header("access-control-allow-credentials") is None


def test_an_empty_list_turns_cors_off(serve: Serve) -> None:
    response = get(serve(cors_allowed_origins=[]), PATH, "Origin: http://any.example")
    assert response.status == 200
    assert response.header("access-control-allow-origin") is None


def test_the_preflight_is_204_and_reflects_the_headers(serve: Serve) -> None:
    response = exchange(
        serve(cors_allowed_origins=[GOOD]),
        "OPTIONS",
        PATH,
        f"Origin: {GOOD}",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: content-type,x-token",
    )
    assert response.status == 204
    assert response.body == b""
    assert response.header("access-control-allow-origin") == GOOD
    assert response.header("access-control-allow-credentials") == "true"
    assert response.header("access-control-allow-methods") == "GET,HEAD,PUT,PATCH,POST,DELETE"
    assert response.header("access-control-allow-headers") == "content-type,x-token"
    vary = (response.header("vary") or "").lower()
    assert "origin" in vary
    assert "access-control-request-headers" in vary


@LAX
def test_a_preflight_of_another_origin_is_not_allowed(server: Server) -> None:
    headers = ("Origin: http://evil.example", "Access-Control-Request-Method: POST")
    response = exchange(server, "OPTIONS", PATH, *headers)
    assert response.header("access-control-allow-origin") is None


def test_a_connection_goes_on_after_the_preflight(serve: Serve) -> None:
    with Stream(serve(cors_allowed_origins=[GOOD])) as stream:
        headers = (f"Origin: {GOOD}", "Access-Control-Request-Method: GET")
        assert stream.exchange("OPTIONS", PATH, *headers).status == 204
        assert stream.exchange("GET", PATH, f"Origin: {GOOD}").status == 200


@LAX
@pytest.mark.parametrize("name", ["x-a\tb", "x\r\n\tX-Evil: 1", '"', "é", "a" * 9000], ids=ascii)
def test_reflected_headers_carry_nothing_else(serve: Serve, name: str) -> None:
    with Stream(serve(cors_allowed_origins=[GOOD])) as stream:
        lines = [
            f"OPTIONS {PATH} HTTP/1.1",
            "Host: x",
            f"Origin: {GOOD}",
            f"Access-Control-Request-Headers: {name}",
        ]
        stream.send("\r\n".join([*lines, "", ""]).encode())
        response = stream.response()
        assert response.header("x-evil") is None
        assert response.header("access-control-allow-headers") in (None, name if len(name) > 99 else None)


@LAX
def test_a_function_may_decide(serve: Serve) -> None:
    server = serve(cors_allowed_origins="callable")
    good, evil = "Origin: https://good.example", "Origin: https://evil.example"
    response = get(server, PATH, good)
    assert response.status == 200
    assert response.header("access-control-allow-origin") == "https://good.example"
    response = get(server, PATH, evil)
    assert response.status == 403
    assert response.header("access-control-allow-origin") is None
    assert refused(server, WEBSOCKET_PATH, evil).status == 403
    with Client(server, "", good) as client:
        client.connect()
        assert client.is_served()
    with Polling(server, good) as session:
        session.connect()
        assert session.is_served()


@LAX
def test_requests_behind_a_handshake_that_is_asked_about_wait_for_it(serve: Serve) -> None:
    with Stream(serve(cors_allowed_origins="callable")) as stream:
        for site in ("good", "evil", "good"):
            stream.request("GET", PATH, f"Origin: https://{site}.example")
        assert [stream.response().status for _ in range(2)] == [200, 403]
