"""SimpleClient: ``AsyncSimpleClient`` for applications without asyncio.

The methods here wait for its coroutines, which run on the background loop of a ``Client``.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from fanio.async_simple_client import AsyncSimpleClient
from fanio.client import Client
from fanio.exceptions import DisconnectedError

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

    from fanio._client.options import SimpleClientOptions

__all__ = ["SimpleClient"]

T = TypeVar("T")


class SimpleClient:
    """A Socket.IO client without handlers, for threads.

    The arguments of the constructor are those of ``Client``.
    """

    client_class: ClassVar[Callable[..., Client]] = Client

    def __init__(self, *args: Any, **kwargs: Unpack[SimpleClientOptions]) -> None:
        """Keep the arguments for ``connect``."""
        self.client_args = args
        self.client_kwargs = kwargs
        self.client: Client | None = None
        self.namespace = "/"
        self._simple: AsyncSimpleClient | None = None

    def connect(
        self,
        url: str | Callable[[], Any],
        headers: Mapping[str, str] | Callable[[], Any] = {},  # noqa: B006 (python-socketio's default; never changed)
        auth: Any = None,
        transports: str | Iterable[str] | None = None,
        namespace: str = "/",
        socketio_path: str = "socket.io",
        wait_timeout: float | None = 5,
    ) -> None:
        """Connect to a server and join one namespace; see ``AsyncSimpleClient.connect``."""
        if self.connected:
            msg = "Already connected"
            raise RuntimeError(msg)
        client = self.client = self.client_class(*self.client_args, **self.client_kwargs)
        self.namespace = namespace

        async def make() -> AsyncSimpleClient:
            # Created on the loop, because its asyncio events belong to that loop.
            simple = AsyncSimpleClient()
            simple.client, simple.namespace = client._inner, namespace
            simple._register(client._inner)
            return simple

        self._simple = client._run(make())
        client.connect(
            url,
            headers=headers,
            auth=auth,
            transports=transports,
            namespaces=[namespace],
            socketio_path=socketio_path,
            wait_timeout=wait_timeout,
        )

    @property
    def connected(self) -> bool:
        """Whether the client is connected or reconnecting."""
        return self._simple is not None and self._simple.connected

    @property
    def sid(self) -> str | None:
        """The id that the server gave this client; it changes with each reconnection."""
        return self.client.get_sid(self.namespace) if self.client else None

    @property
    def transport(self) -> str | None:
        """The transport in use, "polling" or "websocket"."""
        return self.client.transport() if self.client else ""

    def emit(self, event: str, data: Any = None) -> None:
        """Emit an event; see ``AsyncSimpleClient.emit``."""
        self._run(lambda simple: simple.emit(event, data))

    def call(self, event: str, data: Any = None, timeout: float | None = 60) -> Any:
        """Emit an event and return its acknowledgement; see ``AsyncSimpleClient.call``."""
        return self._run(lambda simple: simple.call(event, data, timeout))

    def receive(self, timeout: float | None = None) -> list[Any]:
        """Wait for an event; see ``AsyncSimpleClient.receive``."""
        simple = self._simple
        if simple is not None and self.client is not None and self.client._running is None and simple.input_buffer:
            # Events that came before the end; the loop has stopped.
            return simple.input_buffer.popleft()
        return self._run(lambda simple: simple.receive(timeout))

    def _run(self, method: Callable[[AsyncSimpleClient], Coroutine[Any, Any, T]]) -> T:
        client, simple = self.client, self._simple
        background = client._running if client is not None else None
        if simple is None or background is None:
            raise DisconnectedError
        return background.run(method(simple))

    def disconnect(self) -> None:
        """Send what was emitted, then end the connection."""
        client, self.client = self.client, None
        if client is not None:
            client.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.disconnect()
