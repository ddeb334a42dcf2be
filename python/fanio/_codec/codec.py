"""The choice of a codec: how the data of one server's packets is written.

A codec encodes before the core writes the packet's header and decodes what the core has read
behind it. All have the methods of ``PacketCodec``; there is one for each parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fanio._codec.encode import Codec
from fanio._codec.msgpack import MsgpackCodec
from fanio._codec.packet import Packet
from fanio._codec.packet_class import PacketClassCodec

if TYPE_CHECKING:
    from fanio.types import JsonModule, Payload, Placeholders, Serializer

__all__ = ["PacketCodec", "make_codec"]


class PacketCodec(Protocol):
    """Encodes what goes to the peer and decodes what comes from it.

    The built-in ones encode a packet's data, and the core writes the header; a packet class
    encodes the whole packet.
    """

    #: What the core calls the form: "socketio", "msgpack" or "program".
    parser: str

    @property
    def fast_loads(self) -> Callable[[bytes], Any] | None:
        """What the core may decode arguments with; the rest comes to ``decode``."""

    def encode(
        self, payload: list[Any], kind: int, namespace: str, ack_id: int | None, /
    ) -> tuple[Payload, list[bytes] | None]:
        """Return the arguments of an event or an acknowledgement, and their attachments."""

    def encode_object(self, value: object, kind: int, namespace: str, /) -> Payload:
        """Return the data of another packet."""

    def encode_fields(self, fields: dict[str, str], kind: int, namespace: str, /) -> Payload:
        """Return an object of the server's own."""

    def farewell(self, namespace: str, /) -> Payload | None:
        """Return a DISCONNECT; None when the core writes it."""

    def loads(self, data: Any, /) -> Any:
        """Return the data of another packet."""

    def event_name(self, data: Any, /) -> str | None:
        """Return the name of an event; None when the whole of it would have to be read for that."""

    def decode(self, data: Any, attachments: list[bytes] | None, places: Placeholders | None, /) -> list[Any]:
        """Return the arguments of an event or an acknowledgement."""


def make_codec(serializer: Serializer, json: JsonModule | None, max_attachments: int) -> PacketCodec:
    """Return the codec for the option ``serializer``.

    Raises:
        ImportError: When the msgpack library is not installed.
        TypeError: When it is a class that is none of packets.
        ValueError: When there is no such serializer.
    """
    if serializer == "default":
        return Codec(json, max_attachments)
    if serializer == "msgpack":
        return MsgpackCodec()
    if serializer is Packet:
        return Codec(json, max_attachments)
    if isinstance(serializer, type):
        return _native(serializer) or PacketClassCodec(serializer, json)
    msg = f"serializer: expected 'default', 'msgpack' or a packet class, got {serializer!r}"
    raise ValueError(msg)


def _native(packet_class: type[Any]) -> PacketCodec | None:
    """Return the core's codec for ``MsgPackPacket`` with any hooks; None for other classes."""
    from fanio._codec.msgpack_packet import MsgPackPacket  # noqa: PLC0415 (it is made of the codec)

    if not issubclass(packet_class, MsgPackPacket):
        return None
    if (packet_class.encode, packet_class.decode) != (MsgPackPacket.encode, MsgPackPacket.decode):
        return None
    return MsgpackCodec(packet_class.dumps_default, packet_class.ext_hook)
