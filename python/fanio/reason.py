"""Why a client is gone: the second argument of a ``disconnect`` handler.

The first five are python-socketio's; the others name what it does not tell apart. The core
writes the same words (``Reason`` of the engine).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["DisconnectReason", "Reason"]


class DisconnectReason(str):
    """A reason that more is known about; it is equal to the plain one.

    A ``disconnect`` handler gets it when a message was too large.
    """

    __slots__ = ("detail",)

    #: What is known, such as "message too large: 1500 bytes, the limit is ...".
    detail: str

    def __new__(cls, reason: str, detail: str) -> Self:
        """Make a reason of its name and what is known."""
        self = super().__new__(cls, reason)
        self.detail = detail
        return self


class Reason:
    """The reasons a ``disconnect`` handler can get."""

    #: The client left.
    CLIENT_DISCONNECT = "client disconnect"
    #: The program called ``disconnect()``.
    SERVER_DISCONNECT = "server disconnect"
    #: The client did not answer a ping in time.
    PING_TIMEOUT = "ping timeout"
    #: The connection was closed without a word.
    TRANSPORT_CLOSE = "transport close"
    #: The connection failed.
    TRANSPORT_ERROR = "transport error"
    #: The client broke the protocol.
    PARSE_ERROR = "parse error"
    #: The client did not read what was sent to it.
    SLOW_CLIENT = "slow client"
    #: The client joined no namespace in time.
    CONNECT_TIMEOUT = "connect timeout"
    #: The server is stopping.
    SERVER_SHUTDOWN = "server shutdown"
    #: A fault of the server's ended this connection only.
    INTERNAL_ERROR = "internal error"
