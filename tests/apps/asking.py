"""A Socket.IO server whose functions see every request, and report what they saw."""

from __future__ import annotations

import asyncio
from typing import Any

import library
from library import socketio

refused: list[list[Any]] = []


async def allow_request(environ: dict[str, Any]) -> Any:
    """Lets in, or refuses as the query says."""
    await asyncio.sleep(0)
    if "refuse=no" in environ["QUERY_STRING"]:
        return False
    return "go away" if "refuse=text" in environ["QUERY_STRING"] else True


sio = library.server(allow_request=allow_request)


@sio.eio.on("initial_headers")
def initial_headers(headers: dict[str, Any], environ: dict[str, Any]) -> None:
    """Adds to the first response of a session."""
    headers["x-first"] = "1"


@sio.eio.on("headers")
async def more_headers(headers: dict[str, Any], environ: dict[str, Any]) -> None:
    """Adds to every response of a session."""
    await asyncio.sleep(0)
    headers["x-method"] = environ["REQUEST_METHOD"]


@sio.eio.on("connection_error")
def connection_error(error: Any) -> None:
    """Notes a refused request."""
    refused.append([error.code, error.message, error.req["QUERY_STRING"]])


@sio.event
async def told(sid: str) -> list[list[Any]]:
    """Answers with the refused requests."""
    return refused


if __name__ == "__main__":
    library.run(socketio.ASGIApp(sio))
