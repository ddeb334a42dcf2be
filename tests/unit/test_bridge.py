"""Requests carried to a shard and back, with a stand-in for the shard at the other end."""

from __future__ import annotations

import asyncio
import errno
import socket

import pytest
from asgi_client import Connection, get, scope

from fanio import _core
from fanio._doors import bridge


class Shard:
    """The other end: takes the descriptor as a shard does, and answers what a test says."""

    def __init__(self, answer=b""):
        self.answer = answer
        self.adopted = []
        self.ends = []

    def adopt(self, fd, path, data, peer, secure, polling_only=False):
        self.adopted.append((path, data, peer, secure))
        end = socket.socket(fileno=fd)
        end.setblocking(False)
        self.ends.append(end)
        if self.answer is not None:
            end.send(self.answer)

    async def read(self):
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.ends[0], 65536), 10)

    def app(self, limit=100):
        async def app(scope, receive, send):
            if scope["type"] == "http":
                await bridge.serve_http(self, limit, [], scope, receive, send)
            elif (await receive())["type"] == "websocket.connect":
                await bridge.serve_websocket(self, [], scope, receive, send)

        return app

    def close(self):
        for end in self.ends:
            end.close()


@pytest.fixture
def shard():
    made = Shard()
    yield made
    made.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


async def test_http_request_is_carried(shard):
    shard.answer = OK
    headers = [(b"Host", b"a.example"), (b"connection", b"keep-alive"), (b"x-a", b"1"), (b"x-evil", b"a\r\nb: c")]
    more = {"query_string": b"EIO=4", "raw_path": b"/socket%2Eio/", "headers": headers, "client": ("192.0.2.1", 5)}
    status, got, body = await get(shard.app(), "/socket.io/", scheme="https", **more)
    assert (status, got, body) == (200, {b"content-type": b"text/plain", b"content-length": b"2"}, b"ok")
    ((path, data, peer, secure),) = shard.adopted
    assert (path, peer, secure) == ("", ("192.0.2.1", 5), True)
    assert data == b"GET /socket%2Eio/?EIO=4 HTTP/1.1\r\nhost: a.example\r\nx-a: 1\r\nconnection: close\r\n\r\n"


async def test_the_answer_to_a_head_has_no_body(shard):
    shard.answer = OK.removesuffix(b"ok")
    status, headers, body = await get(shard.app(), "/socket.io/", method="HEAD")
    assert (status, headers[b"content-length"], body) == (200, b"2", b"")


async def test_body_is_carried_whole(shard):
    shard.answer = OK
    await get(shard.app(), "/socket.io/", "POST", body=b"4data", headers=[(b"transfer-encoding", b"chunked")])
    data = shard.adopted[0][1]
    assert data.endswith(b"content-length: 5\r\n\r\n4data")
    assert b"chunked" not in data


async def test_body_over_the_limit_is_declared_and_not_carried(shard):
    shard.answer = OK
    await get(shard.app(limit=100), "/socket.io/", "POST", body=b"x" * 1000)
    assert shard.adopted[0][1].endswith(b"content-length: 101\r\n\r\n")


async def test_client_that_leaves_ends_the_poll(shard):
    request = {"type": "http.request"}
    connection = Connection(shard.app(), scope(path="/socket.io/"), request)
    while not shard.adopted:
        await asyncio.sleep(0.001)
    connection.tell("http.disconnect")
    await asyncio.wait_for(connection.task, 10)
    assert await shard.read() == b""
    assert await statuses(connection) == [400]


async def statuses(connection):
    """The statuses of the complete responses of an app that has returned."""
    found = []
    while not connection.said.empty():
        found.append((await connection.hear())["status"])
        assert (await connection.hear())["type"] == "http.response.body"
    return found


async def test_client_that_leaves_in_its_body_is_answered(shard):
    part = {"type": "http.request", "body": b"4", "more_body": True}
    connection = Connection(shard.app(), scope(path="/socket.io/", method="POST"), part, {"type": "http.disconnect"})
    await asyncio.wait_for(connection.task, 10)
    assert not shard.adopted
    assert await statuses(connection) == [400]


async def test_server_that_raises_for_a_client_gone_is_no_fault_of_the_poll(shard):
    async def gone():
        return {"type": "http.disconnect"}

    async def send(message):
        raise ConnectionResetError

    await shard.app()(scope(path="/socket.io/"), gone, send)


async def test_shard_that_takes_no_connection_is_503(shard):
    others = []

    def adopt(fd, *_, **__):
        # Shows whether our end is closed. The core closes the descriptor when it cannot serve it; this keeps it open.
        others.append(socket.socket(fileno=fd))
        raise OSError(errno.EMFILE, "too many open files")

    shard.adopt = adopt
    status, _, body = await get(shard.app(), "/socket.io/")
    assert (status, body) == (503, b"")
    connection = await websocket(shard)
    assert (await connection.hear()) == {"type": "websocket.close", "code": 1011}
    await connection.task
    for other in others:
        with other:
            other.setblocking(False)
            assert other.recv(1) == b""


async def test_shard_that_closes_without_answer_is_503(shard):
    connection = Connection(shard.app(), scope(path="/socket.io/"), {"type": "http.request"})
    while not shard.ends:
        await asyncio.sleep(0.001)
    shard.close()
    assert (await connection.hear())["status"] == 503
    await connection.hear()
    await connection.task


SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSet-Cookie: io=1\r\n\r\n"


async def websocket(shard, answer=SWITCH, **more):
    shard.answer = answer
    return Connection(shard.app(), scope("websocket", "/socket.io/", **more), {"type": "websocket.connect"})


async def test_websocket_messages_go_both_ways(shard):
    # A frame that comes with the head is not lost; a ping is answered here.
    connection = await websocket(shard, SWITCH + b"\x81\x02hi")
    accept = await connection.hear()
    assert accept == {"type": "websocket.accept", "headers": [(b"set-cookie", b"io=1")]}
    assert await connection.hear() == {"type": "websocket.send", "text": "hi"}
    shard.ends[0].send(b"\x82\x01\xff\x89\x00")
    assert await connection.hear() == {"type": "websocket.send", "bytes": b"\xff"}
    assert (await shard.read())[:2] == b"\x8a\x80"
    connection.tell("websocket.receive", text="2probe", bytes=None)
    assert await shard.read() == _core.encode_frame(1, b"2probe")
    connection.tell("websocket.receive", text=None, bytes=b"\x01")
    assert await shard.read() == _core.encode_frame(2, b"\x01")
    head = shard.adopted[0][1].lower()
    assert b"sec-websocket-key: " in head
    assert b"upgrade: websocket" in head
    connection.tell("websocket.disconnect", code=1001)
    await asyncio.wait_for(connection.task, 10)
    assert await shard.read() == _core.encode_frame(8, (1001).to_bytes(2, "big"))


@pytest.mark.parametrize(("frame", "code"), [(b"\x88\x02\x03\xf1", 1009), (b"\x88\x00", 1000), (b"", 1000)])
async def test_close_of_the_shard_reaches_the_client(shard, frame, code):
    connection = await websocket(shard)
    await connection.hear()
    shard.ends[0].send(frame)
    if not frame:
        shard.close()
    assert await connection.hear() == {"type": "websocket.close", "code": code}
    await connection.task


@pytest.mark.parametrize("code", [None, 1005, 1006, 99])
async def test_close_codes_that_never_go_over_a_wire_become_1000(shard, code):
    connection = await websocket(shard)
    await connection.hear()
    connection.tell("websocket.disconnect", code=code)
    await connection.task
    assert await shard.read() == _core.encode_frame(8, (1000).to_bytes(2, "big"))


async def test_a_server_that_raises_for_a_client_gone_ends_the_session_quietly(shard):
    connection = await websocket(shard)
    said = []

    async def send(message):
        said.append(message["type"])
        if message["type"] == "websocket.send":
            raise RuntimeError("the client is gone")

    connection.task.cancel()
    receive = asyncio.Queue()
    receive.put_nowait({"type": "websocket.connect"})
    serving = asyncio.ensure_future(shard.app()(scope("websocket", "/socket.io/"), receive.get, send))
    while said != ["websocket.accept"]:
        await asyncio.sleep(0.001)
    shard.ends[-1].send(b"\x81\x02hi")
    await asyncio.wait_for(serving, 10)
    assert said == ["websocket.accept", "websocket.send"]


REFUSAL = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nbad"


async def test_refused_websocket_is_closed_before_accept(shard):
    connection = await websocket(shard, REFUSAL)
    assert (await connection.hear())["type"] == "websocket.close"
    await connection.task


async def test_refused_websocket_gets_the_answer_where_the_server_can(shard):
    connection = await websocket(shard, REFUSAL, extensions={"websocket.http.response": {}})
    start = await connection.hear()
    assert (start["type"], start["status"]) == ("websocket.http.response.start", 400)
    assert (await connection.hear())["body"] == b"bad"
    await connection.task
