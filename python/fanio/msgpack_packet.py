"""Socket.IO packets of the msgpack parser: ``socketio.msgpack_packet.MsgPackPacket`` of python-socketio."""

from __future__ import annotations

from fanio._codec.msgpack import MsgPackPacket

__all__ = ["MsgPackPacket"]
