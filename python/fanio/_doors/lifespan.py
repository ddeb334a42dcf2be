"""The lifespan of an ASGIApp: its hooks, and the lifespan of the app it wraps.

Owns the order: the hook for startup, then the wrapped app's startup; at the end every session is
closed first, then the wrapped app's shutdown, then the hook for it. A wrapped app that does not
speak the lifespan protocol is left alone. Source: ASGI 3.0, "Lifespan Protocol".
"""

from __future__ import annotations

import traceback
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fanio._handlers.handler import result_of

if TYPE_CHECKING:
    from fanio.types import ASGIApplication, Message, Receive, Scope, Send

__all__ = ["UNWRAPPED", "Hook", "Lifespan", "refuse_unwrapped"]

Hook = Callable[[], Any]


class _StartupFailedError(Exception):
    """Unwinds the wrapped app when the startup hook has raised."""


class Lifespan:
    """One run of the lifespan protocol."""

    def __init__(
        self,
        app: ASGIApplication | None,
        on_startup: Hook | None,
        on_shutdown: Hook | None,
        close: Callable[[], Awaitable[None]],
    ) -> None:
        """Wrap ``app``; ``close`` ends the server's sessions."""
        self._app = app
        self._on_startup = on_startup
        self._on_shutdown = on_shutdown
        self._close = close
        self._heard_startup = False
        self._said_started = False
        self._said_ended = False
        self._failed = False

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run until the server shuts down."""
        self._receive_inner = receive
        self._send_inner = send
        if self._app is not None:
            try:
                await self._app(scope, self._receive, self._send)
            except _StartupFailedError:
                return
            except Exception:
                if self._failed:
                    return
                if self._heard_startup:
                    raise
            if self._said_ended or self._failed:
                return
        await self._run_alone()

    async def _receive(self) -> Message:
        message = await self._receive_inner()
        if message["type"] == "lifespan.startup":
            self._heard_startup = True
            if not await self._start():
                raise _StartupFailedError
        elif message["type"] == "lifespan.shutdown":
            await self._close()
        return message

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._failed:
            return  # the server has been told already
        if kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            self._said_ended = True
            failure = await _failure(self._on_shutdown)
            if failure is not None and kind == "lifespan.shutdown.complete":
                message = {"type": "lifespan.shutdown.failed", "message": failure}
        elif kind == "lifespan.startup.failed":
            self._said_ended = True
        elif kind == "lifespan.startup.complete":
            self._said_started = True
        await self._send_inner(message)

    async def _run_alone(self) -> None:
        """Do what the wrapped app does not do."""
        try:
            if not self._heard_startup:
                await self._receive()
            if not self._said_started:
                await self._send({"type": "lifespan.startup.complete"})
            await self._receive()
        except _StartupFailedError:
            return
        await self._send({"type": "lifespan.shutdown.complete"})

    async def _start(self) -> bool:
        failure = await _failure(self._on_startup)
        if failure is None:
            return True
        await self._send_inner({"type": "lifespan.startup.failed", "message": failure})
        self._failed = True
        return False


async def _failure(hook: Hook | None) -> str | None:
    """Run a hook; return the traceback when it raises."""
    if hook is None:
        return None
    try:
        await result_of(hook())
    except Exception:
        return traceback.format_exc()
    return None


#: What is said to who serves the server itself.
UNWRAPPED = "an AsyncServer is no ASGI app: wrap it, as in `app = ASGIApp(sio)`, and serve that"


async def refuse_unwrapped(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer an ASGI server that was given a Socket.IO server in place of an app: it ends, if it can at its start.

    Raises:
        TypeError: Where there is no lifespan, for each request.
    """
    if scope["type"] != "lifespan":
        raise TypeError(UNWRAPPED)
    await receive()
    await send({"type": "lifespan.startup.failed", "message": UNWRAPPED})
