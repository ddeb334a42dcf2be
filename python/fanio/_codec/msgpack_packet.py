"""MsgPackPacket: Socket.IO packets as one msgpack object each, with python-socketio's API.

Needs ormsgpack (``fanio[msgpack]``). What the extension types mean is in ``_codec/msgpack.py``.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

from fanio._codec import packet
from fanio._codec.msgpack import MsgpackCodec

__all__ = ["MsgPackPacket"]


class MsgPackPacket(packet.Packet):
    """One packet of the msgpack parser: bytes need no attachments in it."""

    uses_binary_events = False
    #: Called with an object that has no msgpack form; returns one that has.
    dumps_default: ClassVar[Callable[[Any], Any] | None] = None
    #: Called with the code and the bytes of an extension; returns its value.
    ext_hook: ClassVar[Callable[[int, bytes], Any] | None] = None

    @classmethod
    def configure(
        cls,
        dumps_default: Callable[[Any], Any] | None = None,
        ext_hook: Callable[[int, bytes], Any] | None = None,
    ) -> type[MsgPackPacket]:
        """Return a packet class with these two functions."""
        hooks = {"dumps_default": dumps_default, "ext_hook": ext_hook}
        functions = {name: staticmethod(hook) if hook else None for name, hook in hooks.items()}
        return type("CustomMsgPackPacket", (cls,), functions)

    @classmethod
    @functools.cache
    def _codec(cls) -> MsgpackCodec:
        return MsgpackCodec(cls.dumps_default, cls.ext_hook)

    def encode(self) -> bytes:
        """Return the packet as msgpack."""
        return self._codec().encode_object(self._to_dict())

    def decode(self, encoded_packet: bytes) -> None:
        """Take everything from a packet as it came.

        Raises:
            ValueError: When it is no packet.
        """
        fields = self._codec().loads(encoded_packet)
        if not isinstance(fields, dict) or not isinstance(fields.get("type"), int) or "nsp" not in fields:
            msg = "not a packet: expected an object with type and nsp"
            raise ValueError(msg)
        self.packet_type, self.namespace = fields["type"], fields["nsp"]
        self.data, self.id = fields.get("data"), fields.get("id")
