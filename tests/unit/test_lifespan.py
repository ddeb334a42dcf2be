"""Hooks run around another app's lifespan, in order, whatever that app does."""

from __future__ import annotations

import pytest
from asgi_client import Connection

from fanio._doors.lifespan import Lifespan


class Story:
    """A lifespan and what happened in it."""

    def __init__(self, app=None, startup=None, shutdown=None):
        self.log = []
        self.app = app
        self.startup = startup or (lambda: self.log.append("up"))
        self.shutdown = shutdown or (lambda: self.log.append("down"))

    async def close(self):
        self.log.append("close")

    async def run(self, *events):
        app = self.app and self.app(self.log)
        run = Lifespan(app, self.startup, self.shutdown, self.close).run
        connection = Connection(run, {"type": "lifespan"})
        answers = []
        for event in events or ("startup", "shutdown"):
            connection.tell(f"lifespan.{event}")
            answers.append((await connection.hear())["type"].removeprefix("lifespan."))
        await connection.task
        assert connection.said.empty()
        return answers


def proper(log):
    async def app(scope, receive, send):
        for event in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{event}"
            log.append(f"app {event}")
            await send({"type": f"lifespan.{event}.complete"})

    return app


def ignorant(log):
    async def app(scope, receive, send):
        log.append("returned")

    return app


def offended(log):
    async def app(scope, receive, send):
        assert scope["type"] == "http"

    return app


def early(log):
    async def app(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.complete"})

    return app


@pytest.mark.parametrize(
    ("app", "log"),
    [
        (None, ["up", "close", "down"]),
        (proper, ["up", "app startup", "close", "app shutdown", "down"]),
        (ignorant, ["returned", "up", "close", "down"]),
        (offended, ["up", "close", "down"]),
        (early, ["up", "close", "down"]),
    ],
)
async def test_order(app, log):
    story = Story(app)
    assert await story.run() == ["startup.complete", "shutdown.complete"]
    assert story.log == log


async def test_hooks_may_be_coroutine_functions():
    log = []

    async def up():
        log.append("up")

    story = Story(proper, startup=up)
    await story.run()
    assert log == ["up"]


@pytest.mark.parametrize("app", [None, proper, ignorant])
async def test_failed_startup_hook_is_reported_once(app):
    story = Story(app, startup=lambda: 1 / 0)
    assert await story.run("startup") == ["startup.failed"]
    assert "app startup" not in story.log


@pytest.mark.parametrize("app", [None, proper])
async def test_failed_shutdown_hook_is_reported(app):
    story = Story(app, shutdown=lambda: 1 / 0)
    assert await story.run() == ["startup.complete", "shutdown.failed"]


async def test_failed_startup_of_the_other_app_is_passed_on():
    def failing(log):
        async def app(scope, receive, send):
            await receive()
            await send({"type": "lifespan.startup.failed", "message": "no"})

        return app

    assert await Story(failing).run("startup") == ["startup.failed"]
