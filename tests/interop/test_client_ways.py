"""The ways a client gets to its server: TLS, proxies, Unix sockets, IPv6, sessions, cookies."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import fanio
from fixtures.authority import Authority
from fixtures.oracle import require, require_module
from fixtures.relay import Relay

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

SECONDS = 10
ConnectionError = fanio.exceptions.ConnectionError


@pytest.fixture
def server(pool: Pool) -> Server:
    """fanio's server with the wire app."""
    return pool.get("wire")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that nobody else knows."""
    return Authority(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["polling", "websocket", "upgrade"])
def transports(request: pytest.FixtureRequest) -> list[str]:
    """What the client may use."""
    return ["polling", "websocket"] if request.param == "upgrade" else [request.param]


async def speak(url: Any, transports: Any = None, headers: Any = None, **options: Any) -> None:
    """Connects, is answered, and disconnects."""
    client = fanio.AsyncClient(reconnection=False, **options)
    await client.connect(url, headers or {}, transports=transports, wait_timeout=SECONDS)
    assert await client.call("message-with-ack", "héé", timeout=SECONDS) == "héé"
    await client.disconnect()


async def test_tls_with_an_authority_of_our_own(server: Server, authority: Authority, transports: list[str]) -> None:
    async with Relay(server.port, authority.server_context("127.0.0.1")) as relay:
        await speak(relay.url, transports, ssl_verify=str(authority.bundle))
        await speak(relay.url.replace("https", "wss"), transports, ssl_verify=authority.bundle)


async def test_an_unknown_authority_is_refused(server: Server, authority: Authority, transports: list[str]) -> None:
    async with Relay(server.port, authority.server_context("127.0.0.1")) as relay:
        with pytest.raises(ConnectionError, match="TLS"):
            await speak(relay.url, transports)


async def test_another_hosts_certificate_is_refused(server: Server, authority: Authority) -> None:
    async with Relay(server.port, authority.server_context("elsewhere.example")) as relay:
        with pytest.raises(ConnectionError, match="TLS handshake failed"):
            await speak(relay.url, ssl_verify=authority.bundle)
        context = ssl.create_default_context(cafile=str(authority.bundle))
        context.check_hostname = False
        await speak(relay.url, ssl_verify=context)


async def test_no_verification_warns(server: Server, authority: Authority, transports: list[str]) -> None:
    async with Relay(server.port, authority.server_context("elsewhere.example")) as relay:
        with pytest.warns(UserWarning, match="not verified"):
            await speak(relay.url, transports, ssl_verify=False)


async def test_a_client_certificate(server: Server, authority: Authority, transports: list[str]) -> None:
    async with Relay(server.port, authority.server_context("127.0.0.1", client=True)) as relay:
        certificate, key = authority.issue("me.example")
        await speak(relay.url, transports, ssl_verify=authority.bundle, ssl_cert=(certificate, key))
        with pytest.raises(ConnectionError):
            await speak(relay.url, transports, ssl_verify=authority.bundle)


async def test_tls_for_plain_text_is_refused(server: Server) -> None:
    with pytest.raises(ConnectionError):
        await speak(server.url.replace("http", "https"), request_timeout=2)


async def test_a_proxy_is_asked_to_connect(server: Server, transports: list[str]) -> None:
    async with Relay(proxy="me:secret") as proxy:
        await speak(server.url, transports, proxy=f"http://me:secret@127.0.0.1:{proxy.port}")
        assert set(proxy.asked) == {f"CONNECT 127.0.0.1:{server.port} HTTP/1.1"}
        with pytest.raises(ConnectionError, match="the proxy refused: 407"):
            await speak(server.url, transports, proxy=f"http://127.0.0.1:{proxy.port}")


async def test_tls_through_a_proxy(server: Server, authority: Authority) -> None:
    async with Relay(proxy="") as proxy, Relay(server.port, authority.server_context("127.0.0.1")) as relay:
        await speak(relay.url, proxy=f"127.0.0.1:{proxy.port}", ssl_verify=authority.bundle)
        assert proxy.asked


async def test_unix_sockets(pool: Pool, tmp_path: Path, transports: list[str]) -> None:
    path = tmp_path / "server.sock"
    server = pool.start("wire", run={"uds": str(path)})
    try:
        await speak("http://localhost", transports, uds=path)
        await speak("http+unix://" + str(path).replace("/", "%2F"), transports)
        with pytest.raises(ConnectionError, match="cannot connect to"):
            await speak("http://localhost", transports, uds=tmp_path / "nothing.sock")
    finally:
        server.stop()


async def test_ipv6(server: Server) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        require(False, "IPv6")
    async with Relay(server.port, host="::1") as relay:
        await speak(f"http://[::1]:{relay.port}")


async def test_an_aiohttp_session_leads_the_way(server: Server, authority: Authority) -> None:
    require_module("aiohttp")
    import aiohttp

    context = ssl.create_default_context(cafile=str(authority.bundle))
    async with (
        Relay(server.port, authority.server_context("127.0.0.1")) as relay,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
    ):
        await speak(relay.url, http_session=session)

        async def make() -> aiohttp.ClientSession:
            return session

        await speak(relay.url, http_session=make)


async def test_a_requests_session_leads_the_way(server: Server, authority: Authority) -> None:
    require_module("requests")
    import requests

    session = requests.Session()
    session.trust_env = False
    session.verify = str(authority.bundle)
    async with Relay(server.port, authority.server_context("127.0.0.1")) as relay:
        await speak(relay.url, http_session=session)


async def test_each_attempt_calls_the_functions(server: Server) -> None:
    called: list[str] = []

    async def url() -> str:
        called.append("url")
        return server.url

    def headers() -> dict[str, str]:
        called.append("headers")
        return {"X-Token": "1"}

    await speak(url, headers=headers)
    assert called == ["url", "headers"]
    await speak(url, headers=headers)
    assert called == ["url", "headers"] * 2


@pytest.mark.parametrize("first", ["polling", "websocket"])
async def test_the_next_transport_is_tried_when_asked_to(pool: Pool, first: str) -> None:
    other = "websocket" if first == "polling" else "polling"
    server = pool.get("wire", {"transports": [other]})
    with pytest.raises(ConnectionError):
        await speak(server.url, [first, other])
    await speak(server.url, [first, other], try_all_transports=True)


async def test_no_upgrade_when_not_wanted(server: Server) -> None:
    client = fanio.AsyncClient(upgrade=False)
    await client.connect(server.url, wait_timeout=SECONDS)
    assert await client.call("message-with-ack", 1, timeout=SECONDS) == 1
    assert client.transport() == "polling"
    await client.disconnect()
