"""When `new_event_loop` gives uvicorn's sockets to the shards, and when it does not."""

from __future__ import annotations

import asyncio
import functools
import socket
import sys

import pytest
import uvicorn
from fake_core import until
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

import fanio
from fanio import loop as door
from fanio._doors import uvicorn as insides
from fanio._doors.accept import ShardListener
from fanio.loop import _SelectorLoop


async def plain(scope, receive, send):
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"hi"})


class Guarded(fanio.ASGIApp):
    async def __call__(self, scope, receive, send):
        raise NotImplementedError


def factory(app):
    """The protocol factory of a uvicorn server with this app, as uvicorn makes it."""
    config = uvicorn.Config(plain)
    config.load()
    config.loaded_app = app
    server, found = uvicorn.Server(config), []

    class Loop:
        async def create_server(self, create_protocol, **kwargs):
            found.append(create_protocol)
            raise OSError

    async def start(patch):
        server.lifespan = config.lifespan_class(config)
        patch.setattr(asyncio, "get_running_loop", Loop)
        await server.startup()

    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        asyncio.run(start(patch))
    return found[0]


@pytest.mark.parametrize(
    ("wrap", "found"),
    [
        (lambda app: app, True),
        (lambda app: ProxyHeadersMiddleware(app), True),
        (lambda app: ProxyHeadersMiddleware(ProxyHeadersMiddleware(app)), False),
        (lambda app: functools.partial(app), False),
        (lambda app: Guarded(app.engineio_server), False),
        (lambda app: plain, False),
    ],
)
def test_only_the_outermost_app_is_served_by_the_shards(fake, wrap, found):
    app = fanio.ASGIApp(fanio.AsyncServer())
    assert (door.served_app(factory(wrap(app))) is app) is found


@pytest.mark.parametrize("fastest", ["takeover", "bridge"])
def test_an_app_may_be_kept_from_the_shards(fake, fastest, monkeypatch):
    assert door.served_app(factory(fanio.ASGIApp(fanio.AsyncServer(door=fastest)))) is None
    monkeypatch.setenv("FANIO_DOOR", fastest)
    assert door.served_app(factory(fanio.ASGIApp(fanio.AsyncServer()))) is None


def test_factories_that_are_not_uvicorns_have_no_config():
    assert insides.config_of_factory(asyncio.Protocol) is None
    assert insides.server_of_factory(asyncio.Protocol) is None
    assert insides.unwrapped_app(None) is None
    assert door.served_app(asyncio.Protocol) is None


@pytest.mark.parametrize("kind", [door.new_event_loop, _SelectorLoop])
def test_other_servers_pass_through(kind):
    loop = kind()

    async def serve():
        server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
        assert not isinstance(server, ShardListener)
        server.close()
        await server.wait_closed()

    loop.run_until_complete(serve())
    loop.close()


def test_uvloop_is_used_when_it_is_there(monkeypatch):
    uvloop = pytest.importorskip("uvloop")
    loop = door.new_event_loop()
    assert isinstance(loop, uvloop.Loop)
    loop.close()
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = door.new_event_loop()
    assert isinstance(loop, asyncio.SelectorEventLoop)
    loop.close()


async def request(port_or_path, *requests):
    """Send requests on one connection, in one go; return everything that comes back."""
    opener = asyncio.open_unix_connection if isinstance(port_or_path, str) else None
    target = (port_or_path,) if opener else ("127.0.0.1", port_or_path)
    reader, writer = await (opener or asyncio.open_connection)(*target)
    writer.write(b"".join(requests))
    data = b""
    while data.count(b"HTTP/1.1 ") < len(requests) or not data.endswith((b"}", b"hi")):
        chunk = await asyncio.wait_for(reader.read(65536), 10)
        assert chunk
        data += chunk
    writer.close()
    return data


HANDSHAKE = b"GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: a\r\n\r\n"
OTHER = b"GET /other HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("kind", [door.new_event_loop, _SelectorLoop])
@pytest.mark.parametrize("unix", [False, True])
def test_both_servers_answer_on_one_connection_in_order(kind, unix, tmp_path):
    sio = fanio.AsyncServer()
    options = {"uds": str(tmp_path / "s")} if unix else {"host": "127.0.0.1", "port": 0}
    config = uvicorn.Config(fanio.ASGIApp(sio, plain), log_level="error", **options)
    server = uvicorn.Server(config)

    async def story():
        serving = asyncio.ensure_future(server._serve())
        await until(lambda: server.started)
        assert [type(one) for one in server.servers] == [ShardListener]
        assert server.servers[0].is_serving()
        target = options.get("uds") or server.servers[0].sockets[0].getsockname()[1]
        assert b'"sid"' in await request(target, HANDSHAKE)
        mixed = await request(target, HANDSHAKE, OTHER, HANDSHAKE, OTHER)
        server.should_exit = True
        await asyncio.wait_for(serving, 20)
        return mixed

    loop = kind()
    mixed = loop.run_until_complete(story())
    loop.close()
    order = sorted([(mixed.find(b'0{"sid"'), "s"), (mixed.find(b"hi"), "o"), (mixed.rfind(b'0{"sid"'), "s")])
    assert "".join(name for _, name in order) == "sos"
    assert mixed.endswith(b"hi")
    assert not sio._runner.is_running


def test_address_in_use_is_reported_by_uvicorn(caplog):
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    config = uvicorn.Config(fanio.ASGIApp(fanio.AsyncServer()), host="127.0.0.1", port=port, log_config=None)
    loop = door.new_event_loop()
    with pytest.raises(SystemExit):
        loop.run_until_complete(uvicorn.Server(config)._serve())
    loop.close()
    taken.close()
    assert "address already in use" in caplog.text


def test_proxies_of_uvicorn_are_trusted_unless_the_application_names_its_own(fake):
    config = uvicorn.Config(plain, forwarded_allow_ips="10.0.0.1, 10.0.0.2")
    assert insides.forwarded_allow_ips(config) == ["10.0.0.1", "10.0.0.2"]
    sio = fanio.AsyncServer()
    sio._trust(["10.0.0.1", "10.0.0.0/8", "proxy", "10.0.0.1/8"])
    assert sio._core.of("set_option") == [("trusted_proxies", ["10.0.0.1", "10.0.0.0/8"])]
    own = fanio.AsyncServer(trusted_proxies=["192.0.2.1"])
    own._trust(["10.0.0.1"])
    assert own._core.of("set_option") == []
    assert insides.forwarded_allow_ips(uvicorn.Config(plain, proxy_headers=False)) == []
