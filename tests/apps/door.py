"""The wire app beside an ASGI app: a plain function, Starlette or FastAPI (`FANIO_TEST_APP`)."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import library
import wire
from library import socketio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KIND = os.environ.get("FANIO_TEST_APP", "plain")
PIECES = 64
lifespan: list[str] = []


async def startup() -> None:
    """Notes that the server has started."""
    lifespan.append("startup")


async def shutdown() -> None:
    """Notes that the server is stopping."""
    print("shutdown handler ran", flush=True)


def described(scope: dict[str, Any]) -> dict[str, Any]:
    """What the app sees of a request."""
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    return {
        "method": scope["method"],
        "path": scope["path"],
        "query": scope["query_string"].decode(),
        "client": scope["client"][0] if scope.get("client") else None,
        "x": headers.get("x-test"),
        "lifespan": lifespan,
    }


async def pieces() -> AsyncIterator[bytes]:
    """A megabyte in small pieces."""
    for _ in range(PIECES):
        yield b"x" * 16_384
        await asyncio.sleep(0)


def build_starlette() -> Any:
    """The routes for Starlette, which FastAPI can mount too."""
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
    from starlette.routing import Route, WebSocketRoute
    from starlette.websockets import WebSocket

    async def hello(request: Request) -> PlainTextResponse:
        await asyncio.sleep(float(request.query_params.get("wait", "0")))
        return PlainTextResponse("hello " + request.query_params.get("name", ""))

    async def echo(request: Request) -> PlainTextResponse:
        return PlainTextResponse(await request.body())

    async def scope(request: Request) -> JSONResponse:
        return JSONResponse(described(dict(request.scope)))

    async def stream(request: Request) -> StreamingResponse:
        return StreamingResponse(pieces(), media_type="text/plain")

    async def websocket(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text(await socket.receive_text())
        await socket.close()

    return Starlette(
        routes=[
            Route("/hello", hello),
            Route("/echo", echo, methods=["POST"]),
            Route("/scope", scope),
            Route("/stream", stream),
            WebSocketRoute("/ws", websocket),
        ]
    )


def build_fastapi() -> Any:
    """FastAPI, with one route of its own and the others mounted."""
    from fastapi import FastAPI
    from fastapi.responses import PlainTextResponse

    app = FastAPI()

    @app.get("/hello")
    async def hello(name: str = "", wait: float = 0) -> PlainTextResponse:
        await asyncio.sleep(wait)
        return PlainTextResponse(f"hello {name}")

    app.mount("/", build_starlette())
    return app


async def read(receive: Any) -> bytes:
    """A whole body."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


async def plain_websocket(receive: Any, send: Any) -> None:
    """Echoes one message."""
    await receive()
    await send({"type": "websocket.accept"})
    message = await receive()
    await send({"type": "websocket.send", "text": message["text"]})
    await send({"type": "websocket.close"})


async def plain(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The same routes as a plain ASGI function."""
    import json
    from urllib.parse import parse_qs

    if scope["type"] == "websocket":
        await plain_websocket(receive, send)
        return
    query = {key: value[0] for key, value in parse_qs(scope["query_string"].decode()).items()}
    body = await read(receive)
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    status = 200 if path in ("/hello", "/echo", "/scope", "/stream") else 404
    await asyncio.sleep(float(query.get("wait", "0")))
    start = {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]}
    await send(start)
    if path == "/stream":
        async for piece in pieces():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    answers = {
        "/hello": f"hello {query.get('name', '')}".encode(),
        "/echo": body,
        "/scope": json.dumps(described(scope)).encode(),
        "/stream": b"",
    }
    await send({"type": "http.response.body", "body": answers.get(path, b"Not Found")})


BUILDERS: dict[str, Any] = {
    "plain": lambda: plain,
    "starlette": build_starlette,
    "fastapi": build_fastapi,
}

if __name__ == "__main__":
    app = socketio.ASGIApp(wire.sio, BUILDERS[KIND](), on_startup=startup, on_shutdown=shutdown)
    library.run(app)
