"""The real admin UI (npm `@socket.io/admin-ui`) in Chromium: log in, see a client, disconnect it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from fixtures.oracle import CHROMIUM, require_chromium, require_module, require_node
from fixtures.websocket import connected
from interop.test_chromium import FLAGS

if TYPE_CHECKING:
    from fixtures.server import Pool

pytestmark = pytest.mark.differs("node", reason="serves no such page")
SECONDS = 30


def test_log_in_see_a_client_and_disconnect_it(pool: Pool) -> None:
    require_chromium()
    require_module("playwright")
    require_node("@socket.io/admin-ui")
    from playwright.sync_api import expect, sync_playwright

    auth = {"username": "ada", "password": "secret"}
    server = pool.get("admin", environ={"FANIO_TEST_ADMIN": json.dumps({"auth": auth})})
    expect.set_options(SECONDS * 1000)
    with sync_playwright() as playwright, connected(server) as client:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        page = browser.new_page()
        page.set_default_timeout(SECONDS * 1000)
        # The page's fonts are on other hosts.
        page.route(re.compile(r"^https://"), lambda route: route.abort())
        page.goto(server.url)
        page.get_by_label("Server URL", exact=True).fill(server.url)
        page.get_by_label("Username", exact=True).fill("ada")
        page.get_by_label("Password", exact=True).fill("wrong")
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_text("Invalid credentials")).to_be_visible()
        page.get_by_label("Password", exact=True).fill("secret")
        page.get_by_role("button", name="Connect").click()
        expect(page.get_by_text("connected", exact=True).first).to_be_visible()
        expect(page.locator("code", has_text="/admin").first).to_be_visible()

        # A page that is loaded again needs no password.
        page.goto(f"{server.url}/#/sockets/")
        page.reload()
        (sid,) = [sid for sid in page_sids(page) if sid]
        assert sid == client.call("whoami")
        # Its one button disconnects it.
        page.get_by_role("row").filter(has_text=sid).get_by_role("button").click()
        while (packet := client.text()) != "41":
            assert packet == "2" or packet.startswith("42"), packet
        page.goto(f"{server.url}/#/sockets/")
        expect(page.locator("tbody").get_by_text(sid)).to_have_count(0)
        browser.close()


def page_sids(page) -> list[str]:
    """The sids in the table of sockets, once there are any."""
    cells = page.locator("tbody tr td:first-child")
    cells.first.wait_for()
    page.wait_for_function("/[A-Za-z0-9_-]{20}/.test(document.querySelector('tbody').innerText)")
    return [text.strip() for text in cells.all_inner_texts()]
