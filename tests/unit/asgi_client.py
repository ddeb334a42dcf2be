"""An ASGI server for one request at a time, for tests."""

from __future__ import annotations

import asyncio
from typing import Any


class Connection:
    """One ASGI connection: the messages to the app and from it."""

    def __init__(self, app: Any, scope: dict[str, Any], *messages: dict[str, Any]) -> None:
        self.told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for message in messages:
            self.told.put_nowait(message)
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.task = asyncio.ensure_future(app(scope, self.told.get, self.said.put))

    def tell(self, kind: str, **fields: Any) -> None:
        self.told.put_nowait({"type": kind, **fields})

    async def hear(self) -> dict[str, Any]:
        """Returns the app's next message."""
        return await asyncio.wait_for(self.said.get(), 10)


def scope(kind: str = "http", path: str = "/", method: str = "GET", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind, "path": path, "headers": [], "query_string": b"", **more}
    if kind == "http":
        made["method"] = method
    return made


async def get(app: Any, path: str, method: str = "GET", **more: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    """Status, headers and body of a request."""
    body = more.pop("body", b"")
    connection = Connection(app, scope("http", path, method, **more), {"type": "http.request", "body": body})
    start = await connection.hear()
    assert start["type"] == "http.response.start"
    content = await connection.hear()
    await connection.task
    return start["status"], dict(start["headers"]), content["body"]
