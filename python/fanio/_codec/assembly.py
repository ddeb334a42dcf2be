"""Messages of one peer, put together to packets of a class of the program's.

Owns a packet whose attachments are coming, and their limits; a new one is made for each packet.
"""

from __future__ import annotations

from typing import Any

from fanio._codec import standard_json as json
from fanio._codec.engineio_packet import parse_text

__all__ = ["Assembly", "ack_id", "arguments"]


class Assembly:
    """One packet on its way."""

    __slots__ = ("_max_attachments", "_max_bytes", "_packet", "_packet_class", "size")

    def __init__(self, packet_class: type[Any], max_attachments: int, max_bytes: int) -> None:
        """Take the class, and how many attachments a packet may have, and how many bytes with them."""
        self._packet_class = packet_class
        self._max_attachments = max_attachments
        self._max_bytes = max_bytes
        self._packet: Any = None
        #: How many bytes or characters have come.
        self.size = 0

    def add(self, data: str | bytes) -> Any:
        """Take a message; return the packet when it is complete, else None.

        Raises:
            ValueError: When it is no packet, or the limits are passed; the class may raise anything.
        """
        self.size += len(data)
        if self._packet is not None:
            return self._attach(data)
        # python-engineio decodes texts that are JSON, so classes written for it expect that.
        module = getattr(self._packet_class, "json", json)
        packet = self._packet_class(encoded_packet=parse_text(data, module) if isinstance(data, str) else data)
        count = getattr(packet, "attachment_count", 0)
        if count > self._max_attachments:
            msg = f"more than {self._max_attachments} attachments (max_attachments)"
            raise ValueError(msg)
        if count == 0:
            return packet
        self._packet = packet
        return None

    def _attach(self, data: str | bytes) -> Any:
        if isinstance(data, str):
            msg = "expected an attachment, got text"
            raise ValueError(msg)
        if self.size > self._max_bytes:
            msg = f"a packet of more than {self._max_bytes} bytes with its attachments (max_http_buffer_size)"
            raise ValueError(msg)
        return self._packet if self._packet.add_attachment(data) else None


def arguments(packet: Any) -> list[Any]:
    """Return the arguments of an event or an acknowledgement.

    Raises:
        ValueError: When they are no list.
    """
    if isinstance(packet.data, (list, tuple)):
        return list(packet.data)
    msg = f"expected a list of arguments, got {type(packet.data).__name__}"
    raise ValueError(msg)


def ack_id(packet: Any) -> int | None:
    """Return the ack id.

    Raises:
        ValueError: When it is none.
    """
    found: int | None = packet.id
    if found is None or (isinstance(found, int) and 0 <= found <= 1 << 53):
        return found
    msg = f"expected an ack id up to 2^53, got {found!r}"
    raise ValueError(msg)
