"""A Reflex app with a counter and a background event. It does not import fanio."""

from __future__ import annotations

import asyncio

import reflex as rx


class Counter(rx.State):
    """What each tab has of its own."""

    count: int = 0
    ticks: int = 0

    @rx.event
    def increment(self) -> None:
        """Counts."""
        self.count += 1

    @rx.event(background=True)
    async def tick(self) -> None:
        """Counts while nobody waits."""
        for _ in range(3):
            await asyncio.sleep(0.01)
            async with self:
                self.ticks += 1


def index() -> rx.Component:
    """The page."""
    return rx.fragment(rx.text(Counter.count), rx.button("Increment", on_click=Counter.increment))


app = rx.App()
app.add_page(index)
