"""Several worker processes without a cluster: each warns at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from doors.servers import running
from fixtures.polling import PATH
from fixtures.stream import get

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such warning")
WARNING = "runs in 2 worker processes that are not joined"
STARTED = {"hypercorn": "Running on", "granian": "Started worker"}
GUNICORN = ("--worker-class", "uvicorn_worker.UvicornWorker")


@pytest.mark.parametrize("app", ["anywhere:app", "mounted:app", "engine:app"])
@pytest.mark.parametrize(
    ("server", "arguments"),
    [
        ("uvicorn", ("--workers", "2")),
        ("fanio run", ("--workers", "2", "--lifespan", "on")),
        ("gunicorn", ("--workers", "2", *GUNICORN)),
    ],
)
def test_each_worker_warns_at_its_start(tmp_path: Path, server: str, arguments: tuple[str, ...], app: str) -> None:
    with running(server, app, tmp_path / "log", *arguments) as found:
        found.wait_for("startup complete", 2)
        assert found.output().count(WARNING) == 2, found.output()
        assert "AsyncServer(shards=N)" in found.output()


def test_workers_of_the_environment_count(tmp_path: Path) -> None:
    with running("uvicorn", "mounted:app", tmp_path / "log", environ={"WEB_CONCURRENCY": "2"}) as server:
        server.wait_for("startup complete", 2)
        assert server.output().count(WARNING) == 2, server.output()


def test_preloaded_by_gunicorn_it_warns_once(tmp_path: Path) -> None:
    with running("gunicorn", "mounted:app", tmp_path / "log", "--workers", "2", "--preload", *GUNICORN) as server:
        server.wait_for("startup complete", 2)
        assert server.output().count(WARNING) == 1, server.output()


@pytest.mark.parametrize(
    ("server", "arguments", "app"),
    [
        ("uvicorn", (), "mounted:app"),
        ("uvicorn", ("--workers", "1"), "anywhere:app"),
        ("uvicorn", ("--workers", "2", "--reload", "--reload-dir", "../vectors"), "anywhere:app"),
        ("uvicorn", ("--workers", "2"), "managed:app"),
        ("gunicorn", GUNICORN, "anywhere:app"),
        ("hypercorn", (), "anywhere:app"),
        ("granian", (), "anywhere:app"),
    ],
)
def test_one_process_and_a_manager_of_ones_own_do_not_warn(
    tmp_path: Path, server: str, arguments: tuple[str, ...], app: str
) -> None:
    with running(server, app, tmp_path / "log", *arguments) as found:
        found.wait_for(STARTED.get(server, "startup complete"))
        found.wait_until_open()
        assert get(found, PATH).status == 200
        assert "worker processes that are not joined" not in found.output()


@pytest.mark.parametrize(("name", "started"), STARTED.items())
def test_workers_of_other_servers_count(tmp_path: Path, name: str, started: str) -> None:
    with running(name, "mounted:app", tmp_path / "log", "--workers", "2") as server:
        server.wait_for(started, 2)
        assert server.output().count(WARNING) == 2, server.output()


@pytest.mark.parametrize(
    ("arguments", "cause"),
    [(("--workers", "2"), "another of the 2 worker processes"), ((), "it has ended, or the server was restarted")],
)
def test_an_unknown_session_is_logged_with_its_likely_cause_once(
    tmp_path: Path, arguments: tuple[str, ...], cause: str
) -> None:
    with running("uvicorn", "anywhere:app", tmp_path / "log", *arguments) as server:
        server.wait_for("startup complete", 2 if arguments else 1)
        server.wait_until_open()
        for _ in range(6):
            assert get(server, f"{PATH}&sid=AAAAAAAAAAAAAAAAAAAA").json["message"] == "Session ID unknown"
        told = server.output().count(cause)
    assert 1 <= told <= (2 if arguments else 1)  # once in each process that has refused one
