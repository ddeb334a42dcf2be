"""Frameworks that are made on python-socketio, as they come from PyPI."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from applications.test_kinds import Client
from fixtures.oracle import CHROMIUM, require_chromium, require_module
from fixtures.stream import exchange, get
from interop.test_chromium import FLAGS

if TYPE_CHECKING:
    from pathlib import Path

    from fixtures.server import Pool

pytestmark = pytest.mark.differs("node", reason="runs no Python")
SECONDS = 30


def test_nicegui_in_chromium(pool: Pool, tmp_path: Path) -> None:
    require_chromium()
    require_module("nicegui", "playwright")
    from playwright.sync_api import expect, sync_playwright

    with socket.socket() as probe:  # it tells the browser its port before it has one
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = pool.start("framework_nicegui", run={"port": port}, environ={"NICEGUI_STORAGE_PATH": str(tmp_path)})
    expect.set_options(SECONDS * 1000)
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
            page = browser.new_page()
            page.goto(server.url)
            expect(page.get_by_text(re.compile(r"ticks: [1-9]"))).to_be_visible()
            for count in (1, 2):
                page.get_by_role("button", name="Press").click()
                expect(page.get_by_text(f"clicks: {count}", exact=True)).to_be_visible()
            page.reload()
            expect(page.get_by_text("clicks: 0", exact=True)).to_be_visible()
            browser.close()
    finally:
        server.stop()
    assert "Traceback" not in server.output(), server.output()


def test_plombery_emits_from_another_thread(pool: Pool, tmp_path: Path) -> None:
    require_module("plombery", "socketio")
    environ = {"DATA_PATH": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/plombery.db"}
    server = pool.start("framework_plombery", environ=environ)
    try:
        with Client(server, socketio_path="/ws") as client:
            body = json.dumps({"reason": "test"}).encode()
            answer = exchange(
                server, "POST", "/api/pipelines/greetings/run", "Content-Type: application/json", body=body
            )
            assert answer.status == 200, answer
            run_id = answer.json["id"]
            heard: list[str] = []

            def has_heard_all(event: list[Any]) -> bool:
                heard.append(json.dumps(event))
                text = "\n".join(heard)
                return f"logs.{run_id}" in text and "hello from the pipeline" in text and "completed" in text

            client.until(has_heard_all)
    finally:
        server.stop()


@pytest.mark.differs("python-socketio", reason="does not find its path below a mount of a current Starlette")
def test_fastapi_socketio(pool: Pool) -> None:
    require_module("fastapi_socketio", "socketio")
    server = pool.get("framework_fastapi_socketio")
    with Client(server, socketio_path="/ws/socket.io") as client:
        client.emit("join")
        assert client.until(lambda event: True) == ["lobby", "User joined"]
        assert get(server, "/hello").status == 200
        assert client.until(lambda event: True) == ["lobby", "from a route"]
