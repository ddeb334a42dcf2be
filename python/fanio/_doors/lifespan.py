"""The lifespan of an ASGIApp: its hooks, and the lifespan of the application that it wraps.

Owns the order. At startup the hook runs first, then the wrapped application's startup. At shutdown every session is
closed first; then the wrapped application shuts down; the hook runs last. A wrapped application without support for
the lifespan protocol is not called again. Source: ASGI 3.0, "Lifespan Protocol".
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
    """Ends the wrapped application's lifespan when the startup hook has raised."""


class Lifespan:
    """One run of the lifespan protocol."""

    def __init__(
        self,
        app: ASGIApplication | None,
        on_startup: Hook | None,
        on_shutdown: Hook | None,
        close: Callable[[], Awaitable[None]],
    ) -> None:
        """Wrap ``app``; ``close`` closes the server's sessions."""
        self._app = app
        self._on_startup = on_startup
        self._on_shutdown = on_shutdown
        self._close = close
        self._has_received_startup = False
        self._has_sent_started = False
        self._has_sent_end = False
        self._has_failed = False

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
                if self._has_failed:
                    return
                if self._has_received_startup:
                    raise
            if self._has_sent_end or self._has_failed:
                return
        await self._run_alone()

    async def _receive(self) -> Message:
        message = await self._receive_inner()
        if message["type"] == "lifespan.startup":
            self._has_received_startup = True
            if not await self._start():
                raise _StartupFailedError
        elif message["type"] == "lifespan.shutdown":
            await self._close()
        return message

    async def _send(self, message: Message) -> None:
        kind = message["type"]
        if self._has_failed:
            return  # the ASGI server has received the failure already
        if kind in ("lifespan.shutdown.complete", "lifespan.shutdown.failed"):
            self._has_sent_end = True
            failure = await _failure(self._on_shutdown)
            if failure is not None and kind == "lifespan.shutdown.complete":
                message = {"type": "lifespan.shutdown.failed", "message": failure}
        elif kind == "lifespan.startup.failed":
            self._has_sent_end = True
        elif kind == "lifespan.startup.complete":
            self._has_sent_started = True
        await self._send_inner(message)

    async def _run_alone(self) -> None:
        """Run the parts of the protocol that the wrapped application has not run."""
        try:
            if not self._has_received_startup:
                await self._receive()
            if not self._has_sent_started:
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
        self._has_failed = True
        return False


async def _failure(hook: Hook | None) -> str | None:
    """Run a hook; return the traceback if it raises, else None."""
    if hook is None:
        return None
    try:
        await result_of(hook())
    except Exception:
        return traceback.format_exc()
    return None


#: The error for a server that is given to an ASGI server without an ``ASGIApp`` around it.
UNWRAPPED = "an AsyncServer is no ASGI app: wrap it, as in `app = ASGIApp(sio)`, and serve that"


async def refuse_unwrapped(scope: Scope, receive: Receive, send: Send) -> None:
    """Make an ASGI server fail that was given a Socket.IO server instead of an application, if possible at its start.

    Raises:
        TypeError: For each request, if the ASGI server does not use the lifespan protocol.
    """
    if scope["type"] != "lifespan":
        raise TypeError(UNWRAPPED)
    await receive()
    await send({"type": "lifespan.startup.failed", "message": UNWRAPPED})
