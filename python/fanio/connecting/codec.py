"""The codecs of clients: those whose packets the core reads and writes.

A packet class is for servers: it would have to read and write whole packets here as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from fanio.wire.encode import Codec
from fanio.wire.msgpack import MsgpackCodec

if TYPE_CHECKING:
    from fanio.types import JsonModule, Serializer

__all__ = ["ClientCodec", "make_client_codec"]

ClientCodec: TypeAlias = Codec | MsgpackCodec


def make_client_codec(serializer: Serializer, json: JsonModule | None, max_attachments: int) -> ClientCodec:
    """Return the codec for the option ``serializer``.

    Raises:
        ImportError: When the msgpack library is not installed.
        ValueError: When clients have no such serializer.
    """
    if serializer == "default":
        return Codec(json, max_attachments)
    if serializer == "msgpack":
        return MsgpackCodec()
    msg = f"serializer: clients take 'default' or 'msgpack', got {serializer!r}; packet classes are for servers only"
    raise ValueError(msg)
