"""The conversation with every server; docs/doors.md has the table these tests stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from doors.conversation import converse
from doors.servers import running

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such doors")


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_plain_uvicorn_lets_the_shards_accept(tmp_path: Path, http: str, loop: str) -> None:
    with running("uvicorn", "app", tmp_path / "log", "--http", http, "--loop", loop) as server:
        converse(server)
        assert server.output().count("(door: accept)") == 1
