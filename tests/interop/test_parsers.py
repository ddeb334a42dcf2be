"""Clients with another parser than the default one: JavaScript's and python-socketio's."""

from __future__ import annotations

import asyncio
import functools
import json
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import JAVASCRIPT, ORACLE, TESTS, require_module, require_node

if TYPE_CHECKING:
    from fixtures.server import Pool

MODES = ["polling", "websocket", "polling,websocket"]
#: What a server with each parser cannot carry: JSON has no bytes.
LACKS = {"msgpack": "", "plain": "", "json": "binary"}

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="the oracles have no option for the parser here")


def names(file: str) -> list[str]:
    """The scenarios in a file."""
    return re.findall(r"^  async (\w+)\(", (JAVASCRIPT / file).read_text(), re.M)


SCENARIOS = [
    (parser, scenario)
    for parser, lacks in LACKS.items()
    for scenario in names("scenarios.mjs") + names(f"parser_{parser}.mjs")
    if not lacks or lacks not in scenario
]


@functools.cache
def results(url: str, transports: str, parser: str) -> dict[str, Any]:
    """What went wrong in each scenario; they all run in one Node process."""
    done = subprocess.run(
        ["node", str(JAVASCRIPT / "client.mjs"), url, transports, parser],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("transports", MODES)
@pytest.mark.parametrize(("parser", "scenario"), SCENARIOS)
def test_the_javascript_client(pool: Pool, parser: str, scenario: str, transports: str) -> None:
    require_node("socket.io-client", "socket.io-msgpack-parser")
    error = results(pool.get("wire", {"serializer": parser}).url, transports, parser)[scenario]
    assert not error, error


SECONDS = 8
#: What the value of an event may be with each parser.
VALUES: dict[str, Any] = {
    "msgpack": {"bytes": [b"\x00\xff", {"deep": b""}], "int": 2**63, "none": None},
    "json": {"text": ["é", {"deep": 1.5}], "none": None},
}


def serializer(parser: str) -> Any:
    """What python-socketio's client takes for a parser."""
    sys.path.insert(0, str(TESTS / "apps"))
    import packets

    return packets.CLASSES.get(parser, parser)


@pytest.mark.parametrize("transports", [["polling"], ["websocket"], ["polling", "websocket"]], ids="-".join)
@pytest.mark.parametrize("parser", VALUES)
async def test_python_socketios_client(pool: Pool, parser: str, transports: list[str]) -> None:
    require_module("socketio", "aiohttp", "msgpack")
    import socketio

    server, value = pool.get("wire", {"serializer": parser}), VALUES[parser]
    client = socketio.AsyncClient(reconnection=False, serializer=serializer(parser))
    heard: asyncio.Queue[Any] = asyncio.Queue()
    for event, namespace in (("auth", "/custom"), ("message-back", "/"), ("answer", "/"), ("shouted", "/")):
        client.on(event, lambda *args: heard.put_nowait(args), namespace=namespace)
    client.on("question", lambda *args: args)
    # python-socketio's client waits for its own namespaces only.
    await client.connect(
        server.url, transports=transports, auth={"tag": parser}, namespaces=["/", "/custom"], wait_timeout=SECONDS
    )
    assert await asyncio.wait_for(heard.get(), SECONDS) == ({"tag": parser},)
    assert await client.call("message-with-ack", (1, value), timeout=SECONDS) == (1, value)
    assert await client.call("nothing", timeout=SECONDS) is None
    assert await client.call("message-with-ack", "here", namespace="/custom", timeout=SECONDS) == "here"
    for event, answer in (("message", (value,)), ("ask", (value, [])), ("shout", (value,))):
        await client.emit(event, answer)
        assert await asyncio.wait_for(heard.get(), SECONDS) == answer
    await client.disconnect()


@pytest.mark.parametrize("parser", VALUES)
async def test_a_refusal_reaches_python_socketios_client(pool: Pool, parser: str) -> None:
    require_module("socketio", "aiohttp", "msgpack")
    import socketio

    server = pool.get("wire", {"serializer": parser})
    client = socketio.AsyncClient(reconnection=False, serializer=serializer(parser))
    errors: asyncio.Queue[Any] = asyncio.Queue()
    client.on("connect_error", errors.put_nowait, namespace="/refused")
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(server.url, auth={"data": True}, namespaces=["/refused"], wait_timeout=SECONDS)
    assert await asyncio.wait_for(errors.get(), SECONDS) == {"message": "not allowed", "data": {"code": 7}}
    await client.disconnect()
