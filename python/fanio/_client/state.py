"""What a client is at the moment: its link and its namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from fanio._client.link import Link

__all__ = ["State"]


class State:
    """Shared by the parts of one client; ``Connector`` and ``Namespaces`` alone change it."""

    __slots__ = ("connected", "leaving", "link", "namespaces", "refused", "retrying", "sid", "wanted")

    def __init__(self) -> None:
        """Start without a connection."""
        self.link: Link | None = None
        #: The session's id, which is not a socket's.
        self.sid: str | None = None
        #: Whether every namespace that was asked for is there, or nobody waited for them.
        self.connected = False
        #: Connected namespaces and their sids.
        self.namespaces: dict[str, str | None] = {}
        #: Namespaces the server refused, with what it said.
        self.refused: dict[str, Any] = {}
        #: Namespaces that are connected or are to be, again.
        self.wanted: set[str] = set()
        #: Whether the connection is not to be made again: the program has ended it, or the server.
        self.leaving = False
        #: The attempts to make it again.
        self.retrying: asyncio.Task[Any] | None = None
