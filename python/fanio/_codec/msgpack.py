"""The data of msgpack packets: Python values to msgpack and back.

Owns what the extension types mean, which are those of ``notepack.io`` 2.2.0, the library below
``socket.io-msgpack-parser``: type 0 with one byte is JavaScript's ``undefined``, with eight a
``Date``. Type -1 is msgpack's own timestamp. Knows nothing of packets' headers, which the core
writes and reads; the core has checked what comes from clients and made every ``ArrayBuffer`` bin.
"""

from __future__ import annotations

import datetime
import struct
from collections.abc import Callable
from typing import Any

from fanio._codec.fault import locate

__all__ = ["ExtType", "MsgpackCodec"]

_UNDEFINED = b"\0"
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
_MILLISECOND = datetime.timedelta(milliseconds=1)
_DATE, _TIMESTAMP = 0, -1
_NATIVE: tuple[type[Any], ...] = (str, bytes, int, float, dict, list, tuple)


class ExtType:
    """A msgpack extension that is none of those with a meaning here."""

    __slots__ = ("code", "data")

    def __init__(self, code: int, data: bytes) -> None:
        """Take the type, and its bytes; those below 0 are msgpack's own and cannot be sent."""
        self.code = code
        self.data = data

    def __eq__(self, other: object) -> bool:
        """Return whether the other is the same extension, of whatever library."""
        return (self.code, self.data) == (getattr(other, "code", None), getattr(other, "data", None))

    def __hash__(self) -> int:
        """Return a hash of both parts."""
        return hash((self.code, self.data))

    def __repr__(self) -> str:
        """Return it as it is written."""
        return f"ExtType(code={self.code}, data={self.data!r})"


class MsgpackCodec:
    """Encodes what goes to clients and decodes what comes from them."""

    #: What the core calls this form.
    parser = "msgpack"
    #: The core decodes nothing of it.
    fast_loads = None

    def __init__(
        self,
        dumps_default: Callable[[Any], Any] | None = None,
        ext_hook: Callable[[int, bytes], Any] | None = None,
    ) -> None:
        """Take python-socketio's two hooks.

        Args:
            dumps_default: Called with an object that has no msgpack form; returns one that has,
                or an ``ExtType``.
            ext_hook: Called with the code and the bytes of each extension but ``undefined``;
                returns the value. Without it dates become ``datetime``, others ``ExtType``.

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
        """Return the msgpack form of ``payload``; bytes need no attachments in it.

        Raises:
            TypeError: When something in it has no msgpack form, an integer past 64 bits for one.
        """
        try:
            return self.encode_object(payload), None
        except (TypeError, ValueError, RecursionError) as error:
            raise locate(error, payload, self.encode_object, kind) from error

    def encode_object(self, value: object, /, *_header: Any) -> bytes:
        """Return the msgpack form of a value."""
        packed: bytes = self._library.packb(value, default=self._default, option=self._options)
        return packed

    #: The same for an object of the server's own.
    encode_fields = encode_object

    def farewell(self, _namespace: str, /) -> None:
        """Return None: the core writes DISCONNECT."""

    def loads(self, data: bytes) -> Any:
        """Return the value of a msgpack text.

        Raises:
            ValueError: When it is not msgpack.
        """
        return self._library.unpackb(data, ext_hook=self._extension, option=self._library.OPT_NON_STR_KEYS)

    def event_name(self, _data: bytes, /) -> None:
        """Return None: msgpack is read fast."""

    def decode(self, data: bytes, attachments: object = None, places: object = None, /) -> list[Any]:
        """Return the arguments of an event or an acknowledgement.

        Raises:
            ValueError: When it is no msgpack array.
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
    """Return whether it is an ``ExtType`` of ours or the msgpack package's, which is a tuple."""
    return isinstance(value, ExtType) or (
        isinstance(value, tuple) and getattr(value, "_fields", ()) == ("code", "data")
    )


def _aware(value: datetime.datetime) -> datetime.datetime:
    """Return the time with a zone; one without is local time, as everywhere in Python."""
    return value if value.tzinfo is not None else value.astimezone()


def _extension(code: int, data: bytes) -> Any:
    """Return the value of an extension; a date out of Python's range is left as it is."""
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


#: How a timestamp of so many bytes is read: seconds and nanoseconds.
_TIMESTAMPS: dict[int, Callable[[bytes], tuple[int, int]]] = {
    4: lambda data: (int.from_bytes(data, "big"), 0),
    8: _timestamp64,
    12: _timestamp96,
}
