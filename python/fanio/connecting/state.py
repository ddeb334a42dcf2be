"""What a client is at the moment: its link and its namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fanio.connecting.link import Link

__all__ = ["State"]


class State:
    """Shared by the parts of one client; ``Connector`` alone changes it."""

    __slots__ = ("connected", "failed", "link", "namespaces", "sid", "wanted")

    def __init__(self) -> None:
        """Start without a connection."""
        self.link: Link | None = None
        #: The session's id, which is not a socket's.
        self.sid: str | None = None
        #: Whether every namespace that was asked for is there, or nobody waited for them.
        self.connected = False
        #: Connected namespaces and their sids.
        self.namespaces: dict[str, str | None] = {}
        #: Namespaces the server refused.
        self.failed: list[str] = []
        #: Namespaces that are connected or are to be, again.
        self.wanted: set[str] = set()
