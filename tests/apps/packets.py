"""Packet classes for the option `serializer`, with the interface of python-socketio's `Packet`."""

from __future__ import annotations

import json
from typing import Any

from socketio.packet import Packet


class PlainPacket(Packet):
    """The default format, read and written in Python."""


class JsonPacket:
    """One JSON object per packet, as the parser in tests/interop/js/parser_json.mjs."""

    #: python-socketio's server looks for it.
    json = json

    def __init__(
        self,
        packet_type: int = 2,
        data: Any = None,
        namespace: str | None = None,
        id: int | None = None,
        binary: bool | None = None,
        encoded_packet: Any = None,
    ) -> None:
        self.packet_type = packet_type
        self.data = data
        self.namespace = namespace
        self.id = id
        self.attachment_count = 0
        if encoded_packet is not None:
            self.decode(encoded_packet)

    def encode(self) -> str:
        """The message."""
        packet = {"type": self.packet_type, "nsp": self.namespace, "data": self.data, "id": self.id}
        return json.dumps({key: value for key, value in packet.items() if value is not None})

    def decode(self, packet: Any) -> None:
        """Reads a message, which comes as a dictionary since it is JSON."""
        self.packet_type, self.namespace = packet["type"], packet["nsp"]
        self.data, self.id = packet.get("data"), packet.get("id")


CLASSES: dict[str, type[Any]] = {"json": JsonPacket, "plain": PlainPacket}
