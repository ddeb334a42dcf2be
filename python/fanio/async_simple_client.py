"""AsyncSimpleClient: a client for one namespace that takes events one by one with ``receive``.

Owns the buffer of received events. An ``AsyncClient`` does the work.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

from fanio._client.client_loop import ClientLoop, settle
from fanio.async_client import AsyncClient
from fanio.exceptions import DisconnectedError, SocketIOError
from fanio.exceptions import TimeoutError as NoAnswerError

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from fanio._client.options import SimpleClientOptions

__all__ = ["AsyncSimpleClient"]

#: Events that may wait for ``receive``. With more, the handlers wait, so that reading pauses.
_MAX_WAITING = 1000


class AsyncSimpleClient:
    """A Socket.IO client without handlers.

    The arguments of the constructor are those of ``AsyncClient``.
    """

    client_class: ClassVar[Callable[..., AsyncClient]] = AsyncClient

    def __init__(self, *args: Any, **kwargs: Unpack[SimpleClientOptions]) -> None:
        """Keep the arguments for ``connect``."""
        self.client_args = args
        self.client_kwargs = kwargs
        self.client: AsyncClient | None = None
        self.namespace = "/"
        #: Set while the client is connected, and after it has given up.
        self.connected_event = asyncio.Event()
        #: Whether the client is connected or reconnecting.
        self.connected = False
        self._loop: asyncio.AbstractEventLoop | None = None
        #: Set when ``receive`` has to look for an event or for the end.
        self.input_event = asyncio.Event()
        self.input_buffer: deque[list[Any]] = deque()
        #: Handlers that wait until their event is taken.
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def connect(
        self,
        url: str | Callable[[], Any],
        headers: Mapping[str, str] | Callable[[], Any] = {},  # noqa: B006 (python-socketio's default; never changed)
        auth: Any = None,
        transports: str | Iterable[str] | None = None,
        namespace: str = "/",
        socketio_path: str = "socket.io",
        wait_timeout: float | None = 5,
    ) -> None:
        """Connect to a server and join one namespace; see ``AsyncClient.connect``.

        Raises:
            RuntimeError: When the client is connected already.
            ConnectionError: When the client could not connect.
        """
        if self.client is not None:
            self.client._connector.loop.leave_if_stopped()
        if self.connected:
            msg = "Already connected"
            raise RuntimeError(msg)
        self.namespace = namespace
        self._begin()
        self.client = self.client_class(*self.client_args, **self.client_kwargs)
        self._register(self.client)
        await self.client.connect(
            url,
            headers=headers,
            auth=auth,
            transports=transports,
            namespaces=[namespace],
            socketio_path=socketio_path,
            wait_timeout=wait_timeout,
        )

    def _begin(self) -> None:
        self.input_buffer.clear()
        while self._waiting:
            self._release()
        loop = asyncio.get_running_loop()
        if self._loop not in (None, loop):
            self._make_events()
        self._loop = loop
        self.connected_event.clear()
        self.input_event.clear()

    def _make_events(self) -> None:
        """Make new asyncio events, because they belong to the loop on which they were awaited."""
        self.connected_event, self.input_event = asyncio.Event(), asyncio.Event()

    def _loop_ended(self) -> None:
        self.connected = False
        self._make_events()
        self.connected_event.set()

    def _register(self, client: AsyncClient) -> None:
        async def connect() -> None:
            self.connected = True
            self.connected_event.set()

        async def disconnect(_reason: str) -> None:
            self.connected_event.clear()

        async def final() -> None:
            self.connected = False
            self.connected_event.set()
            self.input_event.set()

        client.on("connect", connect, namespace=self.namespace)
        client.on("disconnect", disconnect, namespace=self.namespace)
        client.on("__disconnect_final", final, namespace=self.namespace)
        client.on("*", self._take, namespace=self.namespace)
        client._connector.on_loop_end = self._loop_ended

    async def _take(self, *event: Any) -> None:
        self.input_buffer.append(list(event))
        self.input_event.set()
        if len(self.input_buffer) > _MAX_WAITING:
            # The number of waiting handlers is limited, and so is the number of events that are read.
            self._waiting.append(asyncio.get_running_loop().create_future())
            await self._waiting[-1]

    @property
    def sid(self) -> str | None:
        """The id that the server gave this client; it changes with each reconnection."""
        return self.client.get_sid(self.namespace) if self.client else None

    @property
    def transport(self) -> str | None:
        """The transport in use, "polling" or "websocket"."""
        return self.client.transport() if self.client else ""

    async def emit(self, event: str, data: Any = None) -> None:
        """Emit an event to the server; wait while the client is disconnected.

        Raises:
            DisconnectedError: When the client does not reconnect.
        """
        if self._own_loop is not None:
            return await self._own_loop.run(self.emit(event, data))
        while True:
            client = await self._wait_for_connection()
            try:
                return await client.emit(event, data, namespace=self.namespace)
            except SocketIOError:
                await asyncio.sleep(0)

    async def call(self, event: str, data: Any = None, timeout: float | None = 60) -> Any:
        """Emit an event and return its acknowledgement; wait while the client is disconnected.

        Raises:
            fanio.exceptions.TimeoutError: When no answer came in time, or the connection was lost
                before it came.
            DisconnectedError: When the client does not reconnect.
        """
        if self._own_loop is not None:
            return await self._own_loop.run(self.call(event, data, timeout))
        while True:
            client = await self._wait_for_connection()
            try:
                return await client.call(event, data, namespace=self.namespace, timeout=timeout)
            except NoAnswerError:
                raise
            except SocketIOError:
                await asyncio.sleep(0)

    @property
    def _own_loop(self) -> ClientLoop | None:
        """The client's loop if this code runs on another one, else None."""
        loop = self.client._connector.loop if self.client is not None else None
        return loop if loop is not None and loop.is_elsewhere else None

    async def _wait_for_connection(self) -> AsyncClient:
        await self.connected_event.wait()
        if not self.connected or self.client is None:
            raise DisconnectedError
        return self.client

    async def receive(self, timeout: float | None = None) -> list[Any]:
        """Wait for an event.

        Args:
            timeout: Seconds to wait; None waits as long as the connection may come back.

        Returns:
            The event's name and its arguments.

        Raises:
            fanio.exceptions.TimeoutError: When no event came in time.
            DisconnectedError: When no event waits and the client does not reconnect.
        """
        if self._own_loop is not None:
            return await self._own_loop.run(self.receive(timeout))
        try:
            await asyncio.wait_for(self._something(), timeout)
        except asyncio.TimeoutError:
            raise NoAnswerError from None
        event = self.input_buffer.popleft()
        self._release()
        return event

    def _release(self) -> None:
        """Let one waiting handler end, because an event has been taken."""
        if self._waiting:
            settle(self._waiting.popleft())

    async def _something(self) -> None:
        while not self.input_buffer:
            if not self.connected and self.connected_event.is_set():
                raise DisconnectedError
            self.input_event.clear()
            await self.input_event.wait()

    async def disconnect(self) -> None:
        """Send what was emitted, then end the connection."""
        client, self.client = self.client, None
        if client is not None:
            await client.disconnect()
        self.connected = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.disconnect()
