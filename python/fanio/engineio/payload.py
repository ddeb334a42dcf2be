"""Polling payloads in Python, for applications and tests. The server uses the core's implementation.

Source: Engine.IO protocol v4, "Packet encoding".
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Sequence

from fanio._codec.engineio_packet import Packet

__all__ = ["Payload"]


class Payload:
    """The packets of one request or response."""

    #: The number of packets that ``decode`` accepts. The server accepts as many as fit into a body of
    #: ``max_http_buffer_size`` bytes, so changing this does not affect it.
    max_decode_packets = 16

    def __init__(self, packets: Sequence[Packet] | None = None, encoded_payload: str | None = None) -> None:
        """Hold packets; decode them if ``encoded_payload`` is given."""
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
        """Decode the packets of a payload.

        Raises:
            ValueError: When one is not a packet, or there are more than ``max_decode_packets``.
        """
        if encoded_payload.startswith("d="):  # a JSONP form
            encoded_payload = urllib.parse.parse_qs(encoded_payload)["d"][0]
        records = encoded_payload.split("\x1e") if encoded_payload else []
        if len(records) > self.max_decode_packets:
            msg = "Too many packets in payload"
            raise ValueError(msg)
        self.packets = [Packet(encoded_packet=record) for record in records]
