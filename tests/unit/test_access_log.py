"""Lines of the access log: uvicorn's, by uvicorn's loggers."""

from __future__ import annotations

import logging

import pytest
import uvicorn

from fanio._doors.access_log import AccessLog
from fanio._request.session_environs import HandshakeScopes, SessionEnvirons

HEAD = b"GET /socket.io/%C3%A4?a=%20b&c=\xe4 HTTP/1.1\r\nHost: h\r\n\r\n"
PEER = ("192.0.2.1", 5)


@pytest.fixture(autouse=True)
def plain_loggers(monkeypatch):
    """uvicorn's loggers as if nobody had set them up; put back afterwards."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        for attribute, value in {"handlers": [], "propagate": True, "level": logging.NOTSET, "disabled": False}.items():
            monkeypatch.setattr(logger, attribute, value)
        monkeypatch.setattr(logger, "_cache", {})


@pytest.fixture
def access_log():
    return AccessLog(SessionEnvirons(None, HandshakeScopes(1)))


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO)
    return lambda: [(record.name, record.getMessage()) for record in caplog.records]


def config(**options):
    made = uvicorn.Config(None, **options)
    made.load_app = lambda: None
    made.load()
    return made


def test_a_request_has_the_arguments_of_uvicorns_formatter(access_log, lines, caplog):
    access_log.answered(0, HEAD, PEER, False, 200, False)
    path = "/socket.io/%C3%A4?a=%20b&c=\\xe4"
    assert lines() == [("uvicorn.access", f'192.0.2.1:5 - "GET {path} HTTP/1.1" 200')]
    assert caplog.records[0].args == ("192.0.2.1:5", "GET", path, "1.1", 200)


def test_a_unix_socket_has_no_address(access_log, lines):
    access_log.answered(0, b"GET / HTTP/1.0\r\n\r\n", None, False, 400, False)
    assert lines() == [("uvicorn.access", ' - "GET / HTTP/1.0" 400')]


ACCEPTED = '192.0.2.1:5 - "WebSocket /" [accepted]'
REFUSED = '192.0.2.1:5 - "WebSocket /" 418'


@pytest.mark.parametrize(
    ("protocol", "accepted", "refused"),
    [
        ("wsproto", [ACCEPTED], [REFUSED]),
        ("websockets-sansio", [ACCEPTED, "connection open"], [REFUSED, "connection rejected (418 I'm a Teapot)"]),
        ("none", [ACCEPTED], [REFUSED]),
    ],
)
def test_a_websocket_is_logged_as_its_protocol_would(access_log, lines, caplog, protocol, accepted, refused):
    access_log.core_options(config(ws=protocol, log_config=None))
    for status, expected in ((101, accepted), (418, refused)):
        caplog.clear()
        access_log.answered(0, b"GET / HTTP/1.1\r\n\r\n", PEER, False, status, True)
        assert lines() == [("uvicorn.error", line) for line in expected]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, (True, True, False)),
        ({"access_log": False}, (False, True, False)),
        ({"log_level": "warning"}, (False, False, False)),
    ],
)
def test_nothing_is_asked_for_that_would_not_be_logged(access_log, options, expected):
    assert access_log.core_options(config(ws="wsproto", **options)) == expected
