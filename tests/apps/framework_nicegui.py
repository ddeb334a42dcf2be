"""A NiceGUI page with a button and a timer, on an unchanged NiceGUI."""

from __future__ import annotations

import json
import os

import impersonated  # noqa: F401 (first)

# NiceGUI would take itself for the subject of a test of its own.
os.environ.pop("PYTEST_CURRENT_TEST", None)

from nicegui import ui


@ui.page("/")
def page() -> None:
    clicks, ticks = ui.label("clicks: 0"), ui.label("ticks: 0")
    counts = {"clicks": 0, "ticks": 0}

    def click() -> None:
        counts["clicks"] += 1
        clicks.set_text(f"clicks: {counts['clicks']}")

    def tick() -> None:
        counts["ticks"] += 1
        ticks.set_text(f"ticks: {counts['ticks']}")

    ui.button("Press", on_click=click)
    ui.timer(0.1, tick)


settings = json.loads(os.environ["FANIO_TEST_RUN"])
ui.run(host="127.0.0.1", port=settings["port"], show=False, reload=False, uvicorn_logging_level="info")
