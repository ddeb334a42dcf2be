"""Arguments to JSON and attachments, and back.

orjson does the work; where it refuses what the standard module takes (big ints, keys that are not strings,
named tuples, lone surrogates, depth), the standard module does. Bytes anywhere in the data leave as attachments.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, cast

import orjson

from fanio.types import JSONModule

__all__ = ["Codec", "Places"]

Places = Sequence[tuple[Sequence[int | str], int]]
"""Where attachments belong: paths into the arguments, and attachment numbers."""

_BINARY = (bytes, bytearray, memoryview)
_BIG_INT = re.compile(rb"\d{19}")


class Codec:
    """Encodes and decodes the arguments of events and acks.

    Args:
        json_module: The application's own JSON functions, or None.
        max_attachments: How many attachments one packet may have.
    """

    def __init__(self, json_module: JSONModule | None = None, max_attachments: int = 10) -> None:
        self._json = json_module
        self.max_attachments = max_attachments

    def dumps(self, args: Sequence[Any]) -> tuple[bytes, list[bytes] | None]:
        """Encode a list of arguments.

        Args:
            args: The event name and its arguments, or the arguments of an ack.

        Returns:
            The JSON array, and the attachments its placeholders stand for, or None.

        Raises:
            TypeError: Something in it cannot be encoded.
            ValueError: There are more attachments than clients accept.
        """
        found: list[bytes] = []

        def default(value: Any) -> dict[str, Any]:
            if isinstance(value, _BINARY):
                found.append(bytes(value))
                return {"_placeholder": True, "num": len(found) - 1}
            raise TypeError(f"{type(value).__name__} is not JSON serializable")

        if self._json is not None:
            payload = self._json.dumps(_replace(args, default), separators=(",", ":")).encode()
        else:
            try:
                payload = orjson.dumps(args, default)
            except TypeError:
                found.clear()
                payload = _dumps_standard(args, default)
        if len(found) > self.max_attachments:
            raise ValueError(
                f"{len(found)} binary attachments in one packet: clients drop the connection above "
                f"{self.max_attachments}; send fewer, or join them (option max_attachments)"
            )
        return payload, found or None

    def loads(self, payload: bytes) -> list[Any]:
        """Decode the arguments of an event or ack.

        Raises:
            ValueError: The payload is not a JSON array.
        """
        try:
            if self._json is not None:
                args = self._json.loads(payload.decode())
            elif _BIG_INT.search(payload):
                # orjson turns ints of more than 64 bits into floats.
                args = json.loads(payload)
            else:
                args = orjson.loads(payload)
        except ValueError:
            args = _loads_standard(payload)
        if not isinstance(args, list):
            raise ValueError("packet data: expected a JSON array")
        return args

    @staticmethod
    def fill(args: list[Any], places: Places, attachments: Sequence[bytes]) -> None:
        """Put attachments where their placeholders are.

        Raises:
            ValueError: A placeholder is not where it was found, as its key was given twice.
        """
        try:
            for path, num in places:
                target: Any = args
                for step in path[:-1]:
                    target = target[step]
                target[path[-1]] = attachments[num]
        except (LookupError, TypeError) as error:
            raise ValueError("packet data: a placeholder is hidden by a repeated key") from error


def _loads_standard(payload: bytes) -> Any:
    try:
        return json.loads(payload)
    except RecursionError as error:
        raise ValueError("packet data: nested too deeply") from error


def _dumps_standard(args: Any, default: Callable[[Any], Any]) -> bytes:
    try:
        text = json.dumps(args, separators=(",", ":"), default=default, allow_nan=False)
    except ValueError:
        # NaN and infinities: null, as orjson writes them; JavaScript could not read anything else.
        text = json.dumps(_replace(args, default), separators=(",", ":"))
    return text.encode()


def _replace(value: Any, default: Callable[[Any], Any]) -> Any:
    """Copy a structure with bytes replaced by placeholders and NaN by None."""
    if isinstance(value, _BINARY):
        return default(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _replace(item, default) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_replace(item, default) for item in cast("Sequence[Any]", value)]
    return value
