"""Engine.IO packets in Python, for ``send_packet``, for applications and for tests.

The core encodes and decodes the packets of the server; ``encode`` and ``decode`` here are not used for that.
Names and results are python-engineio's. Source: Engine.IO protocol v4, "Packet encoding".
"""

from __future__ import annotations

import base64
from typing import Any

from fanio import _core
from fanio._codec import standard_json as _json

__all__ = [
    "CLOSE",
    "MESSAGE",
    "NOOP",
    "OPEN",
    "PING",
    "PONG",
    "UPGRADE",
    "Packet",
    "binary_types",
    "packet_names",
    "parse_text",
]

OPEN, CLOSE, PING, PONG, MESSAGE, UPGRADE, NOOP = range(7)
packet_names = ["OPEN", "CLOSE", "PING", "PONG", "MESSAGE", "UPGRADE", "NOOP"]
binary_types = (bytes, bytearray)


class Packet:
    """One packet."""

    #: The JSON module for objects. It is shared by the whole process, as in python-engineio.
    json: Any = _json

    def __init__(
        self, packet_type: int = NOOP, data: Any = None, encoded_packet: str | bytes | bytearray | None = None
    ) -> None:
        """Make a packet of a type and data, or decode one.

        Raises:
            ValueError: When a packet that is not a message has binary data, or decoding fails.
        """
        self.packet_type = packet_type
        self.data = data
        self.binary = isinstance(data, binary_types)
        if self.binary and packet_type != MESSAGE:
            msg = "Binary packets can only be of type MESSAGE"
            raise ValueError(msg)
        if encoded_packet is not None:
            self.decode(encoded_packet)

    def encode(self, b64: bool = False) -> Any:
        """Return the encoded packet.

        Args:
            b64: Whether to encode binary data as base64 text, as polling payloads require.
        """
        if self.binary:
            return f"b{base64.b64encode(self.data).decode()}" if b64 else self.data
        return f"{self.packet_type}{self.text()}"

    def text(self) -> str:
        """Return the data as text."""
        if isinstance(self.data, (dict, list)):
            return str(self.json.dumps(self.data, separators=(",", ":")))
        return "" if self.data is None else str(self.data)

    def decode(self, encoded_packet: str | bytes | bytearray) -> None:
        """Set type and data from an encoded packet.

        Raises:
            ValueError: When it is not a packet.
        """
        self.binary = isinstance(encoded_packet, binary_types)
        if isinstance(encoded_packet, (bytes, bytearray)):
            self.packet_type, self.data = MESSAGE, bytes(encoded_packet)
        elif not encoded_packet:
            msg = "Invalid empty packet received"
            raise ValueError(msg)
        elif encoded_packet[0] == "b":
            self.binary = True
            self.packet_type, self.data = MESSAGE, _core.decode_base64(encoded_packet[1:])
        else:
            self.packet_type = int(encoded_packet[0])
            self.data = parse_text(encoded_packet[1:], self.json)


def parse_text(text: str, json: Any) -> Any:
    """Return the value of a text that is JSON, and any other text unchanged.

    A text that begins with a digit is returned unchanged, as in python-engineio.
    """
    if not text or text[0].isnumeric():
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
