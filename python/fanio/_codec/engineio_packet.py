"""Engine.IO packets in Python: what ``send_packet`` takes, and a codec for programs and tests.

The server does not use the codec: the core has its own. Source: Engine.IO protocol v4, "Packet
encoding"; names and results as python-engineio's.
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

    #: What encodes and decodes objects; the whole process's, as in python-engineio.
    json: Any = _json

    def __init__(
        self, packet_type: int = NOOP, data: Any = None, encoded_packet: str | bytes | bytearray | None = None
    ) -> None:
        """Make a packet of a type and data, or decode one.

        Raises:
            ValueError: When binary data is in anything but a message, or it cannot be decoded.
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
        """Return the packet as it goes on the wire.

        Args:
            b64: Whether binary data becomes text, as in polling payloads.
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
        """Take type and data from a packet as it came.

        Raises:
            ValueError: When it is no packet.
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
    """Return what the text of a message means: a JSON value, or the text itself.

    A text that begins with a digit stays text.
    """
    if not text or text[0].isnumeric():
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
