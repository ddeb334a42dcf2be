"""socket.io-client 4 in a real browser, on a page that our server serves."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import CHROMIUM, require_chromium, require_module, require_node
from interop.test_javascript import SCENARIOS

if TYPE_CHECKING:
    from fixtures.server import Pool

pytestmark = pytest.mark.differs("node", "python-socketio", reason="serves no such page")
MODES = ["polling", "websocket", "polling,websocket"]
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@functools.cache
def results(url: str, *modes: str) -> dict[str, dict[str, Any]]:
    """What went wrong in each mode and scenario; one browser runs them all."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        try:
            found = {}
            for mode in modes:
                page = browser.new_page()
                page.goto(url)
                page.wait_for_function("window.start", polling=20)
                found[mode] = page.evaluate("modes => window.start(modes)", mode.split(","))
                page.close()
        finally:
            browser.close()
    return found


@pytest.mark.parametrize("transports", MODES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_javascript_client_in_chromium(pool: Pool, scenario: str, transports: str) -> None:
    require_chromium()
    require_module("playwright")
    require_node("socket.io-client")
    error = results(pool.get("page").url, *MODES)[transports][scenario]
    assert not error, error


def test_chromium_compresses(pool: Pool) -> None:
    require_chromium()
    require_module("playwright")
    require_node("socket.io-client")
    server = pool.get("page", {"per_message_deflate": {"threshold": 0}})
    errors = {name: error for name, error in results(server.url, "websocket")["websocket"].items() if error}
    assert not errors, errors
