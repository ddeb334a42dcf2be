"""Why a client is gone: what a disconnect handler gets.

The first five are python-socketio's, the others are fanio's own.
"""

from __future__ import annotations

from typing import Final

__all__ = ["Reason", "reason"]


class Reason:
    """The disconnect reasons, as strings."""

    CLIENT_DISCONNECT: Final = "client disconnect"
    SERVER_DISCONNECT: Final = "server disconnect"
    PING_TIMEOUT: Final = "ping timeout"
    TRANSPORT_CLOSE: Final = "transport close"
    TRANSPORT_ERROR: Final = "transport error"
    PARSE_ERROR: Final = "parse error"
    SLOW_CLIENT: Final = "slow client"
    CONNECT_TIMEOUT: Final = "connect timeout"
    SERVER_SHUTDOWN: Final = "server shutdown"
    INTERNAL_ERROR: Final = "internal error"


reason = Reason
