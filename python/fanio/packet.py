"""Socket.IO packets: ``socketio.packet.Packet`` of python-socketio and its packet types."""

from __future__ import annotations

from fanio._codec.packet import *  # noqa: F403 (this module is its public name)
