"""Packets of a class of the program's: ``serializer=MyPacket``.

The class has the interface of python-socketio's ``Packet``: it is made of a type, data, a
namespace and an id and then encodes itself, or made of a message and then has these as
attributes. Knows nothing of what packets mean; ``fanio._server.packet_class`` reads them.
"""

from __future__ import annotations

from typing import Any

from fanio._codec.packet import CONNECT_ERROR, DISCONNECT, EVENT

__all__ = ["PacketClassCodec"]


class PacketClassCodec:
    """Encodes packets as a whole; what comes from clients is decoded already."""

    #: What the core calls this form.
    parser = "program"
    #: The core decodes nothing of it.
    fast_loads = None

    def __init__(self, packet_class: type[Any], json: Any = None) -> None:
        """Take the class; ``json`` becomes its attribute of that name, for this codec only.

        Raises:
            TypeError: When the class cannot encode or decode.
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
            TypeError: When ``encode`` of the class returns no messages.
        """
        return self.messages(self.packet_class(kind, data=payload, namespace=namespace, id=ack_id)), None

    def encode_object(self, value: object, /, kind: int = CONNECT_ERROR, namespace: str = "/") -> list[str | bytes]:
        """Return the messages of another packet."""
        return self.messages(self.packet_class(kind, data=value, namespace=namespace))

    #: The same for an object of the server's own.
    encode_fields = encode_object

    def farewell(self, namespace: str) -> list[str | bytes]:
        """Return the messages of a DISCONNECT."""
        return self.messages(self.packet_class(DISCONNECT, namespace=namespace))

    def loads(self, data: Any, /) -> Any:
        """Return the data as it is."""
        return data

    def event_name(self, _data: Any, /) -> None:
        """Return None: the class has read the whole packet."""

    def decode(self, data: Any, attachments: object = None, places: object = None, /) -> list[Any]:
        """Return the arguments as they are."""
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
