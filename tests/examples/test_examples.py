"""Each example runs, and does what its first line says."""

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import socketio

from fixtures.oracle import CHROMIUM, require_chromium, require_module
from interop.test_chromium import FLAGS

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(name):
    """Run an example; yields its URL."""
    with started(name) as (url, _process):
        yield url


@contextlib.contextmanager
def started(name, **streams):
    """Run an example; yields its URL and its process."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(EXAMPLES / name), str(port)], **streams)
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, f"{name} does not listen"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.terminate()
        process.wait(20)


class Client:
    """A python-socketio client that keeps what it gets."""

    def __init__(self, *events, namespace="/"):
        self.sio = socketio.AsyncClient()
        self.got = asyncio.Queue()
        for event in events:
            self.sio.on(event, self._keep(event), namespace=namespace)

    def _keep(self, event):
        async def keep(*args):
            await self.got.put((event, *args))

        return keep

    async def next(self):
        return await asyncio.wait_for(self.got.get(), 10)


async def test_echo_answers_with_the_arguments():
    with running("echo.py") as url:
        client = Client()
        await client.sio.connect(url)
        assert await client.sio.call("any", ("thing", 7)) == ("any", "thing", 7)
        await client.sio.disconnect()


async def test_chat_knows_rooms_and_names():
    with running("chat.py") as url:
        nameless = Client()
        with pytest.raises(socketio.exceptions.ConnectionError):
            await nameless.sio.connect(url)
        ada, bob = Client("joined", "line", "left"), Client("joined", "line", "left")
        await ada.sio.connect(url, auth={"name": "ada"})
        await bob.sio.connect(url, auth={"name": "bob"})
        assert await ada.sio.call("join", "tea") == ["tea"]
        assert await bob.sio.call("join", "tea") == ["tea"]
        assert await ada.next() == ("joined", "bob")
        await bob.sio.emit("say", ("tea", "hello"))
        assert await ada.next() == ("line", "tea", "bob", "hello")
        assert await bob.next() == ("line", "tea", "bob", "hello")
        await bob.sio.disconnect()
        assert await ada.next() == ("left", "bob")
        await ada.sio.disconnect()


async def test_namespaces_are_separate_and_guarded():
    with running("namespaces.py") as url:
        reader = Client("headline", namespace="/news")
        await reader.sio.connect(url, namespaces=["/news"])
        assert await reader.next() == ("headline", "welcome")
        with pytest.raises(socketio.exceptions.ConnectionError):
            await Client().sio.connect(url, namespaces=["/editors"])
        editor = Client()
        await editor.sio.connect(url, namespaces=["/editors"], auth={"password": "secret"})
        assert await editor.sio.call("publish", "fanio", namespace="/editors") == "published"
        assert await reader.next() == ("headline", "fanio")
        await editor.sio.disconnect()
        await reader.sio.disconnect()


async def test_fastapi_broadcasts_what_is_announced():
    with running("fastapi_app.py") as url:
        client = Client("announcement")
        await client.sio.connect(url)
        await asyncio.to_thread(lambda: urllib.request.urlopen(f"{url}/announce/now").read())
        assert await client.next() == ("announcement", "now")
        assert await client.sio.call("ping") == "pong"
        await client.sio.disconnect()


def test_the_server_and_the_client_of_the_readme(tmp_path):
    text = (EXAMPLES.parent / "README.md").read_text()
    server, client = re.findall(r"```python\n(.*?)```", text, re.DOTALL)[:2]
    port = str(free_port())
    (tmp_path / "server.py").write_text(server.replace("8000", port))
    (tmp_path / "client.py").write_text(client.replace("8000", port))
    command = [sys.executable, "-m", "fanio", "run", "server:app", "--port", port]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(command, cwd=tmp_path, env=os.environ | {"PYTHONUNBUFFERED": "1"}, **streams)
    try:
        while "Uvicorn running" not in (line := process.stdout.readline()):
            assert line, "the server has ended"
        done = subprocess.run([sys.executable, "client.py"], cwd=tmp_path, capture_output=True, text=True, timeout=30)
    finally:
        process.terminate()
        rest = process.communicate(timeout=20)[0]
    assert (done.stdout, done.stderr) == ("sent\n", "")
    assert "client disconnect" in rest


class Demo:
    """The demo's page in Chromium, and the server's process."""

    def __init__(self, browser, url, process):
        self.browser, self.url, self.process = browser, url, process
        self.errors = []

    def open(self, width=1280, theme="dark"):
        """The page, when it has drawn everything."""
        page = self.browser.new_page(viewport={"width": width, "height": 800}, color_scheme=theme)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(self.url)
        page.wait_for_function("document.querySelectorAll('.cell').length === 48")
        return page


@pytest.fixture
def demo():
    require_chromium()
    require_module("playwright")
    from playwright.sync_api import sync_playwright

    with started("demo/server.py") as (url, process), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        found = Demo(browser, url, process)
        yield found
        browser.close()
    assert found.errors == []


def shows(page, element, text):
    page.wait_for_function("([id, text]) => document.getElementById(id).textContent === text", arg=[element, text])


def test_the_demo_draws_what_arrives(demo):
    page = demo.open()
    before = page.inner_text("#board")
    page.wait_for_function("before => document.getElementById('board').innerText !== before", arg=before)
    page.click("[data-sector=energy]")
    page.wait_for_function("document.querySelectorAll('.cell.quiet').length === 36")
    page.fill("#rate", "30")
    shows(page, "rate-value", "30 / s")
    page.wait_for_function("Number(document.getElementById('received').textContent) > 0")
    other = demo.open()
    shows(other, "rate-value", "30 / s")
    assert other.input_value("#rate") == "30"


def test_the_demo_adds_clients_up_to_its_limit_and_removes_them(demo):
    page = demo.open()
    page.click("[data-add='500']")
    shows(page, "clients", "501")
    shows(page, "simulated", "500")
    page.evaluate("socket.emit('simulate', 99999)")
    shows(page, "note", "15,000 simulated clients is the limit here.")
    page.click("[data-add='0']")
    shows(page, "clients", "1")
    shows(page, "note", "")


def test_the_demo_says_why_simulated_clients_have_ended(demo):
    page = demo.open()
    page.click("[data-add='500']")
    shows(page, "clients", "501")
    for child in children(demo.process.pid):
        os.kill(child, signal.SIGTERM)
    page.wait_for_function("document.getElementById('note').textContent.startsWith('500 simulated clients have ended')")
    shows(page, "simulated", "0")


def test_a_demo_whose_server_has_stopped_shows_nothing_as_alive(demo):
    page = demo.open()
    shows(page, "clients", "1")
    assert page.is_enabled("[data-add='500']")
    demo.process.terminate()
    demo.process.wait(20)
    page.wait_for_function("document.getElementById('link').textContent.includes('trying again')")
    time.sleep(1.2)  # the page writes its own figures once a second
    for figure in ("clients", "deliveries", "received", "p50", "p99", "simulated"):
        assert page.inner_text(f"#{figure}") == "–"
    assert page.is_disabled("[data-add='500']")
    assert not page.evaluate("document.body.classList.contains('online')")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
def test_the_demo_fits_every_window(demo, width, theme):
    page = demo.open(width, theme)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    outside = """width => [...document.querySelectorAll('button, input, output, .figures div')]
        .map((one) => one.getBoundingClientRect()).filter((box) => box.left < 0 || box.right > width).length"""
    assert page.evaluate(outside, width) == 0
    ground, ink = page.evaluate(
        "(({backgroundColor, color}) => [backgroundColor, color])(getComputedStyle(document.body))"
    )
    light = {name: sum(map(int, re.findall(r"\d+", color))) for name, color in (("ground", ground), ("ink", ink))}
    assert (light["ground"] > light["ink"]) is (theme == "light")
    assert abs(light["ground"] - light["ink"]) > 500


def test_the_demo_writes_no_line_for_each_client(tmp_path):
    with (tmp_path / "log").open("wb") as log, started("demo/server.py", stdout=log, stderr=log) as (url, _process):
        for path in ("/", "/demo.js", "/socket.io/?EIO=4&transport=polling"):
            urllib.request.urlopen(url + path).read()
        bench = [sys.executable, "-m", "fanio", "bench", "--mode", "connect", "--clients", "20", url]
        subprocess.run(bench, check=True, capture_output=True)
    lines = (tmp_path / "log").read_text().splitlines()
    assert [line.split(" (")[0] for line in lines] == [f"The demo is at {url}"]


def test_a_port_that_is_taken_is_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, str(EXAMPLES / "demo/server.py"), str(port)]
        done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    expected = f"Port {port} cannot be used (Address already in use). Try another: make demo PORT={port + 1}\n"
    assert (done.stdout, done.stderr) == ("", expected)


def test_the_demo_installs_what_it_needs_and_no_more():
    command = ["make", "--dry-run", "--always-make", "demo", "PORT=8123"]
    done = subprocess.run(command, cwd=EXAMPLES.parent, capture_output=True, text=True, check=True)
    assert "--group build" in done.stdout
    assert "examples/demo && npm install" in done.stdout
    assert "examples/demo/server.py 8123" in done.stdout
    assert "--group everything" not in done.stdout
    assert "tests/" not in done.stdout
    # maturin installs a group of this name by itself.
    groups = (EXAMPLES.parent / "pyproject.toml").read_text().partition("[dependency-groups]")[2]
    assert not re.search(r"^dev\b", groups, re.MULTILINE)


def children(pid):
    """The processes that a process has started."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
