"""The module in which python-socketio has ``MsgPackPacket``; the class is in ``fanio._codec``."""

from __future__ import annotations

from fanio._codec.msgpack import MsgPackPacket

__all__ = ["MsgPackPacket"]
