"""The choice of a codec: how the data of one server's packets is written.

A codec encodes before the core writes the packet's header and decodes what the core has read
behind it. All have the methods of ``PacketCodec``; there is one for each parser.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from fanio.wire.encode import Codec
from fanio.wire.msgpack import MsgpackCodec

if TYPE_CHECKING:
    from fanio.types import JsonModule, Placeholders, Serializer

__all__ = ["PacketCodec", "make_codec"]


class PacketCodec(Protocol):
    """Encodes what goes to the peer and decodes what comes from it."""

    #: What the core calls the form: "socketio" or "msgpack".
    parser: str

    @property
    def fast_loads(self) -> Callable[[bytes], Any] | None:
        """What the core may decode arguments with; the rest comes to ``decode``."""

    def encode(self, payload: list[Any], /) -> tuple[bytes, list[bytes] | None]:
        """Return the arguments of an event or an acknowledgement, and their attachments."""

    def encode_object(self, value: object, /) -> bytes:
        """Return the data of another packet."""

    def encode_fields(self, fields: dict[str, str], /) -> bytes:
        """Return an object of the server's own."""

    def loads(self, data: bytes, /) -> Any:
        """Return the data of another packet."""

    def decode(self, data: bytes, attachments: list[bytes] | None, places: Placeholders | None, /) -> list[Any]:
        """Return the arguments of an event or an acknowledgement."""


def make_codec(serializer: Serializer, json: JsonModule | None, max_attachments: int) -> PacketCodec:
    """Return the codec for the option ``serializer``.

    Raises:
        ImportError: When the msgpack library is not installed.
        ValueError: When there is no such serializer.
    """
    if serializer == "default":
        return Codec(json, max_attachments)
    if serializer == "msgpack":
        return MsgpackCodec()
    msg = f"serializer: expected 'default' or 'msgpack', got {serializer!r}"
    raise ValueError(msg)
