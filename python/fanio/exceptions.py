"""The exceptions of fanio's API, with the names and the tree of python-socketio.

    SocketIOError
    ├── ConnectionError
    │   └── ConnectionRefusedError    raised by a connect handler to refuse a client
    ├── TimeoutError                  call() got no answer
    ├── BadNamespaceError
    └── DisconnectedError
    AckLostError                      a TimeoutError and a DisconnectedError: nobody will answer
    BufferFullError                   a BadNamespaceError: no room to keep an event until then

None of them inherits from the builtin of the same name, as in python-socketio 5.18.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "AckLostError",
    "BadNamespaceError",
    "BufferFullError",
    "ConnectionError",
    "ConnectionRefusedError",
    "DisconnectedError",
    "SocketIOError",
    "TimeoutError",
]


class SocketIOError(Exception):
    """The base of all exceptions of fanio."""


class ConnectionError(SocketIOError):
    """A connection could not be made or was lost."""


class ConnectionRefusedError(ConnectionError):
    """Raised by a connect handler to refuse the client.

    The first argument becomes the ``message`` the client sees, the others its ``data``: alone
    when there is one, as a list when there are more.
    """

    def __init__(self, *args: Any) -> None:
        """Build the error the client gets from the arguments."""
        super().__init__(*args)
        self.error_args: dict[str, Any] = {"message": str(args[0]) if args else "Connection rejected by server"}
        if len(args) > 1:
            self.error_args["data"] = args[1] if len(args) == 2 else args[1:]


class TimeoutError(SocketIOError):
    """The client did not acknowledge in time, or is gone and cannot."""


class BadNamespaceError(SocketIOError):
    """The namespace is not connected."""


class DisconnectedError(SocketIOError):
    """The connection is closed."""


class AckLostError(DisconnectedError, TimeoutError):
    """The connection was lost before the other side acknowledged."""


class BufferFullError(BadNamespaceError):
    """The namespace is away, and no more events are kept for it."""
