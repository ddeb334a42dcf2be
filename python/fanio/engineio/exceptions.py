"""The exceptions of Engine.IO, with python-engineio's names and class hierarchy."""

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
    """The base class of the exceptions here."""


class ContentTooLongError(EngineIOError):
    """A body is longer than ``max_http_buffer_size``."""


class UnknownPacketError(EngineIOError):
    """A packet has a type that does not exist."""


class QueueEmpty(EngineIOError):  # noqa: N818 (python-engineio's name)
    """No packet arrived in time."""


class SocketIsClosedError(EngineIOError):
    """The session of the client is closed."""


class ConnectionError(EngineIOError):
    """A connection could not be made or was lost."""
