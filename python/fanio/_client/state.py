"""The present state of a client: its link and its namespaces. All parts of a client share it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio

    from fanio._client.link import Link

__all__ = ["State"]


class State:
    """The state of one client. Only ``Connector`` and ``Namespaces`` change it."""

    __slots__ = ("connected", "is_ending", "link", "namespaces", "refused", "retrying", "sid", "wanted")

    def __init__(self) -> None:
        """Start without a connection."""
        self.link: Link | None = None
        #: The id of the Engine.IO session; sockets have other ids.
        self.sid: str | None = None
        #: Whether every requested namespace is connected, or ``connect`` did not wait for them.
        self.connected = False
        #: Connected namespaces and their sids.
        self.namespaces: dict[str, str | None] = {}
        #: Namespaces that the server has refused, with the data of its answer.
        self.refused: dict[str, Any] = {}
        #: Namespaces that are connected, or to which the client will connect again.
        self.wanted: set[str] = set()
        #: Whether the application or the server has ended the connection, so that the client will not reconnect.
        self.is_ending = False
        #: The task that tries to reconnect.
        self.retrying: asyncio.Task[Any] | None = None
