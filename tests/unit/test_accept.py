"""The accept door under plain uvicorn: the shards get the sockets before uvicorn listens on them."""

from __future__ import annotations

import asyncio
import functools

import pytest
import uvicorn
from fake_core import until

import fanio
from fanio._doors.accept import ShardListener


async def plain(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


class Bystander:
    """Does nothing, and is not uvicorn's own."""

    def __init__(self, app):
        self.app = app

    async def __call__(self, scope, receive, send):
        await self.app(scope, receive, send)


def loops():
    found = [asyncio.new_event_loop]
    try:
        import uvloop

        found.append(uvloop.new_event_loop)
    except ImportError:
        pass
    return found


async def served_by(app, lifespan="auto"):
    """Run uvicorn with an app on this loop; return what it listens with and what is left on the loop."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", lifespan=lifespan)
    server = uvicorn.Server(config)
    serving = asyncio.ensure_future(server._serve())
    await until(lambda: server.started)
    await asyncio.sleep(0)
    found = type(server.servers[0])
    left = {"create_server", "create_unix_server"} & set(vars(asyncio.get_running_loop()))
    server.should_exit = True
    await asyncio.wait_for(serving, 20)
    return found, left


@pytest.mark.parametrize("loop", loops())
def test_the_shards_accept_for_plain_uvicorn(loop):
    runner = loop()
    found, left = runner.run_until_complete(served_by(fanio.ASGIApp(fanio.AsyncServer())))
    runner.close()
    assert (found, left) == (ShardListener, set())


@pytest.mark.parametrize(
    ("app", "lifespan"),
    [
        (lambda app: Bystander(app), "auto"),
        (lambda app: app, "off"),
        (lambda app: fanio.ASGIApp(fanio.AsyncServer(door="takeover")), "auto"),
        (lambda app: fanio.ASGIApp(fanio.AsyncServer(), app), "auto"),
    ],
)
async def test_uvicorn_accepts_itself(app, lifespan):
    inner = fanio.ASGIApp(fanio.AsyncServer())
    outer = app(inner)
    found, left = await served_by(outer, lifespan)
    assert (found is ShardListener, left) == (isinstance(outer, fanio.ASGIApp) and outer.other_asgi_app is inner, set())


class Watching(fanio.AsyncServer):
    async def handle_request(self, *args):
        await super().handle_request(*args)


def patched(own):
    sio = fanio.AsyncServer()
    place = sio.eio if own == "eio" else sio
    inner = place.handle_request

    @functools.wraps(inner)
    async def handle_request(*args):
        await inner(*args)

    place.handle_request = handle_request
    return sio


@pytest.mark.parametrize("make", [Watching, lambda: patched("sio"), lambda: patched("eio")])
async def test_a_handle_request_of_the_applications_own_sees_every_request(make):
    found, left = await served_by(fanio.ASGIApp(make()))
    assert (found is ShardListener, left) == (False, set())


async def test_other_servers_of_the_loop_are_left_alone():
    servers = []

    async def start():
        servers.append(await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0))

    found, left = await served_by(fanio.ASGIApp(fanio.AsyncServer(), on_startup=start))
    servers[0].close()
    await servers[0].wait_closed()
    assert (found, left) == (ShardListener, set())
    assert not isinstance(servers[0], ShardListener)


async def test_a_startup_that_fails_leaves_the_loop_as_it_was():
    def fail():
        raise RuntimeError

    app = fanio.ASGIApp(fanio.AsyncServer(), on_startup=fail)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    with pytest.raises(SystemExit):
        await server._serve()
    assert "create_server" not in vars(asyncio.get_running_loop())
