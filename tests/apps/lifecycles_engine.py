"""An Engine.IO server whose connect handlers take their time and end in every way; `/report` counts."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import parse_qs

import library
from library import engineio

eio = engineio.AsyncServer(**library.options())
accepted: dict[str, int] = {}
refused: set[str] = set()
left: dict[str, int] = {}
faults: list[str] = []


@eio.on("connect")  # type: ignore[untyped-decorator]
async def connect(sid: str, environ: dict[str, Any]) -> Any:
    """Waits, and ends as the query says."""
    query = {name: values[0] for name, values in parse_qs(environ["QUERY_STRING"]).items()}
    try:
        await eio.send(sid, "early")
        await asyncio.sleep(float(query["wait"]) / 1000)
        await eio.save_session(sid, {"sid": sid})
        await eio.send(sid, "late")
        if query["end"] == "kick":
            await eio.disconnect(sid)
    except Exception as error:
        faults.append(f"connect {sid}: {error!r}")
    if query["end"] in ("false", "raise", "cancel"):
        refused.add(sid)
    else:
        accepted[sid] = accepted.get(sid, 0) + 1
    if query["end"] == "raise":
        msg = "on purpose"
        raise ValueError(msg)
    if query["end"] == "cancel":
        raise asyncio.CancelledError
    return query["end"] != "false"


@eio.on("disconnect")  # type: ignore[untyped-decorator]
async def disconnect(sid: str, reason: str) -> None:
    """Looks whether everything is still there."""
    left[sid] = left.get(sid, 0) + 1
    try:
        if await eio.get_session(sid) != {"sid": sid}:
            faults.append(f"session {sid}")
    except Exception as error:
        faults.append(f"disconnect {sid}: {error!r}")


async def report(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """What was counted, and what is kept."""
    if scope["type"] != "http":
        return
    kept = [
        len(eio._sessions.sockets),
        len(eio._sessions.running),
        len(eio._core.sessions()),
        len(eio._tasks._in_flight),
    ]
    found = {
        "accepted": len(accepted),
        "refused": len(refused),
        "unpaired": [sid for sid in accepted if (accepted[sid], left.get(sid)) != (1, 1)] + [*(refused & left.keys())],
        "faults": faults[:10],
        "kept": sum(kept),
    }
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
    await send({"type": "http.response.body", "body": json.dumps(found).encode()})


if __name__ == "__main__":
    library.run(engineio.ASGIApp(eio, report))
