"""Packets of a class that the application supplies: ``serializer=MyPacket``.

The class has the interface of python-socketio's ``Packet``. An instance is built from a type, data, a
namespace and an id, and encodes itself; or it is built from a message and has these as attributes.
``PacketClassCodec`` encodes, ``PacketAssembler`` builds a packet from a message and its attachments.
``fanio._server.packet_class`` and ``fanio._client.packet_class`` decide what a packet means.
"""

from __future__ import annotations

from typing import Any

from fanio._codec import standard_json
from fanio._codec.engineio_packet import parse_text
from fanio._codec.packet import CONNECT_ERROR, DISCONNECT, EVENT

__all__ = ["PacketAssembler", "PacketClassCodec", "ack_id", "arguments"]


class PacketClassCodec:
    """Encodes whole packets. Packets that arrive are decoded before they reach this codec."""

    #: The core's name for this encoding.
    parser = "application"
    #: The core decodes nothing: the class does.
    fast_loads = None

    def __init__(self, packet_class: type[Any], json: Any = None) -> None:
        """Use ``packet_class``. If ``json`` is given, this codec uses a subclass with that ``json`` attribute.

        Raises:
            TypeError: When the class has no ``encode`` or no ``decode``.
        """
        for name in ("encode", "decode"):
            if not callable(getattr(packet_class, name, None)):
                msg = f"serializer: expected a class like Packet, with encode and decode, got {packet_class!r}"
                raise TypeError(msg)
        if json is not None:
            packet_class = type(packet_class.__name__, (packet_class,), {"json": json})
        self.packet_class = packet_class

    def encode(
        self, payload: list[Any], /, kind: int = EVENT, namespace: str = "/", ack_id: int | None = None
    ) -> tuple[list[str | bytes], None]:
        """Return the messages of an event or an acknowledgement.

        Raises:
            TypeError: When ``encode`` of the class returns something other than messages.
        """
        return self.messages(self.packet_class(kind, data=payload, namespace=namespace, id=ack_id)), None

    def encode_object(self, value: object, /, kind: int = CONNECT_ERROR, namespace: str = "/") -> list[str | bytes]:
        """Return the messages of a packet that is neither an event nor an acknowledgement."""
        return self.messages(self.packet_class(kind, data=value, namespace=namespace))

    #: The data that the server itself sends needs no other encoding.
    encode_fields = encode_object

    def encode_disconnect(self, namespace: str) -> list[str | bytes]:
        """Return the messages of a DISCONNECT."""
        return self.messages(self.packet_class(DISCONNECT, namespace=namespace))

    def loads(self, data: Any, /) -> Any:
        """Return the data unchanged: the class has decoded it."""
        return data

    def event_name(self, _data: Any, /) -> None:
        """Return None: the class has decoded the whole packet, so reading the name first saves nothing."""

    def decode(self, data: Any, attachments: object = None, places: object = None, /) -> list[Any]:
        """Return the arguments unchanged: the class has decoded them."""
        return list(data)

    def messages(self, packet: Any) -> list[str | bytes]:
        """Return the messages of a packet."""
        encoded = packet.encode()
        messages = encoded if isinstance(encoded, list) else [encoded]
        messages = [bytes(one) if isinstance(one, (bytearray, memoryview)) else one for one in messages]
        if messages and all(isinstance(one, (str, bytes)) for one in messages):
            return messages
        msg = f"{self.packet_class.__name__}.encode() must return str, bytes or a list of them, got {encoded!r}"
        raise TypeError(msg)


class PacketAssembler:
    """Builds one packet from a message and the attachments that follow it; each packet needs a new assembler."""

    __slots__ = ("_max_attachments", "_max_bytes", "_packet", "_packet_class", "size")

    def __init__(self, packet_class: type[Any], max_attachments: int, max_bytes: int) -> None:
        """Build an instance of ``packet_class``.

        Args:
            packet_class: The application's class.
            max_attachments: Attachments that the packet may have.
            max_bytes: Bytes that the packet and its attachments may have together.
        """
        self._packet_class = packet_class
        self._max_attachments = max_attachments
        self._max_bytes = max_bytes
        self._packet: Any = None
        #: Bytes or characters received so far.
        self.size = 0

    def add(self, data: str | bytes) -> Any:
        """Add a message; return the packet when it is complete, else None.

        Raises:
            ValueError: When the message is not a packet or a limit is exceeded. The class may raise any exception.
        """
        self.size += len(data)
        if self._packet is not None:
            return self._attach(data)
        # python-engineio decodes text messages that are JSON, so classes written for it expect decoded values.
        module = getattr(self._packet_class, "json", standard_json)
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
        ValueError: When the packet's data is not a list.
    """
    if isinstance(packet.data, (list, tuple)):
        return list(packet.data)
    msg = f"expected a list of arguments, got {type(packet.data).__name__}"
    raise ValueError(msg)


def ack_id(packet: Any) -> int | None:
    """Return the ack id; None when the packet asks for no acknowledgement.

    Raises:
        ValueError: When it is not an integer from 0 to 2^53.
    """
    found: int | None = packet.id
    if found is None or (isinstance(found, int) and 0 <= found <= 1 << 53):
        return found
    msg = f"expected an ack id up to 2^53, got {found!r}"
    raise ValueError(msg)
