"""A takeover happens only if every object of uvicorn has the known structure."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest
from starlette._exception_handler import wrap_app_handling_exceptions
from starlette.middleware.sessions import SessionMiddleware
from starlette.websockets import WebSocket

from fanio._doors.takeover import take_over

HEADERS = [
    (b"host", b"a.example"),
    (b"connection", b"Upgrade"),
    (b"upgrade", b"websocket"),
    (b"sec-websocket-version", b"13"),
    (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
    (b"content-length", b"5"),
]


class Config:
    limit_concurrency = None


class Transport:
    def __init__(self, stream):
        self.extra = {"socket": stream}
        self.closing = False
        self.waiting = 0
        self.protocol = None
        self.written = []

    def get_extra_info(self, name):
        return self.extra.get(name)

    def is_closing(self):
        return self.closing

    def get_write_buffer_size(self):
        return self.waiting

    def get_protocol(self):
        return self.protocol

    def write(self, data):
        self.written.append(data)

    def close(self):
        self.closing = True


class Protocol:
    def __init__(self, transport):
        self.transport = transport
        self.config = Config()
        self.handshake_complete = False
        transport.protocol = self

    async def receive(self):
        raise NotImplementedError

    async def send(self, message):
        raise NotImplementedError


Protocol.__module__ = "uvicorn.protocols.websockets.wsproto_impl"
Protocol.__qualname__ = "WSProtocol"


class Core:
    def __init__(self):
        self.adopted = []

    def adopt(self, fd, path, data, peer, secure, log):
        self.adopted.append((fd, path, data, peer, secure, log))


class AccessLog:
    def core_options(self, config):
        assert isinstance(config, Config)
        return "lines"


class Case:
    """A WebSocket that may move."""

    def __init__(self):
        self.ours, self.theirs = socket.socketpair()
        self.transport = Transport(self.ours)
        self.protocol = Protocol(self.transport)
        self.scope = {
            "type": "websocket",
            "http_version": "1.1",
            "path": "/socket.io/",
            "headers": list(HEADERS),
            "client": ("192.0.2.1", 5),
            "scheme": "ws",
        }
        self.receive = self.protocol.receive
        self.send = self.protocol.send
        self.core = Core()
        self.access_log = AccessLog()

    def moves(self):
        mark = [(b"x-mark", b"1")]
        return take_over(self.core, self.access_log, mark, self.scope, self.receive, self.send)

    def close(self):
        for fd, *_ in self.core.adopted:
            os.close(fd)
        self.ours.close()
        self.theirs.close()


@pytest.fixture
def case():
    made = Case()
    yield made
    made.close()


def test_a_duplicate_and_the_head_go_to_a_shard(case):
    assert case.moves()
    ((fd, path, data, peer, secure, log),) = case.core.adopted
    assert fd != case.ours.fileno()
    os.write(fd, b"hello")
    assert case.theirs.recv(10) == b"hello"
    assert (path, peer, secure, log) == ("", ("192.0.2.1", 5), False, "lines")
    assert data.startswith(b"GET /socket.io/ HTTP/1.1\r\nhost: a.example\r\nconnection: Upgrade\r\n")
    assert data.endswith(b"x-mark: 1\r\n\r\n")
    assert b"content-length" not in data


def test_the_protocol_is_left_with_nothing_to_write_to(case):
    assert case.moves()
    assert case.transport.closing
    assert case.protocol.handshake_complete
    for speak in (case.protocol.transport.close, case.protocol.transport.abort, case.protocol.transport.write_eof):
        speak()
    case.protocol.transport.write(b"HTTP/1.1 500")
    assert case.protocol.transport.is_closing()
    assert case.transport.written == []


def wrap(inner):
    async def outer(*args):
        return await inner(*args)

    return outer


def other_class(case):
    case.protocol = type("Other", (), {"receive": Protocol.receive, "send": Protocol.send})()
    case.receive, case.send = case.protocol.receive, case.protocol.send


CHANGES = {
    "receive is wrapped": lambda case: setattr(case, "receive", wrap(case.receive)),
    "send is wrapped": lambda case: setattr(case, "send", wrap(case.send)),
    "send is another's": lambda case: setattr(case, "send", Protocol(Transport(case.ours)).send),
    "another class": other_class,
    "HTTP/2": lambda case: case.scope.update(http_version="2"),
    "no version": lambda case: case.scope.pop("http_version"),
    "no key": lambda case: case.scope["headers"].remove(HEADERS[4]),
    "TLS": lambda case: case.transport.extra.update(sslcontext=object()),
    "no socket": lambda case: case.transport.extra.pop("socket"),
    "closing": lambda case: case.transport.close(),
    "bytes wait": lambda case: setattr(case.transport, "waiting", 1),
    "another protocol": lambda case: setattr(case.transport, "protocol", object()),
    "accepted": lambda case: setattr(case.protocol, "handshake_complete", True),
    "a limit": lambda case: setattr(case.protocol.config, "limit_concurrency", 10),
    "a socket that is gone": lambda case: case.ours.close(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_it_stays_where_it_is(case, change):
    was_closing = change == "closing"
    CHANGES[change](case)
    assert not case.moves()
    assert case.core.adopted == []
    assert case.transport.closing is was_closing


def test_wrappers_that_ignore_websockets_are_known(case):
    found = []

    async def app(scope, receive, send):
        case.receive, case.send = receive, send
        found.append(case.moves())

    conn = WebSocket({**case.scope, "starlette.exception_handlers": ({}, {})}, case.receive, case.send)
    wrapped = wrap_app_handling_exceptions(SessionMiddleware(app, "secret"), conn)
    asyncio.run(wrapped(case.scope, case.receive, case.send))
    assert found == [True]
