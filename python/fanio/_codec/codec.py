"""The interface of codecs, and the choice of one by the option ``serializer``.

A codec encodes the data of packets; then the core writes the header in front of it. In the other direction the core
reads the header, and the codec decodes the data. There is one codec for each parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fanio._codec.json_codec import JsonCodec
from fanio._codec.msgpack import MsgpackCodec, MsgPackPacket
from fanio._codec.packet import Packet
from fanio._codec.packet_class import PacketClassCodec

if TYPE_CHECKING:
    from fanio.types import JsonModule, Payload, Placeholders, Serializer

__all__ = ["PacketCodec", "make_codec"]


class PacketCodec(Protocol):
    """Encodes what is sent to the peer and decodes what arrives from it.

    The built-in codecs encode a packet's data, and the core writes the header. The codec of a packet class
    encodes the whole packet.
    """

    #: The core's name for the encoding.
    parser: str

    @property
    def fast_loads(self) -> Callable[[bytes], Any] | None:
        """A function with which the core may decode arguments; the core gives all other data to ``decode``."""

    def encode(
        self, payload: list[Any], kind: int, namespace: str, ack_id: int | None, /
    ) -> tuple[Payload, list[bytes] | None]:
        """Return the arguments of an event or an acknowledgement, and their attachments."""

    def encode_object(self, value: object, kind: int, namespace: str, /) -> Payload:
        """Return the encoded data of a packet that is neither an event nor an acknowledgement."""

    def encode_fields(self, fields: dict[str, str], kind: int, namespace: str, /) -> Payload:
        """Return the encoded data that the server itself sends, such as the sid in a CONNECT packet."""

    def encode_disconnect(self, namespace: str, /) -> Payload | None:
        """Return a DISCONNECT packet; None when the core writes it."""

    def loads(self, data: Any, /) -> Any:
        """Return the decoded data of a packet that is neither an event nor an acknowledgement."""

    def event_name(self, data: Any, /) -> str | None:
        """Return the name of an event; None when that is no faster than decoding the whole event."""

    def decode(self, data: Any, attachments: list[bytes] | None, places: Placeholders | None, /) -> list[Any]:
        """Return the arguments of an event or an acknowledgement."""


def make_codec(serializer: Serializer, json: JsonModule | None, max_attachments: int) -> PacketCodec:
    """Return the codec for the option ``serializer``.

    Raises:
        ImportError: When the msgpack library is not installed.
        TypeError: When it is a class without ``encode`` and ``decode``.
        ValueError: When it is neither a known name nor a class.
    """
    if serializer == "default":
        return JsonCodec(json, max_attachments)
    if serializer == "msgpack":
        return MsgpackCodec()
    if serializer is Packet:
        return JsonCodec(json, max_attachments)
    if isinstance(serializer, type):
        return _native(serializer) or PacketClassCodec(serializer, json)
    msg = f"serializer: expected 'default', 'msgpack' or a packet class, got {serializer!r}"
    raise ValueError(msg)


def _native(packet_class: type[Any]) -> PacketCodec | None:
    """Return the built-in codec for ``MsgPackPacket`` or a subclass that only adds hooks; None for other classes."""
    if not issubclass(packet_class, MsgPackPacket):
        return None
    if (packet_class.encode, packet_class.decode) != (MsgPackPacket.encode, MsgPackPacket.decode):
        return None
    return MsgpackCodec(packet_class.dumps_default, packet_class.ext_hook)
