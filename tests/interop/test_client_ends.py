"""Ends of a client at odd moments: in a handler, without a waiting call, in the middle of retries."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from typing import Any

import pytest

import fanio
from fixtures.impostor import OPEN, Script, accept_websocket, frame, response, serving

SECONDS = 10


def saying(*packets: str) -> Script:
    """A server that says this when a namespace is asked for, and closes when the client does."""

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)))
        await reader.read(1)
        writer.write(b"".join(map(frame, packets)))
        with contextlib.suppress(OSError):
            while data := await reader.read(1000):
                if data[-8:-6] == b"\x88\x82":
                    break
        raise OSError

    return script


@pytest.mark.parametrize("last", ["41", '44{"message":"no more"}'])
async def test_a_handler_of_the_end_may_disconnect(last: str) -> None:
    client = fanio.AsyncClient()
    done = asyncio.Event()

    async def end(_why: object) -> None:
        await client.disconnect()
        done.set()

    client.on("disconnect", end)
    client.on("connect_error", end)
    async with serving(saying('40{"sid":"x"}', last)) as url:
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        await asyncio.wait_for(done.wait(), SECONDS)
        await asyncio.wait_for(client.wait(), SECONDS)
    assert not client.connected


async def test_a_client_that_has_left_does_not_poll_again() -> None:
    requests: list[str] = []
    joined, left = asyncio.Event(), asyncio.Event()

    async def script(head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(head.split(" ", 1)[0])
        if requests[-1] == "POST":
            # CONNECT, DISCONNECT, and the close packet.
            joined.set()
            if requests.count("POST") == 3:
                left.set()
                await asyncio.sleep(0.05)
            writer.write(response("ok"))
        elif "sid=" not in head:
            writer.write(response("0" + json.dumps(OPEN)))
        elif requests.count("GET") == 2:
            await joined.wait()
            writer.write(response('40{"sid":"x"}'))
        else:
            await left.wait()
            writer.write(response("6"))

    client = fanio.AsyncClient(reconnection=False)
    async with serving(script) as url:
        await client.connect(url, transports="polling", wait_timeout=SECONDS)
        await client.disconnect()
        await asyncio.sleep(0.1)
    assert (requests.count("GET"), requests.count("POST")) == (3, 3)


async def test_a_refusal_that_nobody_waits_for_ends_the_connection() -> None:
    client = fanio.AsyncClient()
    heard: list[str] = []
    client.on("connect_error", lambda _data: heard.append("refused"))
    client.on("__disconnect_final", lambda: heard.append("final"))
    async with serving(saying('44{"message":"no"}')) as url:
        await client.connect(url, transports="websocket", wait=False)
        await asyncio.wait_for(client.wait(), SECONDS)
    assert heard == ["refused", "final"]
    assert not client.connected


async def test_a_cancelled_connect_ends_its_retries() -> None:
    client = fanio.AsyncClient(reconnection_delay=0.01, reconnection_delay_max=0.01)
    tried = asyncio.Event()
    client.on("reconnect_error", lambda _error: tried.set())
    connecting = asyncio.create_task(client.connect("http://127.0.0.1:1", retry=True))
    await asyncio.wait_for(tried.wait(), SECONDS)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    await asyncio.wait_for(client.wait(), SECONDS)
    assert asyncio.all_tasks() == {asyncio.current_task()}


def flooding(count: int) -> Script:
    """A server that sends so many events in one go, and closes when the client does."""
    return saying('40{"sid":"x"}', *['42["x"]'] * count)


async def test_nothing_is_handled_after_disconnect() -> None:
    client = fanio.AsyncClient()
    handled = 0
    gone = asyncio.Event()

    async def handler() -> None:
        nonlocal handled
        handled += 1
        if handled == 1:
            await client.disconnect()
            gone.set()

    client.on("x", handler)
    async with serving(flooding(3000)) as url:
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        await asyncio.wait_for(gone.wait(), SECONDS)
    # Those that were started in the same turn.
    assert handled < 300


async def test_a_client_that_is_disconnected_leaves_no_task() -> None:
    client = fanio.AsyncClient()
    heard = asyncio.Event()
    client.on("x", lambda: heard.set())
    async with serving(flooding(1)) as url:
        before = asyncio.all_tasks()
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        await asyncio.wait_for(heard.wait(), SECONDS)
        theirs = asyncio.all_tasks() - before
        await client.disconnect()
        left = asyncio.all_tasks() - before
        # The impostor's own tasks end by themselves, as do all the client's.
        await asyncio.wait_for(asyncio.gather(*theirs, *left, return_exceptions=True), SECONDS)


async def test_a_loop_that_ends_leaves_no_task() -> None:
    tasks: list[asyncio.Task[Any]] = []

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **options)
        tasks.append(task)
        return task

    async def program(url: str) -> None:
        asyncio.get_running_loop().set_task_factory(factory)
        client = fanio.AsyncClient()
        started = asyncio.Event()

        @client.on("x")
        async def handler() -> None:
            started.set()
            await asyncio.sleep(3600)

        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        await started.wait()

    async with serving(flooding(3000)) as url:
        await asyncio.to_thread(asyncio.run, program(url))
    assert len(tasks) > 1
    assert all(task.done() for task in tasks)


async def test_a_silent_server_does_not_hold_up_the_end() -> None:
    async def silent(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)) + frame('40{"sid":"x"}'))
        while await reader.read(1000):
            pass
        raise OSError

    async def deaf(head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)) + frame('40{"sid":"x"}'))
        await asyncio.sleep(3600)

    one, other = fanio.AsyncClient(max_queue_bytes=1 << 25), fanio.AsyncClient()
    async with serving(deaf) as deaf_url, serving(silent) as silent_url:
        await one.connect(deaf_url, transports="websocket", wait_timeout=SECONDS)
        await other.connect(silent_url, transports="websocket", wait_timeout=SECONDS)
        for _ in range(300):
            await one.emit("x", "x" * 50_000)
        await other.emit("x")
        # What is not sent is waited for longer than what is not answered.
        waits = asyncio.create_task(one.disconnect())
        quick = asyncio.create_task(other.disconnect())
        done, _ = await asyncio.wait({waits, quick}, return_when=asyncio.FIRST_COMPLETED)
        assert done == {quick}
        await one.eio.disconnect(abort=True)
        await waits


WAITING = """
import asyncio, sys, fanio

async def main():
    client = fanio.AsyncClient()
    client.on("disconnect", lambda reason: print(reason, flush=True))
    await client.connect(sys.argv[1], transports="websocket", wait_timeout=10)
    print("connected", flush=True)
    try:
        await client.wait()
        print("went on", flush=True)
    except asyncio.CancelledError:
        print("cancelled", flush=True)
        raise

asyncio.run(main())
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="asyncio.run raises KeyboardInterrupt in the loop")
async def test_an_interrupt_disconnects_and_cancels_waiting_calls() -> None:
    pipes = {"stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.DEVNULL}
    async with serving(flooding(0)) as url:
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", WAITING, url, **pipes)
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), SECONDS) == b"connected\n"
        process.send_signal(signal.SIGINT)
        rest = await asyncio.wait_for(process.stdout.read(), SECONDS)
        assert (rest, await process.wait()) == (b"client disconnect\ncancelled\n", -signal.SIGINT)
