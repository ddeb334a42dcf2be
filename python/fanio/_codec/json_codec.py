"""Converts Python values to JSON with attachments, and back.

Owns the choice between orjson and the standard module, and the placeholders that stand for bytes
(Socket.IO protocol v5, "Binary events"). The core writes the packets' headers.

orjson encodes and decodes. The standard module replaces it for values that orjson refuses (keys that are not text,
integers beyond 64 bits, lone surrogates, deep nesting). NaN and the infinities are sent as ``null``: the standard
module writes them in a form that is not JSON, and browsers close the connection when they receive it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
from typing import TYPE_CHECKING, Any

import orjson

from fanio import _core
from fanio._codec.encode_error import describe_encode_error
from fanio._codec.json_module import Dumps, functions

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanio.types import JsonModule, Placeholders

__all__ = ["JsonCodec"]

_BYTES = (bytes, bytearray, memoryview)


class JsonCodec:
    """The codec of the default parser."""

    #: The core's name for this encoding.
    parser = "socketio"

    def __init__(self, module: JsonModule | None = None, max_attachments: int = 10) -> None:
        """Use ``module`` instead of orjson when it is given.

        Args:
            module: A module that ``fanio._codec.json_module`` accepts.
            max_attachments: Number of bytes objects that one packet may hold.
        """
        own: object = orjson
        self._module = None if module is None or module is own else functions(module)
        self._max_attachments = max_attachments

    @property
    def fast_loads(self) -> Callable[[bytes], Any] | None:
        """A function with which the core may decode text; the core gives all other data to ``decode``."""
        return orjson.loads if self._module is None else None

    def encode_fields(self, fields: dict[str, str], /, *_header: Any) -> bytes:
        """Return the JSON text of data that the server itself sends; the application's JSON module is not used."""
        return orjson.dumps(fields)

    def encode(self, payload: list[Any], kind: int | None = None, /, *_header: Any) -> tuple[bytes, list[bytes] | None]:
        """Return the JSON text of ``payload`` and the bytes objects found in it.

        Raises:
            TypeError: When something in it has no JSON form.
            ValueError: When there are too many bytes objects, or a value contains itself.
        """
        if self._module is None:
            try:
                return orjson.dumps(payload), None
            except TypeError:
                pass
        elif not payload:
            return b"[]", None
        try:
            return self._encode(payload)
        except (TypeError, ValueError, RecursionError) as error:
            raise describe_encode_error(error, payload, self._encode, kind) from error

    def _encode(self, value: Any) -> tuple[bytes, list[bytes] | None]:
        """Return the JSON text of any value and the bytes objects found in it."""
        if self._module is not None:
            return self._encode_with(self._module[0], value)
        blobs = _Blobs(self._max_attachments)
        try:
            return orjson.dumps(value, default=blobs.default), blobs.found or None
        except TypeError:
            pass
        blobs = _Blobs(self._max_attachments)
        return _standard(value, blobs), blobs.found or None

    def _encode_with(self, dumps: Dumps, payload: Any) -> tuple[bytes, list[bytes] | None]:
        blobs = _Blobs(self._max_attachments)
        text = dumps(blobs.extract(payload))
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        return data, blobs.found or None

    def encode_object(self, value: object, /, *_header: Any) -> bytes:
        """Return the JSON text of a value without attachments.

        Raises:
            TypeError: When something in it has no JSON form; bytes have none here.
        """
        data, blobs = self.encode([value])
        if blobs:
            msg = "bytes cannot be sent in this packet"
            raise TypeError(msg)
        return data[1:-1] if self._module is None else data.strip()[1:-1].strip()

    def encode_disconnect(self, _namespace: str, /) -> None:
        """Return None: the core writes DISCONNECT packets."""

    def loads(self, data: bytes, /) -> Any:
        """Return the value of a JSON text.

        Raises:
            ValueError: When it is not JSON.
        """
        if self._module is not None:
            try:
                return self._module[1](data)
            except Exception as error:  # each JSON module has exceptions of its own
                raise ValueError(str(error)) from error
        # orjson reads an integer beyond 64 bits as a float.
        if not _core.has_big_integer(data):
            with contextlib.suppress(ValueError):
                return orjson.loads(data)
        try:
            # Given bytes, the standard module would also accept UTF-16 and UTF-32.
            return json.loads(data.decode())
        except RecursionError as error:
            raise ValueError(str(error)) from None

    def event_name(self, data: bytes, /) -> str | None:
        """Return the name of an event without decoding its arguments."""
        return _core.event_name(data)

    def decode(self, data: bytes, attachments: list[bytes] | None, places: Placeholders | None, /) -> list[Any]:
        """Return the arguments of an event or an acknowledgement, with the attachments in their places.

        Raises:
            ValueError: When the text is not a JSON array, or a placeholder's place is not in it.
        """
        args = self.loads(data)
        if not isinstance(args, list):
            msg = f"expected an array, got {type(args).__name__}"
            raise ValueError(msg)
        if attachments:
            _fill(args, attachments, places or [])
        return args


def _fill(args: list[Any], attachments: list[bytes], places: Placeholders) -> None:
    try:
        for path, number in places:
            target: Any = args
            for step in path[:-1]:
                target = target[step]
            target[path[-1]] = attachments[number]
    except (IndexError, KeyError, TypeError) as error:
        msg = "an attachment's place is not in the data"
        raise ValueError(msg) from error


class _Blobs:
    """The bytes objects of one packet, in the order of their placeholders."""

    __slots__ = ("_limit", "found")

    def __init__(self, limit: int) -> None:
        self.found: list[bytes] = []
        self._limit = limit

    def take(self, value: bytes | bytearray | memoryview) -> dict[str, Any]:
        number = len(self.found)
        if number == self._limit:
            msg = (
                f"more than {self._limit} bytes objects in one packet: current JavaScript clients "
                "drop the connection over it (max_attachments changes the limit)"
            )
            raise ValueError(msg)
        self.found.append(value if type(value) is bytes else bytes(value))
        return {"_placeholder": True, "num": number}

    def default(self, value: Any) -> Any:
        """Convert a value that orjson cannot encode to one that it can."""
        if isinstance(value, _BYTES):
            return self.take(value)
        if isinstance(value, tuple):  # a namedtuple
            return list(value)
        if isinstance(value, float):  # a subclass
            return float(value)
        msg = f"Type is not JSON serializable: {type(value).__name__}"
        raise TypeError(msg)

    def standard_default(self, value: Any) -> Any:
        """Convert a value that the standard module cannot encode; supports all types that orjson supports."""
        if isinstance(value, _BYTES):
            return self.take(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if isinstance(value, enum.Enum):
            return value.value
        return orjson.loads(orjson.dumps(value))

    def extract(self, value: Any) -> Any:
        """Return a copy with placeholders, for modules whose ``dumps`` has no parameter ``default``."""
        if isinstance(value, _BYTES):
            return self.take(value)
        if isinstance(value, dict):
            return {key: self.extract(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.extract(item) for item in value]
        return value


def _standard(payload: Any, blobs: _Blobs) -> bytes:
    try:
        text = json.dumps(payload, separators=(",", ":"), default=blobs.standard_default, allow_nan=False)
    except ValueError as error:
        if not str(error).startswith("Out of range float"):
            raise
        blobs.found.clear()
        text = json.dumps(_finite(payload), separators=(",", ":"), default=blobs.standard_default)
    return text.encode()


def _finite(value: Any) -> Any:
    """Return a copy with None for NaN and the infinities."""
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
