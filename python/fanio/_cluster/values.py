"""Values in messages of other servers: JSON text with placeholders, attachments beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fanio._codec.json_codec import JsonCodec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["json_of", "read"]

_CODEC = JsonCodec()


def read(data: tuple[bytes, Sequence[bytes]]) -> Any:
    """Return the value of a text, attachments put in.

    Raises:
        ValueError: When it is no JSON, or a placeholder names an attachment that is not there.
    """
    text, attachments = data
    value = _CODEC.loads(text)
    return _filled(value, attachments) if attachments else value


def json_of(value: Any) -> bytes | None:
    """Return the JSON text of a value; None when it has none, as bytes have."""
    try:
        return _CODEC.encode_object(value)
    except (TypeError, ValueError, RecursionError):
        return None


def _filled(value: Any, attachments: Sequence[bytes]) -> Any:
    if isinstance(value, list):
        return [_filled(item, attachments) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is not True:
        return {key: _filled(item, attachments) for key, item in value.items()}
    number = value.get("num")
    if not isinstance(number, int) or not 0 <= number < len(attachments):
        msg = f"there is no attachment {number!r}"
        raise ValueError(msg)
    return attachments[number]
