"""Frameworks that are made on python-socketio, as they come from PyPI."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from applications.test_kinds import Client
from fixtures.oracle import CHROMIUM, ORACLE, TESTS, require_chromium, require_module
from fixtures.server import Server, check_exit, path_with
from fixtures.stream import exchange, get
from fixtures.websocket import WebSocket
from interop.test_chromium import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

    from fixtures.server import Pool

pytestmark = pytest.mark.differs("node", reason="runs no Python")
SECONDS = 30
APPS = TESTS / "apps"


@contextlib.contextmanager
def executed(folder: Path, *command: str, **environ: str) -> Iterator[Server]:
    """A server that `python -m` starts in a folder, and that must end well."""
    more = {"PYTHONPATH": path_with(APPS), "PYTHONUNBUFFERED": "1"} | environ
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            env=os.environ | more,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(process, log)
    try:
        yield server
    finally:
        server.stop()
    check_exit(server)
    assert "Traceback" not in server.output(), server.output()


@contextlib.contextmanager
def browsing(server: Server) -> Iterator[Page]:
    """A page in Chromium, which gets nothing from anywhere else."""
    require_chromium()
    require_module("playwright")
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page()
        page.route(lambda url: not url.startswith(server.url), lambda route: route.abort())
        yield page
        browser.close()


def free_port() -> int:
    """A port for who must know it before the server has it."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def test_nicegui_in_chromium(pool: Pool, tmp_path: Path) -> None:
    require_module("nicegui", "playwright")
    from playwright.sync_api import expect

    # It tells the browser its port before it has one.
    run = {"port": free_port()}
    server = pool.start("framework_nicegui", run=run, environ={"NICEGUI_STORAGE_PATH": str(tmp_path)})
    try:
        with browsing(server) as page:
            page.goto(server.url)
            expect(page.get_by_text(re.compile(r"ticks: [1-9]"))).to_be_visible()
            for count in (1, 2):
                page.get_by_role("button", name="Press").click()
                expect(page.get_by_text(f"clicks: {count}", exact=True)).to_be_visible()
            page.reload()
            expect(page.get_by_text("clicks: 0", exact=True)).to_be_visible()
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


def test_chainlit_in_chromium(tmp_path: Path) -> None:
    require_module("chainlit", "playwright")
    from playwright.sync_api import expect

    start = ["fanio", "exec", "--as-socketio", "-m"] if ORACLE == "fanio" else []
    script = str(APPS / "framework_chainlit.py")
    options = ["--headless", "--debug", "--port", str(free_port())]
    with executed(tmp_path, *start, "chainlit", "run", script, *options) as server:
        with browsing(server) as page:

            def say(text: str) -> None:
                page.locator("#chat-input").press_sequentially(text)
                page.keyboard.press("Enter")

            def is_answered(answer: str | re.Pattern[str]) -> None:
                expect(page.get_by_text(answer, exact=True)).to_be_visible()

            page.goto(server.url)
            is_answered("welcome")
            say("hi")
            is_answered("answer: hi")
            say("ask")
            is_answered("your name?")
            say("Zoe")
            is_answered("hello Zoe")
            say("stream")
            is_answered(re.compile(r"^0 1 2 .* 48 49 ?$"))
            page.evaluate("postMessage('who', '*')")
            is_answered("who?")
            say("Max")
            is_answered("asked Max")
            page.reload()
            is_answered("welcome")
            say("again")
            is_answered("answer: again")
        assert "the chat has ended" in server.output()


def test_reflex_answers_what_its_page_sends(tmp_path: Path) -> None:
    """Its page needs a newer Node than ours to be built: the backend gets the packets of one."""
    require_module("reflex")
    config = "import reflex\nname = 'framework_reflex'\n"
    (tmp_path / "rxconfig.py").write_text(f"{config}config = reflex.Config(app_name=name, app_module_import=name)\n")
    start = ["fanio", "run", "--as-socketio"] if ORACLE == "fanio" else ["uvicorn"]
    app = ["--factory", "framework_reflex:app", "--port", "0"]
    environ = {"REFLEX_TELEMETRY_ENABLED": "false", "__REFLEX_SKIP_COMPILE": "true"}
    with executed(tmp_path, *start, *app, **environ) as server:
        for count in (1, 2):  # the state of a tab outlives its connection
            with tab(server) as websocket:
                send_reflex(websocket, "framework_reflex____counter.increment")
                assert reflex_delta(websocket, "count") == count
                send_reflex(websocket, "framework_reflex____counter.tick")
                while reflex_delta(websocket, "ticks") < 3 * count:
                    pass


@contextlib.contextmanager
def tab(server: Server) -> Iterator[WebSocket]:
    """A page of Reflex's that has connected; it names its version as a subprotocol."""
    target = "/_event/?token=11111111-2222-4333-8444-555555555555&EIO=4&transport=websocket"
    with WebSocket(server, target, "Sec-WebSocket-Protocol: 0.10.1") as websocket:
        assert websocket.handshake_response.header("sec-websocket-protocol") == "0.10.1"
        assert json.loads(websocket.text()[1:])["upgrades"] == []
        websocket.send("40/_event,")
        assert websocket.text().startswith('40/_event,{"sid":"')
        yield websocket


def send_reflex(websocket: WebSocket, name: str) -> None:
    """Sends an event of the page's."""
    event = {"name": f"reflex___state____state.{name}", "router_data": {"pathname": "/", "asPath": "/"}}
    websocket.send("42/_event," + json.dumps(["event", event]))


def reflex_delta(websocket: WebSocket, name: str) -> Any:
    """The next change of a variable of the page's state."""
    while True:
        event, update = json.loads(websocket.text().removeprefix("42/_event,"))
        assert event == "event"
        for changes in (update.get("delta") or {}).values():
            if f"{name}_rx_state_" in changes:
                return changes[f"{name}_rx_state_"]
