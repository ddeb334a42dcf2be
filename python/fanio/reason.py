"""The reasons for the end of a client: the second argument of a ``disconnect`` handler.

The first five are python-socketio's. The others name cases that it does not distinguish. The core has the
same texts (``Reason`` in the crate ``engine``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["DisconnectReason", "Reason"]


class DisconnectReason(str):
    """A reason with details; it is equal to the plain text of the reason.

    A ``disconnect`` handler gets it when a message was too large.
    """

    __slots__ = ("detail",)

    #: The details, such as "message too large: 1500 bytes, the limit is ...".
    detail: str

    def __new__(cls, reason: str, detail: str) -> Self:
        """Make a reason from its text and the details."""
        self = super().__new__(cls, reason)
        self.detail = detail
        return self


class Reason:
    """The reasons a ``disconnect`` handler can get."""

    #: The client left the namespace, or closed the session.
    CLIENT_DISCONNECT = "client disconnect"
    #: The application called ``disconnect()``.
    SERVER_DISCONNECT = "server disconnect"
    #: The client did not answer a ping in time.
    PING_TIMEOUT = "ping timeout"
    #: The connection was closed without a close packet.
    TRANSPORT_CLOSE = "transport close"
    #: The connection failed.
    TRANSPORT_ERROR = "transport error"
    #: The client broke the protocol.
    PARSE_ERROR = "parse error"
    #: The client did not read fast enough; see docs/slow-clients.md.
    SLOW_CLIENT = "slow client"
    #: The client joined no namespace in time.
    CONNECT_TIMEOUT = "connect timeout"
    #: The server is stopping.
    SERVER_SHUTDOWN = "server shutdown"
    #: A fault in the server ended this connection, and no other.
    INTERNAL_ERROR = "internal error"
