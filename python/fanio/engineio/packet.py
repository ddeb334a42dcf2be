"""Engine.IO packets: ``engineio.packet.Packet`` of python-engineio and its packet types."""

from __future__ import annotations

from fanio._codec.engineio_packet import *  # noqa: F403 (this module is its public name)
