"""A uvicorn with unknown internals: fanio takes a slower door, and warns once."""

from __future__ import annotations

import asyncio
import logging

import pytest
import uvicorn
from fake_core import until

import fanio
from fanio._doors import uvicorn as insides
from fanio._doors.accept import ShardListener


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch):
    monkeypatch.setattr(insides, "_logged", set())
    monkeypatch.setattr(insides, "logger", lambda: logging.getLogger("fanio.doors"))


def warnings(caplog):
    return [record.getMessage() for record in caplog.records if record.name == "fanio.doors" and record.levelno > 20]


class Handed:
    """What uvicorn makes and hands over, of a class it does not have."""

    async def receive(self):
        raise NotImplementedError


def handed(module, name, **parts):
    kind = type(name, (Handed,), parts)
    kind.__module__ = module
    return kind().receive


def factory(qualname="Server.startup.<locals>.create_protocol", server=None, config=None):
    self = server

    def create_protocol():
        return self, config

    create_protocol.__module__, create_protocol.__qualname__ = "uvicorn.server", qualname
    return create_protocol


WEBSOCKETS = "uvicorn.protocols.websockets.wsproto_impl"
CASES = {
    "its protocol factory does not lead to its server": lambda: insides.config_of_factory(factory("Server.begin.make")),
    "its lifespan does not lead": lambda: insides.config_of_lifespan(handed("uvicorn.lifespan.on", "LifespanOn")),
    "it has no date_header, encoded_headers": lambda: insides.can_accept_for(factory(server=1, config=1)),
    "protocol for WebSockets NewProtocol": lambda: insides.protocol_of_websocket(handed(WEBSOCKETS, "NewProtocol")),
    "protocol for WebSockets WSProtocol": lambda: insides.protocol_of_websocket(handed(WEBSOCKETS, "WSProtocol")),
    "its requests do not lead to their connection": lambda: insides.protocol_of_request(
        handed("uvicorn.protocols.http.h11_impl", "RequestResponseCycle")
    ),
}


@pytest.mark.parametrize("what", CASES)
def test_an_unknown_shape_is_warned_of_once_with_version_and_consequence(caplog, what):
    assert not CASES[what]()
    assert not CASES[what]()
    (line,) = warnings(caplog)
    assert what in line
    assert f"uvicorn {uvicorn.__version__} " in line
    assert "slower" in line or "waits" in line


def test_servers_other_than_uvicorns_are_left_alone(caplog):
    own = handed("application", "Protocol")
    assert insides.protocol_of_websocket(own) is insides.protocol_of_request(own) is None
    assert insides.config_of_lifespan(own) is insides.config_of_factory(asyncio.Protocol) is None
    assert warnings(caplog) == []


async def test_uvicorn_keeps_its_connections_when_a_part_is_missing(caplog, monkeypatch):
    monkeypatch.setattr(insides, "_STATE_PARTS", ("connections", "sum_of_requests"))
    config = uvicorn.Config(fanio.ASGIApp(fanio.AsyncServer()), port=0, log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server._serve())
    await until(lambda: server.started)
    assert not isinstance(server.servers[0], ShardListener)
    server.should_exit = True
    await asyncio.wait_for(serving, 20)
    assert ["sum_of_requests" in line for line in warnings(caplog)] == [True]


async def test_a_uvicorn_that_listens_in_a_way_of_its_own_is_noticed(caplog):
    app = fanio.ASGIApp(fanio.AsyncServer())
    config = uvicorn.Config(app, log_level="error")
    config.load()
    lifespan = config.lifespan_class(config)
    await lifespan.startup()
    answers, bodies = [], []

    async def send(message):
        answers.append(message["type"])

    async def receive():
        if not bodies:
            await asyncio.Event().wait()
        return bodies.pop()

    scope = {"type": "http", "method": "GET", "path": "/socket.io/", "query_string": b"EIO=4", "headers": []}
    for _ in range(2):
        bodies.append({"type": "http.request", "body": b""})
        await app(scope, receive, send)
    assert answers[:2] == ["http.response.start", "http.response.body"]
    await lifespan.shutdown()
    assert ["without asking its event loop" in line for line in warnings(caplog)] == [True]


@pytest.mark.parametrize(("http2", "accepts"), [(True, False), (False, True)])
def test_a_uvicorn_that_speaks_http2_keeps_its_connections(caplog, http2, accepts):
    config = uvicorn.Config(fanio.ASGIApp(fanio.AsyncServer()), loop="asyncio")
    config.load()
    config.http2 = http2
    assert insides.can_accept_for(factory(server=uvicorn.Server(config), config=config)) is accepts
    assert warnings(caplog) == []
