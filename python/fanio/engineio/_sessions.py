"""Engine.IO sessions whose messages the application handles, from the handshake to the disconnect handler.

    handshake ─► connect handler ─► OPEN ─► MESSAGE … ─► CLOSED ─► disconnect handler
                     └─► 401

The application may send to a client from its connect handler on; these messages wait until the handshake is answered.
Each connect handler that accepts a client is followed by one disconnect handler, also if the client or the server is
gone by then.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson

from fanio import _core
from fanio._codec.engineio_packet import parse_text
from fanio._handlers.handler import Handler, result_of
from fanio._request.admission import Refusal
from fanio._tasks.failures import Failures
from fanio.engineio.async_socket import AsyncSocket
from fanio.reason import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fanio._tasks.session_queues import SessionQueues
    from fanio.engineio.base_server import BaseServer
    from fanio.types import HandlerFunction, JsonModule, Peer

__all__ = ["Sessions"]

_UNAUTHORIZED = "Unauthorized"
_CLOSING = "The server is shutting down"


class Sessions:
    """The clients of an Engine.IO server."""

    def __init__(self, server: BaseServer, queues: SessionQueues, json: JsonModule) -> None:
        """Call the handlers of ``server``; decode messages that are JSON with ``json``."""
        self._server = server
        self._queues = queues
        self._failures = Failures(server.logger, server._tasks)
        self._json = json
        self.invoke: None = None
        self._messages = server._tasks.event_tasks(self)
        self._inspected: dict[str, Handler] = {}
        self.sockets: dict[str, AsyncSocket] = {}
        #: The tasks of connect and disconnect handlers that are running.
        self.running: set[asyncio.Task[Any]] = set()

    def _handler(self, event: str) -> Handler | None:
        function = self._handlers.get(event)
        if function is None:
            return None
        known = self._inspected.get(event)
        if known is None or known.function is not function:
            known = self._inspected[event] = Handler(function)
        return known

    @property
    def _handlers(self) -> Mapping[str, HandlerFunction]:
        return self._server.handlers

    # Connecting

    async def connect(self, sid: str, environ: dict[str, Any]) -> Refusal | None:
        """Call the connect handler for a handshake; return the refusal, or None to accept it."""
        socket = self.sockets[sid] = AsyncSocket(self._server, sid, {})
        socket.held = []
        handler = self._handler("connect")
        if handler is None:
            return None
        verdict = await self._decide(handler, sid, environ)
        if verdict is None or verdict is True:
            if not self._server._runner.is_closing:
                return None
            # The server is closing and opens no session.
            self.closed(_core.CLOSED, sid, Reason.SERVER_SHUTDOWN)
            return Refusal(503, orjson.dumps(_CLOSING).decode(), message=_CLOSING)
        del self.sockets[sid]
        self._server.logger.warning("Application rejected connection")
        message = verdict or _UNAUTHORIZED
        text = message if isinstance(message, str) else _UNAUTHORIZED
        return Refusal(401, orjson.dumps(message).decode(), message=text)

    async def _decide(self, handler: Handler, sid: str, environ: dict[str, Any]) -> Any:
        task = asyncio.current_task()
        assert task is not None
        self.running.add(task)
        try:
            return await _call(handler, sid, environ)
        except Exception as error:
            self._failures.tell(error, "connect handler failed", sid=sid)
            return False
        except BaseException:
            del self.sockets[sid]
            raise
        finally:
            self.running.discard(task)

    def missed(self, sid: str) -> None:
        """Call the disconnect handler of a client that was accepted but gets no session."""
        self.closed(_core.CLOSED, sid, Reason.SERVER_DISCONNECT)

    def open(self, _kind: int, sid: str, _head: bytes, _peer: Peer | None, _secure: bool, _transport: str) -> None:
        """Handle an OPEN event."""
        socket = self.sockets.get(sid)
        if socket is None:
            self.sockets[sid] = AsyncSocket(self._server, sid, {})
            return
        held, socket.held = socket.held, None
        if held:
            self._server._push(sid, held)
        if socket.closing:
            self._server._close(sid)

    # Messages

    def message(self, _kind: int, sid: str, data: str | bytes) -> None:
        """Handle a MESSAGE event."""
        handler = self._handler("message")
        if handler is None:
            return
        message = data if isinstance(data, bytes) else parse_text(data, self._json)
        if not self._server.async_handlers:
            self._queues.add(sid, sid, lambda: self._run("message", handler, sid, message), len(data))
            return
        self._messages.start(sid, (handler, (sid, message), sid, len(data), None, "message", ""), len(data))

    def answer(self, *_: Any) -> None:
        """Do nothing: messages have no acknowledgements."""

    cancelled = answer

    def fail(self, error: Exception, event: str, _namespace: str, sid: str) -> None:
        """Report the exception of a handler."""
        self._failures.tell(error, f"{event} handler failed", sid=sid)

    async def _run(self, event: str, handler: Handler, *args: Any) -> None:
        try:
            await _call(handler, *args)
        except Exception as error:
            self.fail(error, event, "", args[0])

    # Disconnecting

    def closed(self, _kind: int, sid: str, reason: str) -> None:
        """Handle a CLOSED event."""
        if sid not in self.sockets:
            return
        self.sockets[sid].held = None
        handler = self._handler("disconnect")
        if handler is None:
            del self.sockets[sid]
            return

        async def run_disconnect_handler() -> None:
            try:
                await self._run("disconnect", handler, *handler.trim((sid, reason)))
            finally:
                del self.sockets[sid]

        if not self._server.async_handlers:
            self._queues.add(sid, sid, run_disconnect_handler)
            return
        task = self._server._tasks.start(run_disconnect_handler())
        if not task.done():
            self.running.add(task)
            task.add_done_callback(self.running.discard)


async def _call(handler: Handler, *args: Any) -> Any:
    return await result_of(handler.function(*args))
