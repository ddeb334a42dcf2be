"""Servers that several tests here use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from doors.servers import running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.server import Server


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Socket.IO in FastAPI, under plain uvicorn."""
    with running("uvicorn", "mounted:app", tmp_path_factory.mktemp("mounted") / "log") as server:
        yield server
        assert "Traceback" not in server.output()
        assert "ERROR" not in server.output()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Socket.IO behind a middleware that changes the scope, under plain uvicorn."""
    with running("uvicorn", "anywhere:watched", tmp_path_factory.mktemp("watched") / "log") as server:
        yield server
