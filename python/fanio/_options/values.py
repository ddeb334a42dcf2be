"""Functions that check the value of an option and return it in the form that the core accepts.

A door is a way in which connections reach the shards (docs/doors.md). The option ``door``, or the environment variable
``FANIO_DOOR``, names the fastest door that may be used.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, cast, get_args

from fanio._options.checks import check_count, check_flag, check_seconds, unexpected
from fanio._request.proxies import addresses

__all__ = ["count", "deflate", "flag", "limit", "one_line", "origins", "proxies", "seconds", "transports"]

Door = Literal["accept", "takeover", "bridge"]

#: The environment variable that replaces the option ``door``.
DOOR_VARIABLE = "FANIO_DOOR"

#: The doors, the fastest one first.
_DOORS: tuple[Door, ...] = get_args(Door)
_TRANSPORTS = ("polling", "websocket")
#: An origin as browsers send it: a scheme, a host, and a port unless it is the default.
_ORIGIN = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s/?#@*]*|null")


def seconds(name: str, value: Any) -> float:
    """Return a number of seconds; see ``check_seconds``."""
    check_seconds(name, value)
    return float(value)


def age(name: str, value: Any) -> float | None:
    """Return a number of seconds, or None for no limit; see ``check_seconds``."""
    return None if value is None else seconds(name, value)


def count(name: str, value: Any) -> int:
    """Return a whole number that is not negative; see ``check_count``."""
    check_count(name, value)
    return int(value)


def limit(name: str, value: Any) -> int | None:
    """Return a whole number above 0, or None for no limit; see ``check_count``."""
    if value is None:
        return None
    check_count(name, value, least=1)
    return int(value)


def flag(name: str, value: Any) -> bool:
    """Return True or False; see ``check_flag``."""
    check_flag(name, value)
    return bool(value)


def transports(value: str | Iterable[str] | None) -> list[str]:
    """Return the transports that may be used; None stands for all.

    Raises:
        TypeError: When it is neither text nor iterable.
        ValueError: When it is empty, or names an unknown transport.
    """
    if value is None:
        return list(_TRANSPORTS)
    if not isinstance(value, Iterable):
        raise unexpected("transports", f"some of {', '.join(_TRANSPORTS)}", value)
    wanted = [value] if isinstance(value, str) else list(value)
    if not wanted or not set(wanted) <= set(_TRANSPORTS):
        msg = f"No valid transports provided: transports: expected some of {', '.join(_TRANSPORTS)}, got {wanted!r}"
        raise ValueError(msg)
    return wanted


def origins(value: str | Iterable[Any]) -> str | list[str]:
    """Return origins in the core's form: a list, "*" for all, or "off" for an empty list.

    Raises:
        TypeError: When it is neither text nor iterable.
        ValueError: When a browser would never send one of them.
    """
    if not isinstance(value, Iterable):
        raise unexpected("cors_allowed_origins", "'*', an origin, a list of them or a function", value)
    listed = [value] if isinstance(value, str) else [str(origin) for origin in value]
    if "*" in listed:
        return "*"
    for origin in listed:
        if not _ORIGIN.fullmatch(origin):
            msg = (
                "cors_allowed_origins: expected origins with scheme and host and without a path, such as "
                f"'https://a.example', or '*' or a function, got {origin!r}"
            )
            raise ValueError(msg)
    return listed or "off"


def proxies(value: str | Iterable[str]) -> str | list[str]:
    """Return trusted proxies in the core's form.

    Raises:
        TypeError: When it is neither text nor iterable.
        ValueError: When one is neither an address nor a network.
    """
    if not isinstance(value, Iterable):
        raise unexpected("trusted_proxies", "'*', an IP address, a network or several", value)
    try:
        return addresses(value)
    except ValueError as error:
        msg = f"trusted_proxies: expected '*', IP addresses or networks, got {value!r}: {error}"
        raise ValueError(msg) from None


def deflate(wanted: bool | Mapping[str, int] | None) -> tuple[int, int] | None:
    """Return threshold in bytes and level of the option ``per_message_deflate``; None for no compression.

    Raises:
        TypeError: When it is neither a boolean nor a dictionary.
        ValueError: When a value is out of range.
    """
    if wanted is None or wanted is False:
        return None
    if wanted is not True and not isinstance(wanted, Mapping):
        raise unexpected("per_message_deflate", "True, or a dictionary with threshold and level", wanted)
    given = {} if wanted is True else dict(wanted)
    unknown = set(given) - {"level", "threshold"}
    threshold, level = given.get("threshold", 1024), given.get("level", 6)
    if unknown or not _is_whole(threshold) or threshold < 0 or not _is_whole(level) or not 1 <= level <= 9:
        msg = f"per_message_deflate: expected threshold in bytes and level from 1 to 9, got {wanted!r}"
        raise ValueError(msg)
    return threshold, level


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def one_line(text: str) -> str:
    """Return text for a header unchanged.

    Raises:
        ValueError: When it has control characters, such as line breaks.
    """
    if any(ord(character) < 32 for character in text):
        msg = "a cookie cannot hold control characters"
        raise ValueError(msg)
    return text


def attributes(given: Mapping[str, Any]) -> str:
    """Return the attributes of a cookie as text. True gives a name without a value; None and False give nothing.

    Raises:
        ValueError: When an attribute has control characters.
    """
    parts = []
    for name, value in given.items():
        if name == "name" or value is None or value is False:
            continue
        parts.append(f"; {name}" if value is True else f"; {name}={value}")
    return one_line("".join(parts))


def fastest_door(door: str) -> Door:
    """Return the fastest door that may be used: that of the environment variable, or else ``door``.

    Raises:
        ValueError: When there is no such door.
    """
    _check_door(door, "door")
    wanted = os.environ.get(DOOR_VARIABLE) or door
    _check_door(wanted, DOOR_VARIABLE)
    return cast("Door", wanted)


def is_door_allowed(door: Door, fastest: Door) -> bool:
    """Return whether ``door`` may be used when ``fastest`` is the fastest door that may."""
    return _DOORS.index(door) >= _DOORS.index(fastest)


def _check_door(door: str, name: str) -> None:
    if door not in _DOORS:
        msg = f"{name}: expected one of {', '.join(_DOORS)}, got {door!r}"
        raise ValueError(msg)
