"""Each example runs, and does what its first line says."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import socketio

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def running(name):
    """Run an example; yields its URL."""
    port = free_port()
    process = subprocess.Popen([sys.executable, str(EXAMPLES / name), str(port)])
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < until, f"{name} does not listen"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
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


def test_the_demo_draws_what_arrives():
    sync_api = pytest.importorskip("playwright.sync_api")
    if not Path("/usr/bin/chromium").exists():
        pytest.skip("needs /usr/bin/chromium")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with running("demo/server.py") as url, sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=flags)
        page = browser.new_page()
        errors = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.wait_for_function("document.querySelectorAll('.cell').length === 48")
        before = page.inner_text("#board")
        page.wait_for_function("before => document.getElementById('board').innerText !== before", arg=before)
        page.click("[data-sector=energy]")
        page.wait_for_function("document.querySelectorAll('.cell.quiet').length === 36")
        page.click("[data-add='500']")
        page.wait_for_function("document.getElementById('clients').textContent === '501'")
        page.fill("#rate", "30")
        page.wait_for_function("document.getElementById('rate-value').textContent === '30 / s'")
        page.wait_for_function("Number(document.getElementById('received').textContent) > 0")
        page.click("[data-add='0']")
        page.wait_for_function("document.getElementById('clients').textContent === '1'")
        browser.close()
    assert errors == []
