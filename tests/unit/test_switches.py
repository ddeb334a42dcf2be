"""Workers and inline mode can be turned off, to find out where a fault lies."""

from __future__ import annotations

import asyncio

import pytest
from fake_core import until

import fanio
from fanio._tasks import worker


@pytest.mark.parametrize("name", ["share_tasks", "inline_mode"])
def test_a_switch_is_an_option_and_a_variable(fake, monkeypatch, name):
    def of(**options):
        eio = fanio.AsyncServer(**options).eio
        return eio._tasks._shares if name == "share_tasks" else eio._core.options["inline_mode"]

    variable = f"FANIO_{name.upper()}"
    monkeypatch.delenv(variable, raising=False)
    assert [of(), of(**{name: False})] == [True, False]
    monkeypatch.setenv(variable, "0")
    assert of(**{name: True}) is False
    monkeypatch.setenv(variable, "1")
    assert of(**{name: False}) is True
    monkeypatch.setenv(variable, "no")
    with pytest.raises(ValueError, match=f"{variable}: expected 0 or 1, got 'no'"):
        of()
    monkeypatch.delenv(variable)
    with pytest.raises(TypeError, match=f"{name}: "):
        of(**{name: "no"})


def test_the_variable_counts_for_clients_too(monkeypatch):
    monkeypatch.setenv("FANIO_SHARE_TASKS", "0")
    assert fanio.AsyncClient()._tasks._shares is False


@pytest.mark.parametrize("share", [True, False])
async def test_events_share_a_task_or_have_their_own(serve, share):
    kinds = []
    sio, core = serve(share_tasks=share)

    @sio.event
    async def e(sid):
        kinds.append(type(asyncio.current_task()))

    sid = core.connect()
    await until(lambda: core.state(sid) == "connected")
    for _ in range(3):
        core.event(sid, b'["e"]')
    await until(lambda: len(kinds) == 3)
    assert kinds == [worker.Task if share else asyncio.Task] * 3
