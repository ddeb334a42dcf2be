"""RemoteSocket: a client of any server of the cluster, as it was when it was fetched."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = ["RemoteSocket"]


@dataclass
class RemoteSocket:
    """A client, on this server or on another.

    Source: Node's ``RemoteSocket``.
    """

    #: The client's sid.
    id: str
    #: The rooms the client was in, its own sid included.
    rooms: set[str] = field(default_factory=set)
    #: The client's user session.
    data: dict[str, Any] = field(default_factory=dict)
    #: ``headers``, ``time``, ``address``, ``xdomain``, ``secure``, ``issued``, ``url``, ``query`` and ``auth``.
    handshake: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def from_message(cls, fields: dict[str, Any]) -> RemoteSocket:
        """Take the fields of an answer; what is missing or of another type is left out.

        Raises:
            TypeError: When it has no id.
        """
        if not isinstance(fields, dict) or not isinstance(fields.get("id"), str):
            msg = f"a server of the cluster described a client without an id: {fields!r}"
            raise TypeError(msg)
        rooms = fields.get("rooms")
        return cls(
            fields["id"],
            set(rooms) if isinstance(rooms, list) else set(),
            _dictionary(fields.get("data")),
            _dictionary(fields.get("handshake")),
        )


def _dictionary(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
