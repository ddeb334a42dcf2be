"""``redis_options``, which python-socketio gives to the client of Redis beside the URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

if TYPE_CHECKING:
    from collections.abc import Mapping
    from urllib.parse import SplitResult

__all__ = ["url_with"]

_KNOWN = ("username", "password", "db")


def url_with(url: str, options: Mapping[str, Any]) -> str:
    """Return a URL that says these options, too; what it says already stays.

    Raises:
        ValueError: When an option is not known.
    """
    for name in options:
        if name not in _KNOWN:
            msg = f"redis_options: expected some of {', '.join(_KNOWN)}, got {name!r}; say the rest in the URL"
            raise ValueError(msg)
    given = {name: str(value) for name, value in options.items() if value is not None}
    if not given:
        return url
    parts = urlsplit(url)
    return _unix(parts, given) if parts.scheme == "unix" else _of_host(parts, given)


def _unix(parts: SplitResult, given: dict[str, str]) -> str:
    names = {"username": "user", "password": "pass", "db": "db"}
    query = {names[name]: value for name, value in given.items()} | dict(parse_qsl(parts.query))
    return f"{parts.scheme}://{parts.path}?{urlencode(query)}"


def _of_host(parts: SplitResult, given: dict[str, str]) -> str:
    user, at, hosts = parts.netloc.rpartition("@")
    if not at:
        user = quote(given.get("username", ""), safe="")
        if "password" in given:
            user += f":{quote(given['password'], safe='')}"
        at = "@" if user else ""
    elif ":" not in user and "password" in given:
        user += f":{quote(given['password'], safe='')}"
    path = parts.path
    if "db" in given and not path.strip("/"):
        path = f"/{given['db']}"
    return urlunsplit((parts.scheme, f"{user}{at}{hosts}", path, parts.query, parts.fragment))
