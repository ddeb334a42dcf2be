"""Converts Python values to msgpack and back, and ``MsgPackPacket`` with python-socketio's API.

Owns the meaning of extension types. They are those of ``notepack.io`` 2.2.0, the library that
``socket.io-msgpack-parser`` uses: type 0 with one byte is JavaScript's ``undefined``, type 0 with eight bytes is a
``Date``. Type -1 is msgpack's own timestamp. The core writes and reads the packets' headers, checks what clients
send, and converts every ``ArrayBuffer`` to the type bin. Needs ormsgpack (``fanio[msgpack]``).
"""

from __future__ import annotations

import datetime
import functools
import struct
from collections.abc import Callable
from typing import Any, ClassVar

from fanio._codec.encode_error import describe_encode_error
from fanio._codec.packet import Packet

__all__ = ["ExtType", "MsgPackPacket", "MsgpackCodec"]

_UNDEFINED = b"\0"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_DATE, _TIMESTAMP = 0, -1
_NATIVE: tuple[type[Any], ...] = (str, bytes, int, float, dict, list, tuple)


class ExtType:
    """A msgpack extension of a type that this module does not convert."""

    __slots__ = ("code", "data")

    def __init__(self, code: int, data: bytes) -> None:
        """Hold the type and the bytes. Types below 0 are reserved by msgpack and cannot be sent."""
        self.code = code
        self.data = data

    def __eq__(self, other: object) -> bool:
        """Return whether the other has the same type and bytes; it may be an object of another library."""
        return (self.code, self.data) == (getattr(other, "code", None), getattr(other, "data", None))

    def __hash__(self) -> int:
        """Return a hash of type and bytes."""
        return hash((self.code, self.data))

    def __repr__(self) -> str:
        """Return the expression that makes an equal object."""
        return f"ExtType(code={self.code}, data={self.data!r})"


class MsgpackCodec:
    """The codec of the msgpack parser."""

    #: The core's name for this encoding.
    parser = "msgpack"
    #: The core does not decode msgpack data.
    fast_loads = None

    def __init__(
        self,
        dumps_default: Callable[[Any], Any] | None = None,
        ext_hook: Callable[[int, bytes], Any] | None = None,
    ) -> None:
        """Use python-socketio's two hooks.

        Args:
            dumps_default: Called with an object that has no msgpack form; returns one that has,
                or an ``ExtType``.
            ext_hook: Called with the code and the bytes of each extension except ``undefined``;
                returns the value. Without it, dates become ``datetime`` and others ``ExtType``.

        Raises:
            ImportError: When ormsgpack is not installed.
        """
        try:
            import ormsgpack  # noqa: PLC0415 (an extra)
        except ImportError as error:
            msg = "the msgpack serializer needs ormsgpack: pip install 'fanio[msgpack]'"
            raise ImportError(msg) from error
        self._library = ormsgpack
        self._dumps_default = dumps_default
        self._ext_hook = ext_hook or _extension
        self._options = (
            ormsgpack.OPT_NON_STR_KEYS
            | ormsgpack.OPT_PASSTHROUGH_DATETIME
            | ormsgpack.OPT_PASSTHROUGH_SUBCLASS
            | ormsgpack.OPT_REPLACE_SURROGATES
        )

    def encode(self, payload: list[Any], kind: int | None = None, /, *_header: Any) -> tuple[bytes, None]:
        """Return the msgpack form of ``payload``, which holds bytes without attachments.

        Raises:
            TypeError: When something in it has no msgpack form, such as an integer beyond 64 bits.
        """
        try:
            return self.encode_object(payload), None
        except (TypeError, ValueError, RecursionError) as error:
            raise describe_encode_error(error, payload, self.encode_object, kind) from error

    def encode_object(self, value: object, /, *_header: Any) -> bytes:
        """Return the msgpack form of a value."""
        packed: bytes = self._library.packb(value, default=self._default, option=self._options)
        return packed

    #: The data that the server itself sends needs no other encoding.
    encode_fields = encode_object

    def encode_disconnect(self, _namespace: str, /) -> None:
        """Return None: the core writes DISCONNECT packets."""

    def loads(self, data: bytes) -> Any:
        """Return the value of msgpack data.

        Raises:
            ValueError: When it is not msgpack.
        """
        return self._library.unpackb(data, ext_hook=self._extension, option=self._library.OPT_NON_STR_KEYS)

    def event_name(self, _data: bytes, /) -> None:
        """Return None: decoding the whole event is fast with msgpack."""

    def decode(self, data: bytes, attachments: object = None, places: object = None, /) -> list[Any]:
        """Return the arguments of an event or an acknowledgement.

        Raises:
            ValueError: When it is not a msgpack array.
        """
        args = self.loads(data)
        if not isinstance(args, list):
            msg = f"expected an array, got {type(args).__name__}"
            raise ValueError(msg)
        return args

    def _extension(self, code: int, data: bytes) -> Any:
        return None if code == 0 and data == _UNDEFINED else self._ext_hook(code, data)

    def _default(self, value: Any) -> Any:
        if _is_extension(value):
            return self._library.Ext(value.code, bytes(value.data))
        for kind in _NATIVE:
            if isinstance(value, kind):  # a subclass
                return kind(value)
        if self._dumps_default is not None:
            return self._dumps_default(value)
        if isinstance(value, datetime.datetime):
            return self._library.Ext(_DATE, struct.pack(">q", (_aware(value) - _EPOCH) // _MILLISECOND))
        if isinstance(value, (datetime.date, datetime.time)):
            return value.isoformat()
        msg = f"Type is not msgpack serializable: {type(value).__name__}"
        raise TypeError(msg)


def _is_extension(value: Any) -> bool:
    """Return whether it is our ``ExtType`` or that of the package msgpack, which is a named tuple."""
    return isinstance(value, ExtType) or (
        isinstance(value, tuple) and getattr(value, "_fields", ()) == ("code", "data")
    )


def _aware(value: datetime.datetime) -> datetime.datetime:
    """Return the time with a time zone. A time without one is local time, as everywhere in Python."""
    return value if value.tzinfo is not None else value.astimezone()


def _extension(code: int, data: bytes) -> Any:
    """Return the value of an extension; a date outside Python's range becomes an ``ExtType``."""
    try:
        if code == _DATE and len(data) == 8:
            return _EPOCH + struct.unpack(">q", data)[0] * _MILLISECOND
        if code == _TIMESTAMP and len(data) in _TIMESTAMPS:
            seconds, nanoseconds = _TIMESTAMPS[len(data)](data)
            return _EPOCH + datetime.timedelta(seconds=seconds, microseconds=nanoseconds // 1000)
    except OverflowError:
        pass
    return ExtType(code, data)


def _timestamp64(data: bytes) -> tuple[int, int]:
    value = int.from_bytes(data, "big")
    return value & (1 << 34) - 1, value >> 34


def _timestamp96(data: bytes) -> tuple[int, int]:
    nanoseconds, seconds = struct.unpack(">Iq", data)
    return seconds, nanoseconds


#: Functions that decode a timestamp to seconds and nanoseconds, by its number of bytes.
_TIMESTAMPS: dict[int, Callable[[bytes], tuple[int, int]]] = {
    4: lambda data: (int.from_bytes(data, "big"), 0),
    8: _timestamp64,
    12: _timestamp96,
}


class MsgPackPacket(Packet):
    """One packet of the msgpack parser. It holds bytes without attachments."""

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
        """Return a packet class with these two hooks."""
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
        """Set all fields from an encoded packet.

        Raises:
            ValueError: When it is not a packet.
        """
        fields = self._codec().loads(encoded_packet)
        if not isinstance(fields, dict) or not isinstance(fields.get("type"), int) or "nsp" not in fields:
            msg = "not a packet: expected an object with type and nsp"
            raise ValueError(msg)
        self.packet_type, self.namespace = fields["type"], fields["nsp"]
        self.data, self.id = fields.get("data"), fields.get("id")
