"""The instrumented server: logins, and what remains after the end."""

from __future__ import annotations

import pytest
from fake_core import until

from fanio._admin import access
from fanio._admin.access import Access
from fanio.async_admin import InstrumentedAsyncServer

ADA = {"username": "ada", "password": "secret"}
BOB = {"username": "bob", "password": "hidden"}


@pytest.mark.parametrize(
    ("auth", "given", "allowed"),
    [
        (ADA, ADA, True),
        (ADA, BOB, False),
        (ADA, None, False),
        (ADA, {"username": "ada"}, False),
        ([ADA, BOB], BOB, True),
        ([ADA, BOB], {"username": "ada", "password": "hidden"}, False),
        ([], ADA, False),
        ({"pin": 1}, {"pin": "1"}, False),
        ({"pin": 1}, {"pin": 1}, True),
        (lambda given: given == "x", "x", True),
        (lambda given: given == "x", "y", False),
        (False, None, True),
    ],
)
async def test_credentials(auth, given, allowed):
    assert await Access(auth).allows(given, "a") is allowed


async def test_a_coroutine_function_may_decide():
    async def decide(given):
        return given == {"token": 1}

    assert await Access(decide).allows({"token": 1}, "a")
    assert not await Access(decide).allows({"token": 2}, "a")


@pytest.mark.parametrize("auth", [None, True])
def test_missing_credentials_are_refused_unless_auth_is_false(auth):
    with pytest.raises(ValueError, match="False for no authentication"):
        Access(auth)


async def test_failures_block_an_address_for_a_while(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(access, "monotonic", lambda: clock[0])
    found = Access(ADA)
    for _ in range(access.MAX_FAILURES):
        assert not await found.allows(BOB, "a")
    assert found.is_blocked("a")
    assert not await found.allows(ADA, "a")
    assert await found.allows(ADA, "b")
    clock[0] += access.WINDOW + 1
    assert await found.allows(ADA, "a")


async def test_failures_of_many_addresses_are_bounded():
    found = Access(ADA)
    for number in range(3000):
        await found.allows(None, str(number))
    assert len(found._failures) <= 1000


async def test_a_session_stands_for_the_password_until_it_is_too_old(monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(access, "monotonic", lambda: clock[0])
    found = Access(ADA)
    session = found.new_session()
    assert await found.allows({"sessionId": session}, "a")
    assert not await found.allows({"sessionId": "0" * 32}, "b")
    clock[0] += 25 * 3600
    assert not await found.allows({"sessionId": session}, "c")


async def test_an_unknown_mode_is_refused(serve):
    with pytest.raises(ValueError, match="development"):
        serve()[0].instrument(auth=False, mode="debug")


async def test_uninstrument_leaves_nothing(serve):
    sio, core = serve()
    before = {namespace: dict(functions) for namespace, functions in sio.handlers.items()}
    watched = sio.instrument(auth=False)
    assert isinstance(watched, InstrumentedAsyncServer)
    assert sio._dispatcher.observer is sio._observer is not None
    core.connect("/admin")
    await until(lambda: core.of("accept"))
    task = watched._stats_task
    assert task is not None
    watched.uninstrument()
    assert sio.handlers == before
    assert sio._dispatcher.observer is None
    await until(task.done)
    await watched.shutdown()


async def test_the_statistics_end_with_the_last_admin(serve):
    sio, core = serve()
    watched = sio.instrument(auth=False, mode="production")
    assert sio._dispatcher.observer is None
    sid = core.connect("/admin")
    await until(lambda: core.of("accept"))
    task = watched._stats_task
    core.drop(sid)
    await until(task.done)
    assert watched._stats_task is None
    second = core.connect("/admin")
    await until(lambda: len(core.of("accept")) == 2)
    assert watched._stats_task is not None
    await watched.shutdown()
    core.drop(second)
