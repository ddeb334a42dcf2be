"""BaseClient: the methods of both clients that never wait, such as handlers and state.

Source of the names: python-socketio 5.18, ``base_client.BaseClient``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, overload

from fanio._client.handlers import ClientHandlers
from fanio._client.recovery import Recovery
from fanio._client.state import State
from fanio._handlers.registration import HandlerRegistration
from fanio.reason import Reason

if TYPE_CHECKING:
    from fanio._client.backoff import Reconnection
    from fanio.base_namespace import BaseNamespace
    from fanio.types import HandlerFunction, HandlerT

__all__ = ["BaseClient"]


class BaseClient(HandlerRegistration):
    """The methods of a client that never wait."""

    reserved_events = ["connect", "connect_error", "disconnect", "__disconnect_final"]  # noqa: RUF012
    reason = Reason

    logger: logging.Logger
    handle_sigint: bool
    connection_url: Any = None
    connection_headers: Any = None
    connection_auth: Any = None
    connection_transports: Any = None
    connection_namespaces: list[str]
    socketio_path: str | None = None

    _state: State
    _handlers: ClientHandlers
    _recovery: Recovery
    _reconnection: Reconnection
    #: The class whose instances ``register_namespace`` takes.
    _namespace_class: type[BaseNamespace]

    def is_asyncio_based(self) -> bool:
        """Return whether the client is for asyncio."""
        return False

    # State

    @property
    def connected(self) -> bool:
        """Whether the client is connected to all its namespaces."""
        return self._state.connected

    @property
    def sid(self) -> str | None:
        """The session's id; ``get_sid`` returns a namespace's."""
        return self._state.sid

    @property
    def namespaces(self) -> dict[str, str | None]:
        """The connected namespaces and their sids."""
        return self._state.namespaces

    @property
    def failed_namespaces(self) -> list[str]:
        """The namespaces that the server refused in the last attempt."""
        return list(self._state.refused)

    @property
    def recovered(self) -> bool:
        """Whether the server restored the previous session of the first namespace and sent what was missed.

        ``is_recovered`` answers it for each namespace.
        """
        return self.is_recovered(self.connection_namespaces[0] if self.connection_namespaces else "/")

    def is_recovered(self, namespace: str | None = None) -> bool:
        """Return whether the session of a namespace was restored when it last connected."""
        return self._recovery.recovered.get(namespace or "/", False)

    def get_sid(self, namespace: str | None = None) -> str | None:
        """Return the client's id in a namespace; None when that is not connected."""
        return self._state.namespaces.get(namespace or "/")

    def transport(self) -> str | None:
        """Return "polling" or "websocket"; None without a connection."""
        return self._state.link.transport if self._state.link is not None else None

    # Options that may be set at any time

    @property
    def reconnection(self) -> bool:
        """Whether the client reconnects after the connection is lost."""
        return self._reconnection.enabled

    @reconnection.setter
    def reconnection(self, enabled: bool) -> None:
        self._reconnection.enabled = enabled

    @property
    def reconnection_attempts(self) -> int:
        """The number of attempts to reconnect; 0 is no limit."""
        return self._reconnection.attempts

    @reconnection_attempts.setter
    def reconnection_attempts(self, attempts: int) -> None:
        self._reconnection.attempts = attempts

    @property
    def reconnection_delay(self) -> float:
        """Seconds before the first attempt."""
        return self._reconnection.delay

    @reconnection_delay.setter
    def reconnection_delay(self, delay: float) -> None:
        self._reconnection.delay = delay

    @property
    def reconnection_delay_max(self) -> float:
        """The longest delay before an attempt, in seconds."""
        return self._reconnection.maximum

    @reconnection_delay_max.setter
    def reconnection_delay_max(self, maximum: float) -> None:
        self._reconnection.maximum = maximum

    @property
    def randomization_factor(self) -> float:
        """The share of a delay, 0 to 1, by which it is changed at random."""
        return self._reconnection.factor

    @randomization_factor.setter
    def randomization_factor(self, factor: float) -> None:
        self._reconnection.factor = factor

    # Handlers

    @property
    def namespace_handlers(self) -> dict[str, Any]:
        """The registered namespace objects, by namespace."""
        return self._handlers.classes

    @overload
    def on(self, event: str, handler: None = None, namespace: str | None = None) -> Callable[[HandlerT], HandlerT]: ...

    @overload
    def on(self, event: str, handler: HandlerFunction, namespace: str | None = None) -> None: ...

    def on(
        self, event: str, handler: HandlerFunction | None = None, namespace: str | None = None
    ) -> Callable[[HandlerT], HandlerT] | None:
        """Register a handler; return a decorator when ``handler`` is not given.

        Args:
            event: The event's name; "*" handles all events that have no handler of their own. The
                client's own events are ``connect()``, ``connect_error(data)``, ``disconnect([reason])``,
                ``reconnect_attempt(number)``, ``reconnect_error(error)``, ``reconnect(attempts)``
                and ``reconnect_failed()``.
            handler: A function of the event's arguments: ``async def`` or plain for ``AsyncClient``,
                plain for ``Client``. A handler for "*" gets the event's name first, and a handler
                for all namespaces gets the namespace first.
            namespace: None is "/"; "*" handles the namespaces that have no handler at all.
        """
        return self._register(event, handler, namespace)

    def register_namespace(self, namespace_handler: Any) -> None:
        """Register an object whose methods are the handlers of its namespace.

        Raises:
            ValueError: When it is not a namespace class of this kind of client.
        """
        if not isinstance(namespace_handler, self._namespace_class):
            msg = f"Not a namespace instance: expected a {self._namespace_class.__name__}"
            raise ValueError(msg)
        namespace_handler._set_client(self)  # type: ignore[attr-defined]
        self._handlers.add_class(namespace_handler)
