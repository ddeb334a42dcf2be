"""Clients at the end of the interpreter, and in processes that are forked: no noise, no hanging, nothing shared."""

from __future__ import annotations

import asyncio
import os
import sys

import pytest

from fixtures.server import Pool

SECONDS = 30
START = "import asyncio, os, sys, time, fanio\nurl = sys.argv[1]\n"

EXITS = {
    "sync": """
client = fanio.Client()
client.connect(url)
""",
    "sync, websocket, with an exit code": """
client = fanio.Client()
client.connect(url, transports="websocket")
client.emit("message", 1)
raise SystemExit(0)
""",
    "simple": """
client = fanio.SimpleClient()
client.connect(url)
""",
    "sync, in a handler": """
import threading
client, begun = fanio.Client(), threading.Event()
@client.on("message-back")
def handler(*args):
    begun.set()
    time.sleep(60)
client.connect(url)
client.emit("message", 1)
begun.wait()
""",
    "sync, coming back": """
client = fanio.Client(reconnection_delay=60, reconnection_delay_max=60)
client.connect(url, transports="websocket")
client.emit("bye")
while client.connected:
    time.sleep(0.01)
""",
    "async": """
async def main():
    client = fanio.AsyncClient()
    await client.connect(url)
asyncio.run(main())
""",
    "async, on a loop that is not closed": """
client = fanio.AsyncClient()
loop = asyncio.new_event_loop()
loop.run_until_complete(client.connect(url))
""",
    "async, on a loop that is closed": """
client = fanio.AsyncClient()
loop = asyncio.new_event_loop()
loop.run_until_complete(client.connect(url))
loop.close()
""",
}

FORKS = {
    "sync": """
client = fanio.Client()
client.connect(url, transports="websocket")
child = os.fork()
if not child:
    assert not client.connected
    for work in (lambda: client.emit("message", 1), lambda: client.call("message-with-ack", 1)):
        try:
            work()
        except fanio.exceptions.BadNamespaceError:
            pass
        else:
            raise AssertionError
    client.wait()
    client.disconnect()
    client.connect(url)
    assert client.call("message-with-ack", 1, timeout=10) == 1
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert client.call("message-with-ack", 2, timeout=10) == 2
client.disconnect()
""",
    "simple": """
client = fanio.SimpleClient()
client.connect(url, transports="websocket")
child = os.fork()
if not child:
    assert not client.connected
    client.connect(url)
    assert client.call("message-with-ack", 1, timeout=10) == 1
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
assert client.call("message-with-ack", 2, timeout=10) == 2
""",
    "async": """
client = fanio.AsyncClient()
loop = asyncio.new_event_loop()
loop.run_until_complete(client.connect(url, transports="websocket"))
child = os.fork()
async def main():
    try:
        await client.emit("message")
    except fanio.exceptions.BadNamespaceError:
        pass
    await client.wait()
    await client.disconnect()
    await client.connect(url)
    assert await client.call("message-with-ack", 1, timeout=10) == 1
    await client.disconnect()
if not child:
    asyncio.run(main())
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert loop.run_until_complete(client.call("message-with-ack", 2, timeout=10)) == 2
loop.run_until_complete(client.disconnect())
loop.close()
""",
}


async def run(program: str, url: str) -> tuple[int | None, str]:
    """Run a program; its exit code and what it wrote."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-W",
        "error",
        # From Python 3.12, of any thread at a fork.
        "-W",
        "ignore::DeprecationWarning",
        "-c",
        START + program,
        url,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    except asyncio.TimeoutError:
        process.kill()
        raise
    return process.returncode, output.decode()


@pytest.mark.parametrize("program", EXITS.values(), ids=EXITS.keys())
async def test_the_interpreter_ends_quietly_while_connected(pool: Pool, program: str) -> None:
    assert await run(program, pool.get("wire").url) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("program", FORKS.values(), ids=FORKS.keys())
async def test_a_forked_process_has_no_connection_and_does_not_disturb_its_parents(pool: Pool, program: str) -> None:
    assert await run(program, pool.get("wire").url) == (0, "")
