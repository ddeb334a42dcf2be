"""How a server ends: as plain uvicorn does, whichever door its clients came in by."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from doors.servers import running
from fixtures.polling import polling
from fixtures.stream import Stream
from fixtures.websocket import CLOSE, connected

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such doors")

APPS = ["anywhere:app", "mounted:app", "anywhere:watched"]


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_every_client_is_notified_and_requests_finish(tmp_path: Path, app: str, ending: signal.Signals) -> None:
    with (
        running("uvicorn", app, tmp_path / "log") as server,
        connected(server, auth={"tag": "x"}) as client,
        polling(server) as session,
        Stream(server) as stream,
    ):
        session.start_get()
        stream.request("POST", "/echo", "Content-Length: 5")
        stream.send(b"he")
        assert client.is_served()
        server.process.send_signal(ending)
        frame = client.frame()
        assert (frame.opcode, frame.payload[:2]) == (CLOSE, b"\x03\xf4")
        assert session.finish_get().status == 200
        stream.send(b"llo")
        assert stream.response().text == "hello"
        # The process itself, uvicorn raises the signal again once all is done.
        assert server.process.wait(25) in (0, -ending)
        assert "shutdown handler ran" in server.output()
        assert "Traceback" not in server.output(), server.output()
        assert "ERROR" not in server.output(), server.output()


@pytest.mark.parametrize("app", APPS)
def test_disconnect_handlers_run(tmp_path: Path, app: str) -> None:
    with running("uvicorn", app, tmp_path / "log") as server, connected(server) as client, polling(server) as session:
        for one in (client, session):
            assert one.call("tell-of-end") is None
        server.process.send_signal(signal.SIGTERM)
        assert client.close_code() == 1012
        server.process.wait(25)
        assert server.output().count("ended: server shutdown") == 2, server.output()


@pytest.mark.parametrize("app", [*APPS, "anywhere:guarded"])
def test_a_poll_that_waits_does_not_hold_the_end_up(tmp_path: Path, app: str) -> None:
    environ = {"FANIO_TEST_OPTIONS": json.dumps({"ping_interval": 300})}
    with running("uvicorn", app, tmp_path / "log", environ=environ) as server, polling(server) as session:
        session.start_get()
        assert not session.getter.has_bytes(0.05)
        server.process.send_signal(signal.SIGTERM)
        assert session.finish_get().status == 200
        assert server.process.wait(25) in (0, -signal.SIGTERM)


@pytest.mark.parametrize("app", APPS)
def test_a_handler_that_hangs_is_left_when_its_time_is_over(tmp_path: Path, app: str) -> None:
    arguments = ["--timeout-graceful-shutdown", "1"]
    with running("uvicorn", app, tmp_path / "log", *arguments) as server, connected(server) as client:
        client.send('421["slow",600]')
        assert client.is_served()
        server.process.send_signal(signal.SIGTERM)
        assert client.close_code() == 1012
        assert server.process.wait(25) in (0, -signal.SIGTERM)
        assert "shutdown handler ran" in server.output()


@pytest.mark.parametrize("app", APPS)
def test_a_second_interrupt_ends_at_once(tmp_path: Path, app: str) -> None:
    with running("uvicorn", app, tmp_path / "log") as server, connected(server) as client:
        client.send('421["slow",600]')
        assert client.is_served()
        server.process.send_signal(signal.SIGINT)
        assert client.close_code() == 1012
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(25) in (0, -signal.SIGINT)
