"""FastAPI with middleware and a lifespan of its own, and one Socket.IO server mounted in three places."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import door
from anywhere import sio
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.responses import PlainTextResponse
from library import socketio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    """Notes that the server is stopping."""
    yield
    await door.shutdown()


app = FastAPI(lifespan=lifespan)
app.add_middleware(GZipMiddleware)
app.add_middleware(CORSMiddleware, allow_origins=["http://page.example"], allow_credentials=True)


@app.middleware("http")
async def stamp(request: Any, call_next: Any) -> Any:
    """A typical middleware."""
    response = await call_next(request)
    response.headers["x-stamp"] = "yes"
    return response


@app.get("/hello")
async def hello(name: str = "") -> PlainTextResponse:
    """A route."""
    return PlainTextResponse(f"hello {name}")


app.mount("/ws", socketio.ASGIApp(sio, socketio_path=""))
app.mount("/deep/er", socketio.ASGIApp(sio, socketio_path="a/b"))
app.mount("/", socketio.ASGIApp(sio, door.plain))
