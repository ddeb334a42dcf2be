"""JSON and attachments: Python values to packet data and back.

Owns the choice between orjson and the standard module, and the placeholders that stand for
bytes (Socket.IO protocol v5, "Binary events"). Knows nothing of packets' headers, which the
core writes.

orjson does the work. Where it refuses what the standard module takes (keys that are not text,
integers past 64 bits, lone surrogates, deep nesting), the standard module does. NaN and
infinities are sent as ``null``: what the standard module writes is not JSON, and the browser
drops the connection over it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import json
from typing import TYPE_CHECKING, Any

import orjson

from fanio import _core
from fanio._codec.fault import locate
from fanio._codec.json_module import Dumps, functions

if TYPE_CHECKING:
    from collections.abc import Callable

    from fanio.types import JsonModule, Placeholders

__all__ = ["Codec"]

_BYTES = (bytes, bytearray, memoryview)


class Codec:
    """Encodes what goes to clients and decodes what comes from them."""

    #: What the core calls this form.
    parser = "socketio"

    def __init__(self, module: JsonModule | None = None, max_attachments: int = 10) -> None:
        """Use ``module`` instead of orjson when it is given.

        Args:
            module: What ``fanio._codec.json_module`` accepts.
            max_attachments: How many bytes objects one packet may hold.
        """
        own: object = orjson
        self._module = None if module is None or module is own else functions(module)
        self._max_attachments = max_attachments

    @property
    def fast_loads(self) -> Callable[[bytes], Any] | None:
        """What the core may decode text with; the rest comes to ``decode``."""
        return orjson.loads if self._module is None else None

    def encode_fields(self, fields: dict[str, str], /, *_header: Any) -> bytes:
        """Return the JSON text of an object of the server's own; no module of the program's sees it."""
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
            raise locate(error, payload, self._encode, kind) from error

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

    def farewell(self, _namespace: str, /) -> None:
        """Return None: the core writes DISCONNECT."""

    def loads(self, data: bytes, /) -> Any:
        """Return the value of a JSON text.

        Raises:
            ValueError: When it is not JSON.
        """
        if self._module is not None:
            try:
                return self._module[1](data)
            except Exception as error:  # each module has its own
                raise ValueError(str(error)) from error
        # orjson reads such an integer as a float.
        if not _core.has_big_integer(data):
            with contextlib.suppress(ValueError):
                return orjson.loads(data)
        try:
            # As text: from bytes the standard module reads UTF-16 and 32 too.
            return json.loads(data.decode())
        except RecursionError as error:
            raise ValueError(str(error)) from None

    def event_name(self, data: bytes, /) -> str | None:
        """Return the name of an event; nothing else of it is read."""
        return _core.event_name(data)

    def decode(self, data: bytes, attachments: list[bytes] | None, places: Placeholders | None, /) -> list[Any]:
        """Return the arguments of an event or an acknowledgement, attachments put in.

        Raises:
            ValueError: When the text is no JSON array, or a placeholder's place is not in it.
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
        """Give orjson something it knows for a value it does not know."""
        if isinstance(value, _BYTES):
            return self.take(value)
        if isinstance(value, tuple):  # a namedtuple
            return list(value)
        if isinstance(value, float):  # a subclass
            return float(value)
        msg = f"Type is not JSON serializable: {type(value).__name__}"
        raise TypeError(msg)

    def standard_default(self, value: Any) -> Any:
        """Give the standard module something it knows, orjson's native types included."""
        if isinstance(value, _BYTES):
            return self.take(value)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        if isinstance(value, enum.Enum):
            return value.value
        return orjson.loads(orjson.dumps(value))

    def extract(self, value: Any) -> Any:
        """Return a copy with placeholders, for modules that take no ``default``."""
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
