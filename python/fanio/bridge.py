"""Socket.IO requests that come through ASGI: a socket pair leads them to a shard.

The shard sees an ordinary connection, so sessions are the same whatever door a request takes. This file turns ASGI
messages into HTTP/1.1 and WebSocket frames and back; it knows nothing of Socket.IO.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import Iterable
from typing import TYPE_CHECKING

from fanio import _core
from fanio.types import ASGIReceive, ASGISend, Scope

if TYPE_CHECKING:
    from fanio.server import AsyncServer

__all__ = ["Bridge"]

_HOP_BY_HOP = {
    b"connection",
    b"content-length",
    b"expect",
    b"keep-alive",
    b"transfer-encoding",
    b"upgrade",
    b"sec-websocket-key",
    b"sec-websocket-version",
    b"sec-websocket-extensions",
}
_TEXT, _BINARY, _CLOSE = 1, 2, 8
_CHUNK = 65536


class Bridge:
    """Leads one ASGI connection to the core.

    Args:
        server: Whose core.
        path: The Socket.IO path, as the core is to see it.
    """

    def __init__(self, server: AsyncServer, path: str) -> None:
        self._server = server
        self._path = path

    async def serve(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        """Serve an ``http`` or ``websocket`` scope."""
        self._server.serve_on(asyncio.get_running_loop())
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    async def _open(self, scope: Scope, request: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        client = scope.get("client")
        peer = (client[0], client[1] or 0) if client else None
        secure = scope.get("scheme") in {"https", "wss"}
        reader, writer = await asyncio.open_connection(sock=ours)
        self._server.core.adopt(theirs.detach(), self._path, request, peer, secure)
        return reader, writer

    async def _http(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        body = await self._body(receive)
        if body is None:
            return
        extra = [(b"content-length", str(len(body)).encode())] if body or scope["method"] == "POST" else []
        head = _head(scope, scope["method"], [*extra, (b"connection", b"close")])
        reader, writer = await self._open(scope, head + body)
        response = asyncio.ensure_future(_read_response(reader))
        gone = asyncio.ensure_future(_until(receive, "http.disconnect"))
        try:
            await asyncio.wait([response, gone], return_when=asyncio.FIRST_COMPLETED)
            if response.done() and response.result() is not None:
                status, headers, payload = response.result()  # type: ignore[misc]
                await send({"type": "http.response.start", "status": status, "headers": headers})
                await send({"type": "http.response.body", "body": payload})
        finally:
            response.cancel()
            gone.cancel()
            writer.close()

    async def _body(self, receive: ASGIReceive) -> bytes | None:
        """Read the body of a request, a little more than the limit at most; None when the client is gone."""
        limit = self._server._options["max_http_buffer_size"]
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body") or b""
            if not message.get("more_body") or len(body) > limit:
                return bytes(body)

    async def _websocket(self, scope: Scope, receive: ASGIReceive, send: ASGISend) -> None:
        if (await receive())["type"] != "websocket.connect":
            return
        key = base64.b64encode(os.urandom(16))
        upgrade = [
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
            (b"sec-websocket-key", key),
            (b"sec-websocket-version", b"13"),
        ]
        reader, writer = await self._open(scope, _head(scope, "GET", upgrade))
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, OSError):
            head = b""
        if not head.startswith(b"HTTP/1.1 101"):
            writer.close()
            await send({"type": "websocket.close", "code": 1000})
            return
        headers = [item for item in _headers(head) if item[0] == b"set-cookie"]
        await send({"type": "websocket.accept", "headers": headers})
        inward = asyncio.ensure_future(_client_to_core(receive, writer))
        outward = asyncio.ensure_future(_core_to_client(reader, send))
        await asyncio.wait([inward, outward], return_when=asyncio.FIRST_COMPLETED)
        for task in (inward, outward):
            task.cancel()
        await asyncio.gather(inward, outward, return_exceptions=True)
        writer.close()


async def _client_to_core(receive: ASGIReceive, writer: asyncio.StreamWriter) -> None:
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            writer.write(_core.encode_frame(_CLOSE, b""))
            await writer.drain()
            return
        text = message.get("text")
        data: bytes = message["bytes"] if text is None else text.encode()
        frame = _core.encode_frame(_BINARY if text is None else _TEXT, data)
        writer.write(frame)
        await writer.drain()


async def _core_to_client(reader: asyncio.StreamReader, send: ASGISend) -> None:
    frames = _core.FrameReader()
    while data := await reader.read(_CHUNK):
        for opcode, payload in frames.feed(data):
            if opcode == _TEXT:
                await send({"type": "websocket.send", "text": payload.decode()})
            elif opcode == _BINARY:
                await send({"type": "websocket.send", "bytes": payload})
            elif opcode == _CLOSE:
                code = int.from_bytes(payload[:2], "big") if payload else 1000
                await send({"type": "websocket.close", "code": code})
                return
    await send({"type": "websocket.close", "code": 1000})


async def _until(receive: ASGIReceive, kind: str) -> None:
    while (await receive())["type"] != kind:
        pass


def _head(scope: Scope, method: str, extra: Iterable[tuple[bytes, bytes]]) -> bytes:
    query = scope.get("query_string") or b""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    target = path.partition(b"?")[0] + (b"?" + query if query else b"")
    headers = [(name, value) for name, value in scope["headers"] if name.lower() not in _HOP_BY_HOP]
    lines = [b"%s: %s\r\n" % item for item in [*headers, *extra]]
    return b"%s %s HTTP/1.1\r\n%s\r\n" % (method.encode(), target, b"".join(lines))


def _headers(head: bytes) -> list[tuple[bytes, bytes]]:
    lines = head.split(b"\r\n")[1:]
    pairs = (line.partition(b":") for line in lines if b":" in line)
    return [(name.lower(), value.strip()) for name, _, value in pairs]


async def _read_response(reader: asyncio.StreamReader) -> tuple[int, list[tuple[bytes, bytes]], bytes] | None:
    """Read the core's response; None when it closed without one."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        headers = _headers(head)
        length = next((int(value) for name, value in headers if name == b"content-length"), 0)
        body = await reader.readexactly(length)
    except (asyncio.IncompleteReadError, OSError):
        return None
    kept = [item for item in headers if item[0] != b"connection"]
    return int(head[9:12]), kept, body
