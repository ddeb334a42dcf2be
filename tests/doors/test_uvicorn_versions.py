"""The same doors are open under the oldest uvicorn that is allowed and under the newest."""

from __future__ import annotations

import importlib.metadata
from typing import TYPE_CHECKING

import pytest

from doors.conversation import converse
from doors.servers import running, says
from doors.versions import HOME, VERSIONS, oldest
from fixtures.oracle import require
from fixtures.polling import PATH
from fixtures.stream import get

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such doors")
TAKEOVER = ("polling comes through ASGI messages (door: bridge)", "(door: takeover)")
#: A command line and an app, with the doors that the log names.
ROWS = [
    ("--http httptools --loop uvloop", "anywhere:app", ("(door: accept)",)),
    ("--http h11 --loop asyncio", "anywhere:app", ("(door: accept)",)),
    ("--loop fanio.loop:new_event_loop --lifespan off", "anywhere:app", ("(door: accept)",)),
    ("--ws auto", "mounted:app", TAKEOVER),
    ("--ws websockets", "mounted:app", TAKEOVER),
    ("--ws websockets-sansio", "mounted:app", TAKEOVER),
    ("--ws wsproto", "anywhere:watched", TAKEOVER),
]


def environ(name: str) -> dict[str, str]:
    """What puts a version before the installed one."""
    require((HOME / name / "uvicorn").is_dir(), "more versions of uvicorn: run `make uvicorn-versions`")
    return {"PYTHONPATH": str(HOME / name)}


def version(name: str) -> str:
    return next(iter(importlib.metadata.distributions(name="uvicorn", path=[str(HOME / name)]))).version


@pytest.mark.parametrize("name", VERSIONS)
@pytest.mark.parametrize(("parts", "app", "lines"), ROWS, ids=lambda value: value if isinstance(value, str) else "")
def test_each_door_opens(tmp_path: Path, name: str, parts: str, app: str, lines: tuple[str, ...]) -> None:
    with running("uvicorn", app, tmp_path / "log", *parts.split(), environ=environ(name)) as server:
        converse(server)
        says(server, *lines)
        assert "does not know" not in server.output()
        assert "Traceback" not in server.output()


@pytest.mark.parametrize("name", VERSIONS)
def test_workers_and_missing_websockets_are_reported(tmp_path: Path, name: str) -> None:
    arguments = ("--workers", "2", "--ws", "none")
    with running("uvicorn", "mounted:app", tmp_path / "log", *arguments, environ=environ(name)) as server:
        server.wait_for("startup complete", 2)
        server.wait_until_open()
        assert '"upgrades":[]' in get(server, PATH).text
        assert server.output().count("runs in 2 worker processes") == 2
        assert server.output().count("uvicorn cannot serve WebSockets here") == 1


def test_the_versions_are_the_ones_they_claim_to_be() -> None:
    for name in VERSIONS:
        environ(name)
    assert version("oldest") == oldest()
    installed = importlib.metadata.version("uvicorn")
    assert tuple(map(int, version("newest").split("."))) >= tuple(map(int, installed.split(".")))
