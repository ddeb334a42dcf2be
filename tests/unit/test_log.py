"""Loggers: their names, and what the two arguments mean."""

from __future__ import annotations

import logging

import pytest
from fake_core import until

import fanio
from fanio._log import server_logger


@pytest.fixture
def name():
    """The name of a logger that is as new after the test."""
    logger = logging.getLogger("socketio.for-a-test")
    yield logger.name
    logger.setLevel(logging.NOTSET)
    logger.handlers.clear()


@pytest.mark.parametrize(("option", "level"), [(False, logging.ERROR), (True, logging.INFO)])
def test_level_and_a_handler_when_nothing_is_configured(name, option, level, monkeypatch):
    monkeypatch.setattr(logging.Logger, "hasHandlers", lambda _: False)
    logger = server_logger(name, option)
    assert logger.level == level
    assert len(logger.handlers) == 1


def test_a_log_level_set_by_the_application_is_honoured(name):
    logging.getLogger(name).setLevel(logging.WARNING)
    for option in (False, True):
        assert server_logger(name, option).level == logging.WARNING
    assert not logging.getLogger(name).handlers


def test_no_line_is_written_twice(name):
    # pytest's handlers stand for those of the application.
    assert not server_logger(name, True).handlers


def test_a_logger_is_taken_as_it_is(name):
    mine = logging.getLogger("mine")
    assert server_logger(name, mine) is mine


class Foreign:
    """A logger with nothing but the methods for lines."""

    def __init__(self):
        self.lines = []

    def info(self, line):
        self.lines.append(("info", line))

    def error(self, line):
        self.lines.append(("error", line))


async def test_a_logger_of_another_library_is_given_the_lines(serve):
    mine, packets = Foreign(), Foreign()
    sio, core = serve(logger=mine, engineio_logger=packets)
    sio.on("e", lambda sid: 1 / 0)
    sid = core.connect()
    await until(lambda: core.of("accept"))
    core.event(sid, b'["e"]')
    await until(lambda: len(mine.lines) == 2)
    await sio.emit("f", "100%")
    core.drop(sid)
    await until(lambda: core.forgotten)
    received, failed, emitting = mine.lines
    assert received == ("info", f'received event "e" from {sid} [/]')
    assert failed[0] == "error"
    assert "ZeroDivisionError" in failed[1]
    assert emitting == ("info", 'emitting event "f" to all [/]')
    assert packets.lines[-1] == ("info", "session1: Client is gone from / (transport close)")


async def test_an_adapter_is_given_the_lines(serve, caplog):
    caplog.set_level(logging.INFO, "mine")
    sio, _ = serve(logger=logging.LoggerAdapter(logging.getLogger("mine"), {"a": 1}))
    await sio.emit("100%")
    assert (caplog.messages, caplog.records[0].a) == (['emitting event "100%" to all [/]'], 1)


@pytest.mark.parametrize("option", ["info", 1, object()])
def test_what_is_no_logger_is_refused(fake, option):
    with pytest.raises(TypeError, match=r"logger of socketio.server: expected True, False or a logger, got "):
        fanio.AsyncServer(logger=option)


def test_a_new_server_says_so(caplog):
    mine = logging.getLogger("mine")
    caplog.set_level(logging.INFO, "mine")
    fanio.AsyncServer(engineio_logger=mine)
    assert caplog.messages == ["Server initialized for asgi."]


async def test_engineio_logger_shows_packets(serve, caplog):
    caplog.set_level(logging.INFO, "mine")
    sio, core = serve(engineio_logger=logging.getLogger("mine"))
    caplog.clear()
    sio.on("e", lambda sid: "well", namespace="/x")
    sid = core.connect("/x", b'{"a":1}')
    await until(lambda: core.of("accept"))
    core.event(sid, b'["e"]', 7)
    await until(lambda: core.of("ack"))
    await sio.emit("f", 1, to=sid, namespace="/x")
    core.answer(sid, b"[2]", 5)
    core.drop(sid)
    await until(lambda: core.forgotten)
    session = "session1"
    assert [record.getMessage() for record in caplog.records if record.name == "mine"] == [
        f'{session}: Received packet MESSAGE data 0/x,{{"a":1}}',
        f'{session}: Sending packet MESSAGE data 0/x,{{"sid":"{sid}"}}',
        f'{session}: Received packet MESSAGE data 2/x,7["e"]',
        f'{session}: Sending packet MESSAGE data 3/x,7["well"]',
        f"['{sid}']: Sending packet MESSAGE data 2/x,[\"f\",1]",
        f"{session}: Received packet MESSAGE data 3/x,5[2]",
        f"{session}: Client is gone from /x (transport close)",
    ]


def test_arguments_name_python_socketios_loggers(fake):
    import fanio

    sio = fanio.AsyncServer()
    assert sio.logger.name == "socketio.server"
    assert sio._packet_log.logger.name == "engineio.server"
