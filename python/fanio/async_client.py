"""AsyncClient: the public API of the asyncio client.

Owns names, order of arguments, defaults and results, which are python-socketio's. Features of the
JavaScript client that python-socketio lacks are keyword arguments and options. The implementation is
in ``fanio._client``.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import _get_running_loop as running_loop
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from fanio._client import keyboard_interrupt as interrupt
from fanio._client.acks import PendingAck, PendingAcks
from fanio._client.backoff import Reconnection
from fanio._client.buffer import Buffer, BufferedEvent
from fanio._client.connector import Connector
from fanio._client.dispatch import KEY, ClientDispatcher
from fanio._client.engineio_client import EngineClient
from fanio._client.handlers import ClientHandlers
from fanio._client.outgoing import Outgoing
from fanio._client.packet_class import make_client_codec
from fanio._client.recovery import Recovery
from fanio._client.settings import Settings
from fanio._client.state import State
from fanio._client.target import valid_transports
from fanio._handlers.names import namespace_name
from fanio._options import switches
from fanio._options.checks import check_flag, check_function, check_seconds, check_text
from fanio._tasks.failures import Failures
from fanio._tasks.tasks import Tasks
from fanio.async_namespace import AsyncClientNamespace
from fanio.base_client import BaseClient
from fanio.exceptions import ConnectionError as NotConnectedError

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from fanio._client.options import ClientOptions
    from fanio.types import Callback, JsonModule, Serializer

__all__ = ["AsyncClient"]


class AsyncClient(BaseClient):
    """A Socket.IO client for asyncio.

    Register handlers with ``event``, ``on`` or ``register_namespace``, then call ``connect``. Handlers
    and callbacks run on the event loop of ``connect``. The coroutines may be awaited on other loops.
    """

    _namespace_class = AsyncClientNamespace

    def __init__(
        self,
        reconnection: bool = True,
        reconnection_attempts: int = 0,
        reconnection_delay: float = 1,
        reconnection_delay_max: float = 5,
        randomization_factor: float = 0.5,
        logger: bool | logging.Logger = False,
        serializer: Serializer = "default",
        json: JsonModule | None = None,
        handle_sigint: bool = True,
        **kwargs: Unpack[ClientOptions],
    ) -> None:
        """Create a client; nothing runs before ``connect``.

        Args:
            reconnection: Whether the client reconnects after the connection is lost.
            reconnection_attempts: The number of attempts; 0 is no limit.
            reconnection_delay: Seconds before the first attempt; the delay doubles with each attempt.
            reconnection_delay_max: The longest delay, in seconds.
            randomization_factor: The share of a delay, 0 to 1, by which it is changed at random.
            logger: True logs at INFO, False errors only, to the logger ``fanio.client``; or a
                logger of your own.
            serializer: "default", "msgpack" or a packet class; the server needs the same.
            json: A module to use instead of orjson, with the standard module's functions.
            handle_sigint: Whether Ctrl-C disconnects before it ends the application.
            **kwargs: Further options; ``fanio._client.options.ClientOptions`` and docs/clients.md describe them.

        Raises:
            TypeError: When an option has the wrong type.
            ValueError: When an option has a value that is not supported.
        """
        self._options = options = Settings.take(kwargs)
        check_flag("handle_sigint", handle_sigint)
        self._reconnection = Reconnection(
            reconnection,
            reconnection_attempts,
            reconnection_delay,
            reconnection_delay_max,
            randomization_factor,
        )
        self.handle_sigint = handle_sigint
        self.logger = _logger(logger)
        self.connection_namespaces = []
        self._state = state = State()
        self._handlers = ClientHandlers()
        self._acks = PendingAcks()
        self._recovery = Recovery()
        self._tasks = Tasks(_Pausing(state), shares=switches.shares_tasks())
        self._codec = codec = make_client_codec(serializer, json, options.max_attachments, options.max_http_buffer_size)
        failures = Failures(self.logger, self._tasks)
        limits = options.max_buffer_packets, options.max_buffer_bytes
        early: Buffer[tuple[Any, ...]] = Buffer(*limits)
        self._dispatcher = ClientDispatcher(
            state, self._handlers, self._acks, codec, self._recovery, self._tasks, failures, early
        )
        buffer: Buffer[BufferedEvent] = Buffer(*limits)
        self._outgoing = Outgoing(
            state,
            codec,
            self._acks,
            buffer,
            self.logger,
            retries=options.retries,
            ack_timeout=options.ack_timeout,
            max_packets=options.max_buffer_packets,
            max_bytes=options.max_buffer_bytes,
        )
        self._connector = Connector(
            state,
            self._dispatcher,
            self._outgoing,
            self._recovery,
            codec,
            self._tasks,
            self._reconnection,
            self.logger,
        )
        self._own_loop = self._connector.loop
        self._connector.on_finish = lambda: interrupt.unguard(self._connector)
        #: The Engine.IO client, with the attributes that applications use.
        self.eio = EngineClient(state, self._connector)

    def is_asyncio_based(self) -> bool:
        """Return True, as python-socketio's class does."""
        return True

    # Connecting

    async def connect(
        self,
        url: str | Callable[[], Any],
        headers: Mapping[str, str] | Callable[[], Any] = {},  # noqa: B006 (python-socketio's default; never changed)
        auth: Any = None,
        transports: str | Iterable[str] | None = None,
        namespaces: str | Iterable[str] | None = None,
        socketio_path: str = "socket.io",
        wait: bool = True,
        wait_timeout: float | None = 1,
        retry: bool = False,
    ) -> None:
        """Connect to a server and join namespaces.

        ``url``, ``headers`` and ``auth`` may be functions or coroutine functions. They are called for
        each attempt, also when the client reconnects.

        Args:
            url: An ``http``, ``https``, ``ws`` or ``wss`` URL. Its query is sent, its path is not.
            headers: Headers of every request.
            auth: The value that the server's connect handler gets.
            transports: "polling", "websocket" or a list, in the order to try; None is both.
            namespaces: One or several; None is all that have a handler, or "/".
            socketio_path: The path of the server on its host.
            wait: Whether to return only after the server has answered for each namespace.
            wait_timeout: Seconds to wait for these answers; None waits as long as the connection lasts.
            retry: Whether to try again, as after a lost connection, when the first attempt fails.

        Raises:
            ConnectionError: When the client is connected already, when it could not connect, or when
                the URL is malformed. ``refusals`` has what the server said.
            RuntimeError: When the client is reconnecting on another event loop.
            ValueError: When the transports, a namespace or a header cannot be used.
            TypeError: When an argument has the wrong type, or the HTTP session has a setting that
                is not supported.
        """
        self._own_loop.leave_if_stopped()
        if self._state.connected or self._connector.is_connecting:
            msg = "Already connected"
            raise NotConnectedError(msg)
        names = self._names(namespaces)
        allowed = valid_transports(transports)
        if not callable(headers):
            _check_headers(headers)
        check_text("socketio_path", socketio_path, "a path such as 'socket.io'")
        if wait_timeout is not None:
            check_seconds("wait_timeout", wait_timeout)
        self.connection_url, self.connection_headers, self.connection_auth = url, headers, auth
        self.connection_transports, self.connection_namespaces = transports, names
        self.socketio_path = socketio_path

        async def options() -> dict[str, object]:
            real_url = await self._dispatcher.value(self.connection_url)
            real_headers = await self._dispatcher.value(self.connection_headers)
            _check_headers(real_headers)
            return await self._options.core(real_url, real_headers or {}, allowed, socketio_path, self._codec.parser)

        if self.handle_sigint:
            interrupt.guard(self._connector)
        await self._connector.connect(
            options,
            lambda: self._dispatcher.value(self.connection_auth),
            names,
            wait=wait,
            wait_timeout=wait_timeout,
            retry=retry,
        )

    def _names(self, namespaces: str | Iterable[str] | None) -> list[str]:
        if namespaces is None:
            return self._handlers.namespaces() or ["/"]
        if not isinstance(namespaces, (str, Iterable)):
            msg = f"namespaces: expected a name or several, got {namespaces!r}"
            raise TypeError(msg)
        names = [namespaces] if isinstance(namespaces, str) else list(namespaces)
        if not names:
            msg = "namespaces: expected at least one, got none"
            raise ValueError(msg)
        return list(dict.fromkeys(map(namespace_name, names)))

    async def wait(self) -> None:
        """Wait until the connection has ended and the client does not reconnect."""
        await self._connector.wait()

    async def disconnect(self) -> None:
        """Send what was emitted, then end the connection or the attempts to reconnect."""
        await self._connector.disconnect()

    async def shutdown(self) -> None:
        """Disconnect if there is a connection."""
        await self._connector.disconnect()

    # Emitting

    async def emit(
        self,
        event: str,
        data: Any = None,
        namespace: str | None = None,
        callback: Callback | None = None,
        *,
        volatile: bool = False,
        timeout: float | None = None,
        on_error: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Emit an event to the server.

        While the client is disconnected, events are kept in order, and sent when the namespace is
        connected again. ``max_buffer_packets`` and ``max_buffer_bytes`` bound them. The call waits only
        while more than ``max_queue_bytes`` wait to be sent.

        Args:
            event: The event's name.
            data: None is no argument, a tuple is several arguments, anything else is one argument.
                bytes, bytearray and memoryview anywhere inside are sent as attachments.
            namespace: "/" when it is not given.
            callback: Called with the arguments of the acknowledgement.
            volatile: Whether to drop the event if it cannot be sent now.
            timeout: Seconds to wait for the acknowledgement; None uses the option ``ack_timeout``.
            on_error: Called with a ``TimeoutError`` or an ``AckLostError`` when no acknowledgement
                will come. For each event exactly one of ``callback`` and ``on_error`` is called.

        Raises:
            BadNamespaceError: When the namespace is not connected and the client does not reconnect.
            BufferFullError: When it is disconnected and no more events can be kept.
            TypeError: When something in the data has no JSON form.
            ValueError: When the name is reserved, or there are more attachments than
                ``max_attachments``.
        """
        own = self._own_loop
        # The same check as `is_elsewhere`, without a call, because it runs for each event.
        if own.loop is not running_loop() and own.loop is not None:
            kinds: Any = {"volatile": volatile, "timeout": timeout, "on_error": on_error}
            await own.run(self.emit(event, data, namespace, callback, **kinds))
            return
        ack = None
        if callback is not None or on_error is not None:
            ack = self._callback_ack(callback, on_error)
        self._outgoing.emit(event, data, namespace or "/", ack, timeout, volatile=volatile)
        await self._outgoing.wait_for_space(self._options.max_queue_bytes)

    def _callback_ack(self, callback: Callback | None, on_error: Callable[[Exception], Any] | None) -> PendingAck:
        check_function("callback", callback)
        check_function("on_error", on_error)

        def succeed(args: list[Any]) -> None:
            if callback is not None:
                self._dispatcher.run_callback(callback, args)

        def fail(error: Exception) -> None:
            if on_error is not None:
                self._dispatcher.run_callback(on_error, [error])

        return PendingAck(succeed, fail)

    async def send(
        self,
        data: Any,
        namespace: str | None = None,
        callback: Callback | None = None,
        *,
        volatile: bool = False,
        timeout: float | None = None,
        on_error: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Emit the event ``message``; see ``emit``."""
        await self.emit(
            "message",
            data,
            namespace,
            callback,
            volatile=volatile,
            timeout=timeout,
            on_error=on_error,
        )

    async def call(self, event: str, data: Any = None, namespace: str | None = None, timeout: float | None = 60) -> Any:
        """Emit an event and return its acknowledgement.

        Args:
            event: The event's name.
            data: As in ``emit``.
            namespace: "/" when it is not given.
            timeout: Seconds to wait; None waits as long as the connection lasts.

        Returns:
            None, the argument, or a tuple of the arguments the server answered with.

        Raises:
            fanio.exceptions.TimeoutError: When no answer came in time.
            AckLostError: When the connection was lost first. It is also a ``TimeoutError``.
            BadNamespaceError: As in ``emit``.
        """
        if self._own_loop.is_elsewhere:
            return await self._own_loop.run(self.call(event, data, namespace, timeout))
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()

        def succeed(args: list[Any]) -> None:
            if not future.done():
                future.set_result(args)

        def fail(error: Exception) -> None:
            if not future.done():
                future.set_exception(error)

        ack = PendingAck(succeed, fail)
        try:
            self._outgoing.emit(event, data, namespace or "/", ack, timeout, volatile=False)
            args = await future
        finally:
            if future.cancelled():
                self._outgoing.cancel(ack)
        return tuple(args) if len(args) > 1 else args[0] if args else None

    # Running

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
        """Start a coroutine function in a task, and return the task."""
        task: asyncio.Task[Any] = asyncio.ensure_future(target(*args, **kwargs))
        self._tasks.keep(task)
        return task

    async def sleep(self, seconds: float = 0) -> None:
        """Wait without blocking the event loop."""
        await asyncio.sleep(seconds)


def _check_headers(headers: Any) -> None:
    if headers is not None and not isinstance(headers, Mapping):
        msg = f"headers: expected a dictionary or a function that returns one, got {headers!r}"
        raise TypeError(msg)


class _Pausing:
    """The methods of a core that ``Tasks`` uses. A client has one session only."""

    def __init__(self, state: State) -> None:
        self._state = state

    def session_of(self, key: str) -> str | None:
        return KEY if self._state.link is not None and key == KEY else None

    def pause(self, _session: str) -> None:
        if self._state.link is not None:
            self._state.link.core.pause()

    def resume(self, _session: str) -> None:
        if self._state.link is not None:
            self._state.link.core.resume()


def _logger(option: bool | logging.Logger) -> logging.Logger:
    """Return the logger for the argument ``logger``, which has python-socketio's meaning."""
    if not isinstance(option, bool):
        if not callable(getattr(option, "info", None)) or not callable(getattr(option, "error", None)):
            msg = f"logger: expected True, False or a logger, got {option!r}"
            raise TypeError(msg)
        return option
    logger = logging.getLogger("fanio.client")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.INFO if option else logging.ERROR)
    if option and not logger.hasHandlers():
        logger.addHandler(logging.StreamHandler())
    return logger
