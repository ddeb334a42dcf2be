"""The conversation with every server; docs/doors.md shows the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from doors.conversation import converse
from doors.servers import running, says
from doors.table import BEGIN, BRIDGED, END, PAGE, ROWS, SHARDS, TAKEN, Row, render

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such doors")

WEBSOCKETS = {TAKEN: "(door: takeover)", BRIDGED: "WebSockets come through ASGI messages (door: bridge)"}
POLLING = "polling comes through ASGI messages (door: bridge)"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.name} {row.app}")
def test_every_server_serves_every_transport(tmp_path: Path, row: Row) -> None:
    name, _, value = row.environ.partition("=")
    environ = {name: value} if name else {}
    with running(row.server, row.app, tmp_path / "log", *row.parts.split(), environ=environ) as server:
        converse(server)
        output = server.output()
        if row.polling == SHARDS:
            says(server, "(door: accept)")
        elif row.server in ("uvicorn", "fanio run", "gunicorn"):
            says(server, POLLING, WEBSOCKETS[row.websocket])
        assert "Traceback" not in output
        # The conversation has requests that are to be refused.
        assert not [line for line in output.splitlines() if "ERROR" in line and "(further occurrences" not in line]
    assert ("shutdown handler ran" in server.output()) is row.has_lifespan


def test_the_page_shows_these_rows() -> None:
    page = PAGE.read_text()
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == render(), "run `make doors`"
