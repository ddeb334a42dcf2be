"""Client: the client for applications without asyncio.

An ``AsyncClient`` on an event loop in a background thread does the work. The methods here wait for
its coroutines. Handlers run in threads of their own, so they may wait too.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakSet

from fanio._client.loop_thread import LoopThread
from fanio._options.checks import check_flag
from fanio.async_client import AsyncClient
from fanio.base_client import BaseClient
from fanio.namespace import ClientNamespace

if TYPE_CHECKING:
    import logging

    from typing_extensions import Unpack

    from fanio._client.options import ClientOptions
    from fanio.types import Callback, JsonModule, Serializer

__all__ = ["Client"]

T = TypeVar("T")

_connected: WeakSet[Client] = WeakSet()


@atexit.register
def _say_goodbye() -> None:
    for client in list(_connected):
        with contextlib.suppress(Exception):
            client._leave_in(1.0)


def _leave_to_parent() -> None:
    """Drop all connections in a forked process, because they belong to the parent."""
    for client in list(_connected):
        _ = client._running


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)


class Client(BaseClient):
    """A Socket.IO client for threads.

    All methods may be called from any thread, also in handlers. Each handler runs in a thread of its
    own; the threads start in the order in which the events arrive.
    """

    _namespace_class = ClientNamespace

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
        """Create a client; the arguments are those of ``AsyncClient``."""
        self._inner = inner = AsyncClient(
            reconnection,
            reconnection_attempts,
            reconnection_delay,
            reconnection_delay_max,
            randomization_factor,
            logger,
            serializer,
            json,
            False,
            **kwargs,
        )
        self.logger = inner.logger
        check_flag("handle_sigint", handle_sigint)
        self.handle_sigint = handle_sigint
        self.connection_namespaces = []
        self._state = inner._state
        self._handlers = inner._handlers
        self._recovery = inner._recovery
        self._reconnection = inner._reconnection
        self._background: LoopThread | None = None
        self._lock = threading.Lock()
        inner._connector.on_finish = self._finished
        #: The Engine.IO client, with the attributes that applications use.
        self.eio = SyncEngineClient(self)

    # The loop

    @property
    def _running(self) -> LoopThread | None:
        """The background thread, if it runs for this client in this process."""
        background = self._background
        if background is None or not background.is_inherited:
            return background
        self._background, self._lock = None, threading.Lock()
        _connected.discard(self)
        self._inner._connector.loop_ended()
        return None

    def _hold(self) -> LoopThread:
        """Start the background thread for this client, or return the running one."""
        if (background := self._running) is not None:
            return background
        with self._lock:
            if self._background is None:
                self._background = LoopThread.hold()
                self._inner._dispatcher.invoke = self._background.call
                _connected.add(self)
            return self._background

    def _finished(self) -> None:
        """Release the background thread, because nothing is left to do."""
        _connected.discard(self)
        background = self._background
        if background is not None:
            # In the next iteration of the loop, so that waiting calls get their results first.
            background.loop.call_soon(self._let_go, background)

    def _let_go(self, background: LoopThread) -> None:
        with self._lock:
            if self._background is not background or self._inner._connector.is_active:
                return
            self._background = None
        threading.Thread(target=background.release, name="fanio-release", daemon=True).start()

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._hold().run(coroutine)

    def _leave_in(self, seconds: float) -> None:
        background = self._running
        if background is not None:
            leaving = asyncio.run_coroutine_threadsafe(self._inner.disconnect(), background.loop)
            leaving.result(seconds)

    # Connecting

    def connect(
        self,
        url: str | Callable[[], str],
        headers: Mapping[str, str] | Callable[[], Mapping[str, str]] = {},  # noqa: B006 (python-socketio's default)
        auth: Any = None,
        transports: str | Iterable[str] | None = None,
        namespaces: str | Iterable[str] | None = None,
        socketio_path: str = "socket.io",
        wait: bool = True,
        wait_timeout: float | None = 1,
        retry: bool = False,
    ) -> None:
        """Connect to a server and join namespaces; see ``AsyncClient.connect``."""
        inner = self._inner
        background = self._hold()
        try:
            background.run(
                inner.connect(url, headers, auth, transports, namespaces, socketio_path, wait, wait_timeout, retry)
            )
        finally:
            self.connection_url, self.connection_headers = inner.connection_url, inner.connection_headers
            self.connection_auth, self.connection_transports = inner.connection_auth, inner.connection_transports
            self.connection_namespaces, self.socketio_path = inner.connection_namespaces, inner.socketio_path
            if not inner._connector.is_active:
                self._finished_here(background)

    def _finished_here(self, background: LoopThread) -> None:
        with self._lock:
            if self._background is background:
                self._background = None
                _connected.discard(self)
            else:
                return
        background.release()

    def wait(self) -> None:
        """Wait until the connection has ended and the client does not reconnect."""
        background = self._running
        if background is None:
            return
        try:
            background.run(self._inner.wait())
        except KeyboardInterrupt:
            if self.handle_sigint:
                self.disconnect()
            raise

    def disconnect(self) -> None:
        """Send what was emitted, then end the connection or the attempts to reconnect."""
        background = self._running
        if background is not None:
            background.run(self._inner.disconnect())
            if not self._inner._connector.is_active:
                self._finished_here(background)

    def shutdown(self) -> None:
        """Disconnect if there is a connection."""
        self.disconnect()

    # Emitting

    def emit(
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
        """Emit an event to the server; see ``AsyncClient.emit``."""
        self._ask(
            self._inner.emit(event, data, namespace, callback, volatile=volatile, timeout=timeout, on_error=on_error),
            namespace,
        )

    def send(
        self,
        data: Any,
        namespace: str | None = None,
        callback: Callback | None = None,
        *,
        volatile: bool = False,
        timeout: float | None = None,
        on_error: Callable[[Exception], Any] | None = None,
    ) -> None:
        """Emit the event ``message``; see ``AsyncClient.emit``."""
        self.emit("message", data, namespace, callback, volatile=volatile, timeout=timeout, on_error=on_error)

    def call(self, event: str, data: Any = None, namespace: str | None = None, timeout: float | None = 60) -> Any:
        """Emit an event and return its acknowledgement; see ``AsyncClient.call``."""
        return self._ask(self._inner.call(event, data, namespace, timeout), namespace)

    def _ask(self, coroutine: Coroutine[Any, Any, T], namespace: str | None) -> T:
        background = self._running
        if background is None:
            coroutine.close()
            self._inner._outgoing.refuse(namespace or "/")
        return background.run(coroutine)

    # Running

    def start_background_task(self, target: Callable[..., Any], *args: Any, **kwargs: Any) -> threading.Thread:
        """Start a function in a thread, and return the thread."""
        thread = threading.Thread(target=target, args=args, kwargs=kwargs, daemon=True)
        thread.start()
        return thread

    def sleep(self, seconds: float = 0) -> None:
        """Wait; other threads continue."""
        time.sleep(seconds)


class SyncEngineClient:
    """``client.eio``: the Engine.IO client with synchronous methods."""

    def __init__(self, client: Client) -> None:
        """Take the client."""
        self._client = client

    @property
    def sid(self) -> str | None:
        """The session's id."""
        return self._client.sid

    @property
    def state(self) -> str:
        """Either "connected" or "disconnected"."""
        return self._client._inner.eio.state

    def transport(self) -> str | None:
        """Return "polling" or "websocket"; None without a connection."""
        return self._client.transport()

    def disconnect(self, abort: bool = False, reason: str | None = None) -> None:
        """End the connection; with ``abort``, immediately."""
        background = self._client._running
        if background is not None:
            background.run(self._client._inner.eio.disconnect(abort))
