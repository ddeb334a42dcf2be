"""Exceptions, with python-socketio's names and shapes.

SocketIOError
├── ConnectionError
│   └── ConnectionRefusedError   raised by a connect handler to refuse a client
├── TimeoutError                 an acknowledgement did not come
├── BadNamespaceError            the namespace is not connected
└── DisconnectedError            the connection is gone

None of them inherits from the built-in of the same name.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "BadNamespaceError",
    "ConnectionError",
    "ConnectionRefusedError",
    "DisconnectedError",
    "SocketIOError",
    "TimeoutError",
]


class SocketIOError(Exception):
    """The base of all exceptions of this package."""


class ConnectionError(SocketIOError):
    """A connection could not be made."""


class ConnectionRefusedError(ConnectionError):
    """Raised by a connect handler to refuse the client.

    Args:
        *args: A message and, after it, data for the client. One item of data is sent as it is,
            several as a list.

    Attributes:
        error_args: What the client gets: ``{"message": ..., "data": ...}``.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.error_args: dict[str, Any] = {"message": str(args[0]) if args else "Connection rejected by server"}
        if len(args) > 1:
            self.error_args["data"] = args[1] if len(args) == 2 else args[1:]


class TimeoutError(SocketIOError):
    """The client did not acknowledge in time, or disconnected before it did."""


class BadNamespaceError(SocketIOError):
    """The namespace is not connected."""


class DisconnectedError(SocketIOError):
    """The connection is gone."""
