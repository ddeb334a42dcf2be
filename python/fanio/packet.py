"""The module in which python-socketio has ``Packet`` and the packet types; they are in ``fanio._codec``."""

from __future__ import annotations

from fanio._codec.packet import *  # noqa: F403 (this module is its public name)
