"""The codec of a client, which is that of a server but for packet classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fanio._client.packet_class import ClientPacketCodec
from fanio._codec.codec import PacketCodec, make_codec
from fanio._codec.packet_class import PacketClassCodec

if TYPE_CHECKING:
    from fanio.types import JsonModule, Serializer

__all__ = ["make_client_codec"]


def make_client_codec(
    serializer: Serializer, json: JsonModule | None, max_attachments: int, max_bytes: int
) -> PacketCodec:
    """Return the codec for the option ``serializer``.

    Raises:
        ImportError: When the msgpack library is not installed.
        TypeError: When it is a class that is none of packets.
        ValueError: When there is no such serializer.
    """
    codec = make_codec(serializer, json, max_attachments)
    if isinstance(codec, PacketClassCodec):
        return ClientPacketCodec(codec.packet_class, max_attachments, max_bytes)
    return codec
