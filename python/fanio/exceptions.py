"""The exceptions of fanio's API, with the names and the hierarchy of python-socketio.

    SocketIOError
    ├── ConnectionError
    │   └── ConnectionRefusedError    a connect handler raises it to refuse a client
    ├── TimeoutError                  call() got no answer
    │   └── MissingServersError       some servers of the cluster have not answered
    ├── BadNamespaceError
    └── DisconnectedError
    AckLostError                      a TimeoutError and a DisconnectedError: no answer can come
    BufferFullError                   a BadNamespaceError: no more events can be kept

None of them inherits from the builtin of the same name, as in python-socketio 5.18.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "AckLostError",
    "BadNamespaceError",
    "BufferFullError",
    "ConnectionError",
    "ConnectionRefusedError",
    "DisconnectedError",
    "MissingServersError",
    "SocketIOError",
    "TimeoutError",
]


#: The most characters of a server's message in a traceback.
_MAX_TEXT = 300


class SocketIOError(Exception):
    """The base of all exceptions of fanio."""


class ConnectionError(SocketIOError):
    """A connection could not be made or was lost.

    Attributes:
        refusals: The server's answer for each namespace that it refused, as the ``connect_error``
            handler gets it. Usually ``{"message": …}``, and ``"data"`` if the server sent some.
    """

    def __init__(self, *args: Any, refusals: Mapping[str, Any] | None = None) -> None:
        """Take the message, which is python-socketio's, and the server's answers."""
        super().__init__(*args)
        self.refusals: dict[str, Any] = dict(refusals or {})
        notes = [f"{name}: {text}" for name, data in self.refusals.items() if (text := _text_of(data))]
        if notes:
            #: Tracebacks show the notes, from Python 3.11 on.
            self.__notes__ = notes


def _text_of(data: Any) -> str:
    """Return the message in a server's answer, shortened to ``_MAX_TEXT`` characters."""
    found = data.get("message") if isinstance(data, Mapping) else data
    return found[:_MAX_TEXT] if isinstance(found, str) else ""


class ConnectionRefusedError(ConnectionError):
    """Raised by a connect handler to refuse the client.

    The first argument is the ``message`` that the client gets. The others are its ``data``: one
    argument as it is, several as a list.
    """

    def __init__(self, *args: Any) -> None:
        """Make the client's error from the arguments."""
        super().__init__(*args)
        self.error_args: dict[str, Any] = {"message": str(args[0]) if args else "Connection rejected by server"}
        if len(args) > 1:
            self.error_args["data"] = args[1] if len(args) == 2 else args[1:]


class TimeoutError(SocketIOError):
    """No acknowledgement came in time, or the other side is gone."""


class MissingServersError(TimeoutError):
    """Some servers of the cluster have not answered in time.

    Attributes:
        missing: How many of them are known to be there; at least 1.
        found: What this server and those that have answered know.
    """

    def __init__(self, method: str, missing: int, found: Any) -> None:
        """Take the method that asked, how many are missing, and what there is."""
        super().__init__(
            f"{method}(): {missing} of the cluster's servers did not answer in time; the others' answers are in .found"
        )
        self.missing = missing
        self.found = found


class BadNamespaceError(SocketIOError):
    """The namespace is not connected."""


class DisconnectedError(SocketIOError):
    """The connection is closed."""


class AckLostError(DisconnectedError, TimeoutError):
    """The connection was lost before the other side acknowledged."""


class BufferFullError(BadNamespaceError):
    """The namespace is disconnected, and no more events can be kept for it."""
