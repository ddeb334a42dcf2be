"""fanio.run is uvicorn.run with our loop."""

from __future__ import annotations

import pytest
import uvicorn

import fanio


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"host": "127.0.0.1", "port": 8000, "loop": "fanio.loop:new_event_loop"}),
        ({"port": 1, "log_level": "error"}, {"port": 1, "log_level": "error"}),
        ({"loop": "asyncio"}, {"loop": "asyncio"}),
    ],
)
def test_options_are_uvicorns(monkeypatch, options, expected):
    seen = {}
    monkeypatch.setattr(uvicorn, "run", lambda app, **given: seen.update(given, app=app))
    fanio.run("module:app", **options)
    assert seen["app"] == "module:app"
    assert {name: seen[name] for name in expected} == expected


def test_the_loop_is_one_uvicorn_can_load():
    factory = uvicorn.Config("module:app", loop="fanio.loop:new_event_loop").get_loop_factory()
    loop = factory()
    assert type(loop).create_server is not type(loop).__mro__[2].create_server
    loop.close()
