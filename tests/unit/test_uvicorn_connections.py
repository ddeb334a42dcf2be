"""uvicorn's limits count the connections and requests of uvicorn and of the shards."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

from fake_core import until

from fanio._doors.uvicorn_connections import ShutdownHook, UvicornLimits


class Core:
    def __init__(self):
        self.outside = []
        self.inside = 0
        self.answered = [5, 0]

    def crowd(self, outside):
        self.outside.append(outside)
        return self.inside

    def counters(self):
        return [{"requests_answered": count} for count in self.answered]


def server(concurrency=None, requests=None):
    config = SimpleNamespace(limit_concurrency=concurrency, limit_max_requests=requests)
    state = SimpleNamespace(connections=set(), total_requests=0)
    return SimpleNamespace(config=config, server_state=state)


async def test_requests_of_the_shards_count():
    core, uvicorn = Core(), server(requests=10)
    limits = UvicornLimits(core, uvicorn, asyncio.get_running_loop())
    assert uvicorn.server_state.total_requests == 0
    core.answered = [7, 2]
    await until(lambda: uvicorn.server_state.total_requests == 4)
    limits.end()


async def test_a_protocol_gets_what_is_left():
    core, uvicorn = Core(), server(concurrency=10)
    limits = UvicornLimits(core, uvicorn, asyncio.get_running_loop())
    core.inside = 4
    uvicorn.server_state.connections = {1, 2}
    protocol = SimpleNamespace()
    limits.apply(protocol)
    assert (protocol.limit_concurrency, core.outside[-1]) == (6, 3)
    core.inside = 14
    limits.apply(protocol)
    assert protocol.limit_concurrency == 0
    limits.end()


async def test_nothing_is_counted_without_limits():
    core = Core()
    limits = UvicornLimits(core, server(), asyncio.get_running_loop())
    protocol = SimpleNamespace()
    limits.apply(protocol)
    limits.end()
    assert core.outside == []
    assert not hasattr(protocol, "limit_concurrency")


async def test_a_farewell_leaves_when_the_sessions_have():
    gate = asyncio.Event()
    calls = []
    serving = SimpleNamespace(begin_close=lambda: calls.append("begin"), close=gate.wait, shutdown_timeout=None)
    connections = set()
    hook = ShutdownHook(serving, connections, 3)
    assert (connections, serving.shutdown_timeout) == ({hook}, 3)
    hook.shutdown()
    hook.shutdown()
    assert calls == ["begin", "begin"]
    await asyncio.sleep(0)
    assert connections == {hook}
    gate.set()
    await until(lambda: not connections)
