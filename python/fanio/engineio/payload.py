"""Polling payloads in Python: a codec for programs and tests. The server's own is the core's.

Source: Engine.IO protocol v4, "Packet encoding".
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence

from fanio._codec.engineio_packet import Packet

__all__ = ["Payload"]


class Payload:
    """Packets of one request or response."""

    #: How many packets ``decode`` takes. The server takes as many as fit into a body of
    #: ``max_http_buffer_size`` bytes, so a program that raises this need not, and may.
    max_decode_packets = 16

    def __init__(self, packets: Sequence[Packet] | None = None, encoded_payload: str | None = None) -> None:
        """Hold packets, or decode them."""
        self.packets = list(packets or ())
        if encoded_payload is not None:
            self.decode(encoded_payload)

    def encode(self, jsonp_index: int | None = None) -> str:
        """Return the payload as text; as a call of a JSONP function when ``jsonp_index`` is given."""
        text = "\x1e".join(packet.encode(b64=True) for packet in self.packets)
        if jsonp_index is None:
            return text
        quoted = text.replace('"', '\\"')
        return f'___eio[{jsonp_index}]("{quoted}");'

    def decode(self, encoded_payload: str) -> None:
        """Take the packets of a payload.

        Raises:
            ValueError: When one is no packet, or there are more than ``max_decode_packets``.
        """
        if encoded_payload.startswith("d="):  # a JSONP form
            encoded_payload = urllib.parse.parse_qs(encoded_payload)["d"][0]
        records = encoded_payload.split("\x1e") if encoded_payload else []
        if len(records) > self.max_decode_packets:
            msg = "Too many packets in payload"
            raise ValueError(msg)
        self.packets = [Packet(encoded_packet=record) for record in records]
