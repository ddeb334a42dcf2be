"""When a server refuses a client, the error that `connect` raises has the reason."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import fanio
from fanio import exceptions
from fixtures.impostor import OPEN, Script, accept_websocket, frame, response, serving

SECONDS = 10
FAILED = "One or more namespaces failed to connect: "


def saying(*packets: str) -> Script:
    """A server that says this when a namespace is asked for."""

    async def script(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)))
        await reader.read(1)
        writer.write(b"".join(map(frame, packets)))
        while data := await reader.read(1000):
            if data[-8:-6] == b"\x88\x82":
                break
        raise OSError

    return script


async def refused(server: Script, **options: Any) -> exceptions.ConnectionError:
    """The error of a client that the server refuses."""
    client = fanio.AsyncClient(reconnection=False)
    heard: list[Any] = []
    client.on("connect_error", heard.append)
    async with serving(server) as url:
        with pytest.raises(exceptions.ConnectionError) as caught:
            await client.connect(url, wait_timeout=SECONDS, **options)
    await asyncio.wait_for(client.wait(), SECONDS)
    # The handler gets the same.
    assert heard == [caught.value.refusals.get("/", *heard)]
    assert client.failed_namespaces in (list(caught.value.refusals), [])
    return caught.value


@pytest.mark.parametrize(
    ("packets", "refusals", "note"),
    [
        (
            ['44{"message":"no seat","data":{"free":0}}'],
            {"/": {"message": "no seat", "data": {"free": 0}}},
            "no seat",
        ),
        (['44"no seat"'], {"/": "no seat"}, "no seat"),
        (['44{"code":3}'], {"/": {"code": 3}}, ""),
        (['44{"message":[1]}'], {"/": {"message": [1]}}, ""),
        (['44{"message":"' + "x" * 9000 + '"}'], {"/": {"message": "x" * 9000}}, "x" * 300),
    ],
)
async def test_the_error_has_the_servers_answer(packets: list[str], refusals: dict[str, Any], note: str) -> None:
    error = await refused(saying(*packets), transports="websocket")
    assert error.refusals == refusals
    # What python-socketio's error has.
    assert (str(error), error.args) == (FAILED + "/", (FAILED + "/",))
    for found in (error, copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (str(found), found.refusals) == (str(error), refusals)
        assert getattr(found, "__notes__", []) == ([f"/: {note}"] if note else [])


@pytest.mark.parametrize(
    ("messages", "notes"), [(["full", "closed"], ["/: full", "/b: closed"]), (["", "shut"], ["/b: shut"])]
)
async def test_the_error_tells_namespaces_apart(messages: list[str], notes: list[str]) -> None:
    first, second = (json.dumps({"message": message}) for message in messages)
    server = saying('40/a,{"sid":"x"}', f"44{first}", f"44/b,{second}")
    error = await refused(server, transports="websocket", namespaces=["/", "/a", "/b"])
    assert error.refusals == {"/": {"message": messages[0]}, "/b": {"message": messages[1]}}
    assert str(error) == f"{FAILED}/, /b"
    assert error.__notes__ == notes


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize(
    ("body", "said"), [('{"code":4,"message":"not you"}', {"code": 4, "message": "not you"}), ('"not you"', "not you")]
)
async def test_the_error_carries_why_the_handshake_was_refused(transport: str, body: str, said: Any) -> None:
    async def refuse(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response(body, "403 Forbidden"))

    error = await refused(refuse, transports=transport)
    assert error.refusals == {"/": said}
    assert str(error) == "Unexpected status code 403 in server response"
    assert error.__notes__ == ["/: not you"]


async def test_the_error_has_no_answer_when_the_server_gave_none() -> None:
    async def refuse(_head: str, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(response("<html>", "502 Bad Gateway"))

    error = await refused(refuse)
    assert (str(error), error.refusals) == ("Unexpected status code 502 in server response", {})


CONNECT: dict[str, Callable[[str], Any]] = {
    "Client": lambda url: fanio.Client().connect(url, transports="websocket", wait_timeout=SECONDS),
    "SimpleClient": lambda url: fanio.SimpleClient().connect(url, transports="websocket"),
    "AsyncSimpleClient": lambda url: asyncio.run(fanio.AsyncSimpleClient().connect(url, transports="websocket")),
}


@pytest.mark.parametrize("connect", CONNECT.values(), ids=CONNECT.keys())
async def test_every_client_raises_it(connect: Callable[[str], Any]) -> None:
    async with serving(saying('44{"message":"no seat"}')) as url:
        with pytest.raises(exceptions.ConnectionError, match="failed to connect") as caught:
            await asyncio.to_thread(connect, url)
    assert caught.value.refusals == {"/": {"message": "no seat"}}


async def test_a_refusal_while_coming_back_reaches_reconnect_error() -> None:
    client = fanio.AsyncClient(reconnection_delay=0.001)
    errors: asyncio.Queue[Exception] = asyncio.Queue()
    client.on("reconnect_error", errors.put_nowait)
    connections = 0

    async def server(head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections > 1:
            return await saying('44{"message":"expired"}')(head, reader, writer)
        writer.write(accept_websocket(head) + frame("0" + json.dumps(OPEN)))
        await reader.read(1)
        writer.write(frame('40{"sid":"x"}'))
        raise OSError

    async with serving(server) as url:
        await client.connect(url, transports="websocket", wait_timeout=SECONDS)
        error = await asyncio.wait_for(errors.get(), SECONDS)
        await asyncio.wait_for(client.wait(), SECONDS)
    assert isinstance(error, exceptions.ConnectionError)
    assert error.refusals == {"/": {"message": "expired"}}
