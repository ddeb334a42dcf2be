"""The exceptions of the Engine.IO level, with python-engineio's names and tree."""

from __future__ import annotations

__all__ = [
    "ConnectionError",
    "ContentTooLongError",
    "EngineIOError",
    "QueueEmpty",
    "SocketIsClosedError",
    "UnknownPacketError",
]


class EngineIOError(Exception):
    """The base of them all."""


class ContentTooLongError(EngineIOError):
    """A body is longer than ``max_http_buffer_size``."""


class UnknownPacketError(EngineIOError):
    """A packet has a type that does not exist."""


class QueueEmpty(EngineIOError):  # noqa: N818 (python-engineio's name)
    """Nothing came in time."""


class SocketIsClosedError(EngineIOError):
    """The client is gone."""


class ConnectionError(EngineIOError):
    """A connection could not be made or was lost."""
