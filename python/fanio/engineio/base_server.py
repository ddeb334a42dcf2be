"""The base class of ``engineio.AsyncServer`` and of the attribute ``eio`` of a Socket.IO server.

Owns the core and its options, the API for sessions, and the parts that serve. Each option is an attribute that may be
set at any time. A change reaches the shards and affects what begins after it; a ping interval that has begun does not
change.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import secrets
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._codec import engineio_packet as packet
from fanio._doors.access_log import AccessLog
from fanio._doors.asgi_entry import AsgiEntry
from fanio._doors.workers import Workers
from fanio._handlers.arguments import ENGINE
from fanio._handlers.names import sid_text
from fanio._options import switches
from fanio._options.server import Option, WireOptions
from fanio._options.values import fastest_door
from fanio._request.admission import HTTP_EVENTS, Admission
from fanio._request.proxies import addresses
from fanio._request.session_environs import HandshakeScopes, SessionEnvirons
from fanio._tasks.backlogs import Backlogs
from fanio._tasks.core_runner import CoreRunner
from fanio._tasks.tasks import Tasks
from fanio.engineio.async_socket import Sockets
from fanio.reason import Reason

if TYPE_CHECKING:
    from fanio._codec.engineio_packet import Packet
    from fanio.engineio.async_socket import AsyncSocket
    from fanio.types import CookieOption, CorsOption, HandlerFunction, JsonModule, Receive, Scope, Send

__all__ = ["BaseServer"]

_security = logging.getLogger("fanio.security")
#: Seconds after which a busy event loop is expected to have handled the first event of a client.
_GRACE = 15
#: The core asks about no request, and reports each refused request for the log.
_QUESTIONS = {"ask_requests": False, "report_refusals": True}

#: Options of python-engineio that have no effect here.
IGNORED = frozenset({"monitor_clients"})


class BaseServer:
    """The core and its options; see ``AsyncServer``."""

    compression_methods = ("gzip", "deflate")
    event_names: tuple[str, ...] = ("connect", "disconnect", "message")
    valid_transports = ("polling", "websocket")
    reason = Reason
    async_mode = "asgi"

    ping_interval: Option[float] = Option()
    ping_interval_grace_period: Option[float] = Option()
    ping_timeout: Option[float] = Option()
    max_http_buffer_size: Option[int] = Option()
    allow_upgrades: Option[bool] = Option()
    http_compression: Option[bool] = Option()
    compression_threshold: Option[int] = Option()
    cookie: Option[CookieOption | None] = Option()
    cors_allowed_origins: Option[CorsOption | None] = Option()
    cors_credentials: Option[bool] = Option()
    transports: Option[list[str]] = Option()
    allow_request: Option[Callable[[dict[str, Any]], Any] | None] = Option()
    connect_timeout: Option[float] = Option()
    upgrade_timeout: Option[float] = Option()
    head_timeout: Option[float] = Option()
    body_timeout: Option[float] = Option()
    max_attachments: Option[int] = Option()
    high_water_mark: Option[int] = Option()
    max_queue_age: Option[float | None] = Option()
    max_queue_bytes: Option[int | None] = Option()
    max_queue_packets: Option[int | None] = Option()
    max_total_queue_bytes: Option[int | None] = Option()
    max_total_unread_bytes: Option[int | None] = Option()
    write_timeout: Option[float] = Option()
    per_message_deflate: Option[bool | Mapping[str, int] | None] = Option()

    #: The core's parser. "raw" passes the messages to the application.
    _parser = "raw"

    def __init__(self, options: WireOptions, logger: logging.Logger, async_handlers: bool) -> None:
        """Make the core; its threads start when it is served."""
        self._options = options
        self._names_proxies = bool(options.trusted_proxies)
        self.logger = logger
        self.async_handlers = async_handlers
        self._json: JsonModule | None = None
        self._has_warned_of_ids = False
        self._has_warned_of_credentials = False
        #: Has no effect: the shards watch the clients.
        self.start_service_task = True
        #: The registered functions, by event; ``on`` registers.
        self.handlers: dict[str, HandlerFunction] = {}
        self._sent: dict[str, object] = {**options.core(), "parser": self._parser, **_QUESTIONS}
        self._core = _core.Server(self._sent)
        self._check_credentials()
        scopes = HandshakeScopes(options.connect_timeout + _GRACE)
        self._environs = SessionEnvirons(self._core, scopes)
        self._environs.trusted_proxies = addresses(options.trusted_proxies)
        self._tasks = Tasks(self._core, self._session_of, shares=switches.shares_tasks(options.share_tasks))
        self._admission = Admission(self._core, options, self._environs, self._tasks, self.handlers, logger)
        self._backlogs = Backlogs(self._core, self._tasks, logger)
        self._runner = CoreRunner(self._core, self._tasks, self._admission, logger)
        self._runner.add_receivers(self._backlogs.receivers())
        self._runner.on_end.append(self._backlogs.release)
        self._access_log = access_log = AccessLog(self._environs)
        self._runner.add_receivers({_core.ANSWERED: access_log.answered, _core.ENDED: access_log.ended})
        self._workers = Workers(self._admission.log)
        self._asgi_entry = AsgiEntry(
            self._core, self._runner, scopes, access_log, self._workers, fastest_door(options.door)
        )
        self.logger.info("Server initialized for %s.", self.async_mode)

    def _session_of(self, sid: str) -> str | None:
        return sid

    # Options

    def _change(self, name: str, value: Any) -> None:
        changed = copy.copy(self._options)
        setattr(changed, name, value)
        changed.core()  # raises before anything is changed
        setattr(self._options, name, value)
        self._tell_core()

    def _tell_core(self) -> None:
        """Send changed options to the shards."""
        wanted = {**self._sent, **self._options.core(), **self._admission.core_options()}
        for name, value in wanted.items():
            if self._sent.get(name) != value:
                self._core.set_option(name, value)
        self._sent = wanted
        self._check_credentials()

    def _check_credentials(self) -> None:
        """Warn once if pages of every origin may send requests with the user's cookies."""
        if self._sent["cors"] == "*" and self._sent["cors_credentials"] and not self._has_warned_of_credentials:
            self._has_warned_of_credentials = True
            _security.warning(
                "cors_allowed_origins='*' lets any page use this server with the cookies of the user who looks at that"
                " page. Name the origins that may, or say cors_credentials=False if cookies mean nothing here."
            )

    def is_asyncio_based(self) -> bool:
        """Return True, as python-engineio's class does."""
        return True

    def async_modes(self) -> list[str]:
        """Return the supported modes."""
        return [self.async_mode]

    # Handlers

    def on(self, event: str, handler: Any = None) -> Any:
        """Register a handler; without ``handler``, return a decorator.

        Args:
            event: "initial_headers" is called with ``(headers, environ)`` for the response to a handshake; the handler
                may add to the dictionary ``headers``. "headers" is called in the same way for every response of a
                session, and every response then waits for Python. "connection_error" is called for every refused
                request, with an object that has ``req`` (an environ), ``code``, ``message`` and ``context``. The
                class of the server describes its other events.
            handler: ``async def`` or a plain function.

        Raises:
            TypeError: When the handler does not accept the event's arguments.
            ValueError: When there is no such event.
        """
        self._check_event(event)

        def register(function: Any) -> Any:
            ENGINE.check(function, event, "/")
            self.handlers[event] = function
            self._tell_core()
            return function

        if handler is None:
            return register
        register(handler)
        return None

    def _check_event(self, event: str) -> None:
        if event not in (*self.event_names, *HTTP_EVENTS):
            msg = f"Invalid event {event!r}: expected one of {(*self.event_names, *HTTP_EVENTS)}"
            raise ValueError(msg)

    # Sessions

    @property
    def sockets(self) -> Mapping[str, AsyncSocket]:
        """The clients, by sid: a live view."""
        return Sockets(self)

    def _socket(self, sid: str) -> AsyncSocket:
        """Return a client; KeyError when there is none."""
        raise NotImplementedError

    def _sids(self) -> Iterable[str]:
        return self._core.sessions()

    def transport(self, sid: str) -> str:
        """Return "polling" or "websocket".

        Raises:
            KeyError: When there is no such client.
        """
        transport = self._core.transport(sid_text(sid))
        if transport is None:
            msg = f"Session not found: {sid!r}"
            raise KeyError(msg)
        return transport

    def _push(self, sid: str, messages: Sequence[str | bytes]) -> None:
        """Send messages to a client whose session is open."""
        self._backlogs.flush_if_asked(self._core.send(sid, messages))

    async def _send_packet(self, sid: str, pkt: Packet) -> None:
        """Send a packet; wait while the client's backlog is above ``high_water_mark``."""
        if pkt.packet_type == packet.CLOSE:
            self._close(sid)
            return
        if pkt.packet_type != packet.MESSAGE:
            msg = f"expected a packet of type MESSAGE or CLOSE, got {packet.packet_names[pkt.packet_type]}"
            raise ValueError(msg)
        message = bytes(pkt.data) if pkt.binary else pkt.text()
        try:
            socket = self._socket(sid)
        except KeyError:
            self.logger.warning("Cannot send to sid %s", sid)
            return
        self.logger.info("%s: Sending packet MESSAGE", sid)
        if socket.held is not None:
            socket.held.append(message)
            return
        push = partial(self._core.send, sid, [message])
        asked = _core.WAIT if sid in self._backlogs.waiting else push(True)
        if asked & _core.WAIT:
            await self._backlogs.send(sid, sid, push, asked)
        else:
            self._backlogs.flush_if_asked(asked)

    def generate_id(self) -> str:
        """Return an id of 20 random characters, like the core's session ids.

        The core does not call this method. Overriding it has no effect, and logs a warning.
        """
        return secrets.token_urlsafe(15)

    async def disconnect(self, sid: str | None = None) -> None:
        """Close the connection of a client; without ``sid``, close those of all clients."""
        for one in list(self._sids()) if sid is None else [sid]:
            self._close(one)

    def _close(self, sid: str) -> None:
        self._core.close(sid_text(sid), Reason.SERVER_DISCONNECT)

    async def send(self, sid: str, data: Any) -> None:
        """Send a message to a client; log a warning if the client does not exist.

        Waits while more than ``high_water_mark`` bytes wait for the client.

        Args:
            sid: The client.
            data: Text or bytes; a dictionary or a list becomes JSON, anything else text.
        """
        pkt = packet.Packet(packet.MESSAGE, data=data)
        pkt.json = self._json or pkt.json
        await self._send_packet(sid, pkt)

    async def send_packet(self, sid: str, pkt: Packet) -> None:
        """Send a packet to a client: a message, or one that closes the connection.

        Raises:
            ValueError: When the packet has another type; only the core sends those.
        """
        await self._send_packet(sid, pkt)

    async def get_session(self, sid: str) -> dict[str, Any]:
        """Return the user session of a client: a dictionary for the application's data.

        Raises:
            KeyError: When there is no such client.
        """
        return self._known(sid).session

    async def save_session(self, sid: str, session: dict[str, Any]) -> None:
        """Store the user session of a client.

        Raises:
            KeyError: When there is no such client.
        """
        self._known(sid).session = session

    def session(self, sid: str) -> AbstractAsyncContextManager[dict[str, Any]]:
        """Return a context manager that gives the user session of a client and stores it at the end."""

        @asynccontextmanager
        async def context() -> AsyncIterator[dict[str, Any]]:
            session = await self.get_session(sid)
            yield session
            await self.save_session(sid, session)

        return context()

    def _known(self, sid: str) -> AsyncSocket:
        try:
            return self._socket(sid)
        except KeyError:
            msg = f"Session not found: {sid!r}"
            raise KeyError(msg) from None

    # Running

    def attach(self, app: Any, engineio_path: str = "engine.io") -> None:
        """Raise: this method is for frameworks that are not ASGI.

        Raises:
            RuntimeError: Always.
        """
        msg = "attach() is for aiohttp and Sanic: wrap this server in ASGIApp(server, other_asgi_app)"
        raise RuntimeError(msg)

    async def handle_request(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI request or WebSocket; its path is not checked."""
        self._serve_on(asyncio.get_running_loop())
        await self._asgi_entry.serve(self._options, scope, receive, send)

    def _may_accept(self) -> bool:
        """Return whether the shards may see requests first; not if the application overrides ``handle_request``."""
        is_ours = getattr(self.handle_request, "__func__", None) is BaseServer.handle_request
        return is_ours and self._asgi_entry.may_accept()

    def _serve_on(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the core on this event loop, unless it runs."""
        self._check_ids()
        self._runner.start_on(loop)

    def _check_ids(self) -> None:
        """Warn once if ``generate_id`` is overridden."""
        overridden = getattr(self.generate_id, "__func__", None) is not BaseServer.generate_id
        if overridden and not self._has_warned_of_ids:
            self._has_warned_of_ids = True
            warnings.warn("generate_id is not called: the core makes the ids of sessions and sockets", stacklevel=2)

    def _trust(self, proxies: list[str]) -> None:
        """Trust these proxies, unless the application has set ``trusted_proxies``."""
        if self._names_proxies:
            return
        found: list[str] = []
        for proxy in proxies:
            try:
                found += addresses(proxy)
            except ValueError:  # noqa: PERF203 (each is named)
                self.logger.warning("trusted_proxies: %r is not an IP address", proxy)
        trusted = "*" if "*" in found else found
        self._environs.trusted_proxies = trusted
        self._options.trusted_proxies = trusted
        self._tell_core()

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Start a coroutine function in a task and return that."""
        task: asyncio.Task[Any] = asyncio.ensure_future(target(*args, **kwargs))
        self._tasks.keep(task)
        return task

    async def sleep(self, seconds: float = 0) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)

    def create_queue(self, *args: Any, **kwargs: Any) -> asyncio.Queue[Any]:
        """Return an ``asyncio.Queue``."""
        return asyncio.Queue(*args, **kwargs)

    def get_queue_empty_exception(self) -> type[asyncio.QueueEmpty]:
        """Return the exception that an empty queue raises."""
        return asyncio.QueueEmpty

    def create_event(self, *args: Any, **kwargs: Any) -> asyncio.Event:
        """Return an ``asyncio.Event``."""
        return asyncio.Event(*args, **kwargs)

    async def shutdown(self) -> None:
        """Close every session, wait for the disconnect handlers, and end the server's threads.

        ``fanio.run`` calls this itself. A server that is served again starts again.
        """
        await self._runner.close()
