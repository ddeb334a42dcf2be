"""URLs, headers, HTTP sessions and options, as the core gets them."""

from __future__ import annotations

import ssl
import warnings
from urllib.parse import parse_qs

import pytest

from fanio._client.http_session import apply_session, apply_websocket_options
from fanio._client.target import Route, Target, valid_transports
from fanio._client.tls import TlsSettings


def core(url: str, path: str = "socket.io", headers: dict[str, str] | None = None, **route) -> dict:
    """The core's options for a URL."""
    return Target(url, headers or {}, ["polling"], path, Route(**route)).core({})


@pytest.mark.parametrize(
    ("url", "host", "port", "authority", "secure"),
    [
        ("http://localhost", "localhost", 80, "localhost", False),
        ("ws://localhost:80/x", "localhost", 80, "localhost", False),
        ("https://a.example", "a.example", 443, "a.example", True),
        ("wss://a.example:8443", "a.example", 8443, "a.example:8443", True),
        ("http://[::1]:5000/", "::1", 5000, "[::1]:5000", False),
        ("http://bücher.example", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", False),
    ],
)
def test_addresses(url, host, port, authority, secure):
    found = core(url)
    assert [found[name] for name in ("host", "port", "authority", "secure", "unix")] == [
        host, port, authority, secure, None,
    ]  # fmt: skip


def test_the_path_is_the_argument_and_the_query_the_urls():
    assert core("http://h/ignored?a=1&b=x y")["path"] == "/socket.io/"
    assert parse_qs(core("http://h/?a=1&b=x%20y")["query"]) == {"a": ["1"], "b": ["x y"]}
    assert " " not in core("http://h/?b=x y")["query"]
    assert core("http://h", "/deep/er/")["path"] == "/deep/er/"
    assert core("http://h", "")["path"] == "/"


def test_unix_sockets():
    found = core("http+unix://%2Ftmp%2Fa.sock?x=1")
    assert (found["unix"], found["authority"], found["query"]) == ("/tmp/a.sock", "localhost", "x=1")
    assert core("http://localhost", unix="/tmp/b.sock")["unix"] == "/tmp/b.sock"


def test_credentials_of_the_url_become_a_header():
    assert ("Authorization", "Basic dXNlcjpwQHNz") in core("http://user:p%40ss@h")["headers"]
    own = core("http://user:pass@h", headers={"authorization": "Bearer x"})["headers"]
    assert own == [("authorization", "Bearer x")]


def test_headers_of_the_transport_are_its_own():
    found = core("http://h", headers={"Host": "evil", "Upgrade": "h2c", "X-Token": "1", "Content-Length": "5"})
    assert found["headers"] == [("X-Token", "1")]


def test_proxies():
    found = core("http://h", proxy="http://me:secret@proxy.example:3128")
    assert found["proxy"] == ("proxy.example", 3128, "Basic bWU6c2VjcmV0")
    assert core("http://h", proxy="proxy.example:8080")["proxy"] == ("proxy.example", 8080, None)
    with pytest.raises(ValueError, match="only HTTP proxies"):
        core("http://h", proxy="socks5://proxy.example")


def test_unverified_tls_warns():
    with pytest.warns(UserWarning, match="not verified"):
        core("https://h", trust=TlsSettings(verify=False))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        core("http://h", trust=TlsSettings(verify=False))


def test_transports():
    assert valid_transports(None) == ["polling", "websocket"]
    assert valid_transports("websocket") == ["websocket"]
    assert valid_transports(["websocket", "polling", "websocket"]) == ["websocket", "polling"]


def test_transports_that_do_not_exist_are_named_with_the_nearest():
    with pytest.warns(UserWarning, match=r"'pigeon', 'poling' \(did you mean 'polling'\?\) is unknown and not used"):
        assert valid_transports(["websocket", "pigeon", "poling"]) == ["websocket"]
    for wanted in ("webtransport", ["webtransport"], [], "", [3]):
        with pytest.raises(ValueError, match="No valid transports provided: expected some of"):
            valid_transports(wanted)
    with pytest.raises(ValueError, match="did you mean 'websocket'"):
        valid_transports("web-socket")
    with pytest.raises(TypeError, match="transports: expected some of"):
        valid_transports(3)


def test_a_requests_session_is_read():
    import requests

    session = requests.Session()
    session.trust_env = False
    session.headers["X-Token"] = "1"
    session.cookies.set("route", "a1", domain="h.example", path="/")
    session.cookies.set("other", "x", domain="other.example", path="/")
    session.auth = ("me", "secret")
    session.params = {"p": "1"}
    session.proxies = {"https": "http://proxy.example:3128"}
    session.verify = False
    route = Route()
    apply_session(session, "wss://h.example/?q=2", route)
    assert route.headers["X-Token"] == "1"
    assert route.headers["Cookie"] == "route=a1"
    assert route.headers["Authorization"] == "Basic bWU6c2VjcmV0"
    assert (route.params, route.proxy) == ("p=1", "http://proxy.example:3128")
    assert route.trust is not None
    assert not route.trust.verify


def test_what_a_requests_session_cannot_pass_on_raises():
    import requests

    session = requests.Session()
    session.auth = requests.auth.HTTPDigestAuth("me", "secret")
    with pytest.raises(TypeError, match="HTTPDigestAuth"):
        apply_session(session, "http://h", Route())
    session = requests.Session()
    session.hooks["response"].append(print)
    with pytest.raises(TypeError, match="hooks"):
        apply_session(session, "http://h", Route())

    class Adapter(requests.adapters.HTTPAdapter):
        pass

    session = requests.Session()
    session.mount("http://", Adapter())
    with pytest.raises(TypeError, match="Adapter"):
        apply_session(session, "http://h", Route())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_an_aiohttp_session_is_read():
    import aiohttp

    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with aiohttp.ClientSession(
        headers={"X-Token": "1"},
        cookies={"route": "a1"},
        auth=aiohttp.BasicAuth("me", "secret"),
        connector=aiohttp.TCPConnector(ssl=context),
        proxy="http://proxy.example:3128",
    ) as session:
        route = Route()
        apply_session(session, "https://h.example", route)
    assert route.headers["X-Token"] == "1"
    assert route.headers["Cookie"] == "route=a1"
    assert route.headers["Authorization"] == "Basic bWU6c2VjcmV0"
    assert route.proxy == "http://proxy.example:3128"
    assert route.trust is not None
    assert not route.trust.verify
    with pytest.raises(TypeError, match="closed"):
        apply_session(session, "https://h.example", route)


async def test_an_aiohttp_session_on_a_unix_socket_is_read():
    import aiohttp

    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector("/tmp/x.sock")) as session:
        route = Route()
        apply_session(session, "http://localhost", route)
    assert route.unix == "/tmp/x.sock"


async def test_what_an_aiohttp_session_cannot_pass_on_raises():
    import aiohttp

    async with aiohttp.ClientSession(trace_configs=[aiohttp.TraceConfig()]) as session:
        with pytest.raises(TypeError, match="trace_configs"):
            apply_session(session, "http://h", Route())
    fingerprint = aiohttp.Fingerprint(b"x" * 32)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=fingerprint)) as session:
        with pytest.raises(TypeError, match="Fingerprint"):
            apply_session(session, "http://h", Route())


def test_other_sessions_are_refused():
    with pytest.raises(TypeError, match=r"expected a requests\.Session"):
        apply_session(object(), "http://h", Route())


def test_websocket_options_of_both_libraries():
    route = Route()
    apply_websocket_options({"headers": {"X": "1"}, "origin": "http://o", "heartbeat": 3, "ssl": False}, route)
    assert route.headers == {"X": "1", "Origin": "http://o"}
    assert route.trust is not None
    assert not route.trust.verify
    route = Route()
    apply_websocket_options(
        {
            "header": ["X: 1", "Y: 2"],
            "cookie": "a=b",
            "http_proxy_host": "proxy.example",
            "http_proxy_port": 3128,
            "http_proxy_auth": ("me", "secret"),
            "sslopt": {"cert_reqs": ssl.CERT_NONE},
        },
        route,
    )
    assert route.headers == {"X": "1", "Y": "2", "Cookie": "a=b"}
    assert (route.proxy, route.proxy_authorization) == ("http://proxy.example:3128", "Basic bWU6c2VjcmV0")
    assert route.trust is not None
    assert not route.trust.verify


@pytest.mark.parametrize("options", [{"protocols": ("x",)}, {"sockopt": ((1, 2, 3),)}, {"sslopt": {"ciphers": "X"}}])
def test_websocket_options_that_cannot_be_honoured_raise(options):
    with pytest.raises(TypeError, match="cannot be honoured"):
        apply_websocket_options(options, Route())


def test_a_context_is_read():
    context = ssl.create_default_context()
    assert TlsSettings().with_verify(context).verify
    context.check_hostname = False
    trust = TlsSettings().with_verify(context)
    assert trust.verify
    assert not trust.check_hostname
