"""The door "bridge": carries Socket.IO requests that arrive through ASGI to a shard, and the responses back.

Used for every connection under another ASGI server than uvicorn, and for a connection whose first request was for
another path. Each request gets a socket pair. The core adopts one end as if it had accepted it. On the other end this
file speaks HTTP/1.1 and WebSocket as a client does. Engine.IO is served by the shard, as for every door.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import socket
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._doors.head import build_head, is_secure, peer_of

if TYPE_CHECKING:
    from fanio._doors.head import Headers
    from fanio.types import Message, Receive, Scope, Send

__all__ = ["serve_http", "serve_websocket"]

#: Headers that must not be forwarded to another connection (RFC 9110, 7.6.1), and those that are written anew.
_HOP_BY_HOP = frozenset(
    b"connection content-length expect keep-alive proxy-connection sec-websocket-extensions "
    b"sec-websocket-key sec-websocket-protocol sec-websocket-version te trailer transfer-encoding "
    b"upgrade".split()
)
#: Headers that the ASGI server writes itself when it accepts a WebSocket.
_OF_THE_UPGRADE = frozenset([b"connection", b"sec-websocket-accept", b"upgrade"])
#: Status, headers and content.
Response = tuple[int, "Headers", bytes]

_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_CHUNK = 64 * 1024


async def serve_http(
    core: _core.Server,
    limit: int,
    scope_header: Headers,
    scope: Scope,
    receive: Receive,
    send: Send,
    polling_only: bool = False,
) -> None:
    """Serve one request.

    Args:
        core: The core of the server.
        limit: Bytes that a body may have.
        scope_header: The header by which the scope is found again; the last one of the request head.
        scope: The ASGI scope.
        receive: ASGI's function of this name.
        send: ASGI's function of this name.
        polling_only: Whether the server cannot serve WebSockets, so that none must be offered.
    """
    response = await _fetch(core, limit, scope_header, scope, receive, polling_only)
    if response is None:
        # Middleware such as Starlette's BaseHTTPMiddleware raises when an app returns without a response, even
        # if the client has left. Servers differ in what they raise then.
        with contextlib.suppress(Exception):
            await _respond(send, *_without_content(400))
    else:
        await _respond(send, *response)


async def _fetch(
    core: _core.Server, limit: int, scope_header: Headers, scope: Scope, receive: Receive, polling_only: bool
) -> Response | None:
    """Return the core's response to a request; None when the client leaves before that."""
    body = await _read_body(receive, limit)
    if body is None:
        return None
    extra = [(b"connection", b"close")]
    if body or scope["method"] not in ("GET", "HEAD", "OPTIONS"):
        extra.append((b"content-length", str(len(body)).encode()))
    # The core refuses a body over the limit because of its Content-Length, so its bytes are not sent.
    data = build_head(scope, _HOP_BY_HOP, extra + scope_header) + (body if len(body) <= limit else b"")
    try:
        return await _carry(core, scope, data, receive, polling_only)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, ValueError):
        # The core could not adopt the connection, or has closed it without a response.
        return _without_content(503)


async def _carry(
    core: _core.Server, scope: Scope, data: bytes, receive: Receive, polling_only: bool
) -> Response | None:
    reader, writer = await _adopt(core, scope, data, polling_only)
    gone = asyncio.ensure_future(_wait_for_disconnect(receive))
    answer = asyncio.ensure_future(_read_response(reader, scope["method"]))
    try:
        await asyncio.wait([gone, answer], return_when=asyncio.FIRST_COMPLETED)
        return answer.result() if answer.done() else None
    finally:
        gone.cancel()
        answer.cancel()
        writer.close()


def _without_content(status: int) -> Response:
    return status, [(b"content-type", b"text/plain"), (b"content-length", b"0")], b""


async def _respond(send: Send, status: int, headers: Headers, content: bytes) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _read_body(receive: Receive, limit: int) -> bytes | None:
    """Return the body, at most one byte more than the limit; None when the client has left."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > limit:
            return bytes(body[: limit + 1])
        if not message.get("more_body", False):
            return bytes(body)


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _adopt(
    core: _core.Server, scope: Scope, data: bytes, polling_only: bool = False
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    ours, theirs = socket.socketpair()
    try:
        ours.setblocking(False)
        core.adopt(theirs.detach(), "", data, peer_of(scope), is_secure(scope), polling_only=polling_only)
        return await asyncio.open_unix_connection(sock=ours)
    except BaseException:
        # At once, for descriptors may be what is lacking.
        ours.close()
        raise


async def _read_response(
    reader: asyncio.StreamReader,
    method: str,
) -> Response:
    status, headers = await _read_head(reader)
    length = next((int(value) for name, value in headers if name == b"content-length"), 0)
    body = b"" if method == "HEAD" else await reader.readexactly(length)
    return status, [pair for pair in headers if pair[0] not in (b"connection",)], body


async def _read_head(
    reader: asyncio.StreamReader,
) -> tuple[int, list[tuple[bytes, bytes]]]:
    head = await reader.readuntil(b"\r\n\r\n")
    line, *lines = head[:-4].split(b"\r\n")
    headers = []
    for one in lines:
        name, _, value = one.partition(b":")
        headers.append((name.strip().lower(), value.strip()))
    return int(line.split(b" ", 2)[1]), headers


async def serve_websocket(
    core: _core.Server, scope_header: Headers, scope: Scope, receive: Receive, send: Send
) -> None:
    """Serve one WebSocket whose ``websocket.connect`` has been received; the arguments are those of ``serve_http``."""
    extra = [
        (b"connection", b"Upgrade"),
        (b"upgrade", b"websocket"),
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-key", base64.b64encode(os.urandom(16))),
    ]
    try:
        reader, writer = await _adopt(core, scope, build_head(scope, _HOP_BY_HOP, extra + scope_header))
    except OSError:  # for example, no descriptors are left
        await _send_close(send, 1011)
        return
    try:
        status, headers = await _read_head(reader)
        if status != 101:
            await _refuse(scope, reader, status, headers, send)
            return
        kept = [pair for pair in headers if pair[0] not in _OF_THE_UPGRADE]
        await send({"type": "websocket.accept", "headers": kept})
        await _pump(reader, writer, receive, send)
    except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
        await _send_close(send, 1011)
    finally:
        writer.close()


async def _refuse(
    scope: Scope,
    reader: asyncio.StreamReader,
    status: int,
    headers: list[tuple[bytes, bytes]],
    send: Send,
) -> None:
    """Send the core's refusal of a handshake to the client."""
    if "websocket.http.response" not in (scope.get("extensions") or {}):
        await _send_close(send, 1000)
        return
    length = next((int(value) for name, value in headers if name == b"content-length"), 0)
    body = await reader.readexactly(length)
    kept = [pair for pair in headers if pair[0] not in (b"connection",)]
    await send({"type": "websocket.http.response.start", "status": status, "headers": kept})
    await send({"type": "websocket.http.response.body", "body": body})
    for _ in range(2):
        # uvicorn's sansio protocol processes the end one iteration of the event loop later. It logs an error if
        # the application has returned by then.
        await asyncio.sleep(0)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, receive: Receive, send: Send) -> None:
    """Carry messages in both directions until one side ends."""
    down = asyncio.ensure_future(_pump_down(reader, writer, send))
    up = asyncio.ensure_future(_pump_up(writer, receive))
    for task in (down, up):
        task.add_done_callback(_mark_exception_as_seen)
    try:
        await asyncio.wait([down, up], return_when=asyncio.FIRST_COMPLETED)
        # If send() has raised, the client is gone; servers differ in the exceptions that they raise.
        if down.done() and down.exception() is None:
            await _send_close(send, down.result())
    finally:
        down.cancel()
        up.cancel()
        # gather() would report the cancellation of these tasks as a cancellation by the server.
        await asyncio.wait([down, up])


def _mark_exception_as_seen(task: asyncio.Future[Any]) -> None:
    """Read a task's exception, so that asyncio does not log that it was never retrieved."""
    if not task.cancelled():
        task.exception()


async def _pump_down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, send: Send) -> int:
    """Carry the core's frames to the client until the core closes; return the close code."""
    frames = _core.FrameReader()
    while data := await reader.read(_CHUNK):
        for opcode, payload in frames.feed(data):
            if opcode == _TEXT:
                await send({"type": "websocket.send", "text": payload.decode()})
            elif opcode == _BINARY:
                await send({"type": "websocket.send", "bytes": payload})
            elif opcode == _PING:
                writer.write(_core.encode_frame(_PONG, payload))
            elif opcode == _CLOSE:
                writer.write(_core.encode_frame(_CLOSE, payload[:2]))
                return int.from_bytes(payload[:2], "big") or 1000
    return 1000


async def _pump_up(writer: asyncio.StreamWriter, receive: Receive) -> None:
    """Carry the client's messages to the core."""
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            writer.write(_core.encode_frame(_CLOSE, _close_code(message)))
            return
        text = message.get("text")
        if text is not None:
            writer.write(_core.encode_frame(_TEXT, text.encode()))
        else:
            writer.write(_core.encode_frame(_BINARY, message.get("bytes") or b""))
        await writer.drain()


def _close_code(message: Message) -> bytes:
    """Return the body of a close frame. Codes that must not be sent, such as 1005 and 1006, become 1000."""
    code: Any = message.get("code")
    if isinstance(code, int) and 1000 <= code < 5000 and code not in (1004, 1005, 1006, 1015):
        return code.to_bytes(2, "big")
    return (1000).to_bytes(2, "big")


async def _send_close(send: Send, code: int) -> None:
    # Servers differ in the exceptions that they raise when the client is gone.
    with contextlib.suppress(Exception):
        await send({"type": "websocket.close", "code": code})
