"""Socket.IO packets in Python with python-socketio's API, for applications, tests and packet classes.

The core encodes and decodes the packets of the server; ``encode`` and ``decode`` here are not used for that.
Source: Socket.IO protocol v5, "Packet encoding".
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from fanio._codec import standard_json as _json

__all__ = [
    "ACK",
    "BINARY_ACK",
    "BINARY_EVENT",
    "CONNECT",
    "CONNECT_ERROR",
    "DISCONNECT",
    "EVENT",
    "Packet",
    "packet_names",
]

CONNECT, DISCONNECT, EVENT, ACK, CONNECT_ERROR, BINARY_EVENT, BINARY_ACK = range(7)
packet_names = ["CONNECT", "DISCONNECT", "EVENT", "ACK", "CONNECT_ERROR", "BINARY_EVENT", "BINARY_ACK"]

_WITH_ATTACHMENTS = {EVENT: BINARY_EVENT, ACK: BINARY_ACK}
_BYTES = (bytes, bytearray)
_MAX_COUNT_DIGITS, _MAX_ID_DIGITS = 10, 100
_HEADER = re.compile(r"(?P<kind>\d)(?:(?P<count>\d+)-)?(?:(?P<namespace>/[^,]*),?)?(?P<id>\d*)", re.ASCII)


class Packet:
    """One packet.

    A subclass with its own ``encode`` and ``decode`` may be given to a server as ``serializer=``.
    """

    #: Whether bytes are sent as attachments of a packet of type BINARY_EVENT or BINARY_ACK.
    uses_binary_events: ClassVar[bool] = True
    #: The JSON module that encodes and decodes the data.
    json: ClassVar[Any] = _json

    def __init__(
        self,
        packet_type: int = EVENT,
        data: Any = None,
        namespace: str | None = None,
        id: int | None = None,
        binary: bool | None = None,
        encoded_packet: Any = None,
    ) -> None:
        """Make a packet, or decode one.

        Args:
            packet_type: A packet type of this module, such as ``EVENT``.
            data: A list for events and acknowledgements.
            namespace: None is "/".
            id: The number of the acknowledgement.
            binary: Whether there are bytes in the data; None searches the data for them.
            encoded_packet: An encoded packet, which replaces all other arguments.

        Raises:
            ValueError: When there are bytes in a packet of a type that cannot have them, or
                ``encoded_packet`` is not a packet.
        """
        self.packet_type = packet_type
        self.data = data
        self.namespace = namespace
        self.id = id
        if self.uses_binary_events and (self.data_is_binary(data) if binary is None else binary):
            if packet_type not in _WITH_ATTACHMENTS:
                msg = "Packet does not support binary payload."
                raise ValueError(msg)
            self.packet_type = _WITH_ATTACHMENTS[packet_type]
        #: The number of attachments that the packet announced, and the attachments that have arrived.
        self.attachment_count = 0
        self.attachments: list[bytes] = []
        if encoded_packet:
            self.attachment_count = self.decode(encoded_packet) or 0

    def encode(self) -> Any:
        """Return the text of the packet, or a list with the text and the attachments."""
        data, attachments = self.data, None
        if self.packet_type in (BINARY_EVENT, BINARY_ACK):
            data, attachments = self.deconstruct_binary(self.data)
        header = [str(self.packet_type)]
        if attachments is not None:
            header.append(f"{len(attachments)}-")
        if self.namespace is not None and self.namespace != "/":
            header.append(f"{self.namespace},")
        if self.id is not None:
            header.append(str(self.id))
        if data is not None:
            header.append(self.json.dumps(data, separators=(",", ":")))
        text = "".join(header)
        return text if attachments is None else [text, *attachments]

    def decode(self, encoded_packet: Any) -> int | None:
        """Set all fields from the text of a packet; return the number of attachments that follow it.

        Raises:
            ValueError: When it is not a packet.
        """
        found = _HEADER.match(encoded_packet)
        if found is None:
            msg = f"not a packet: {encoded_packet[:20]!r}"
            raise ValueError(msg)
        kind, count, namespace, number = found.groups()
        if len(count or "") > _MAX_COUNT_DIGITS:
            msg = "too many attachments"
            raise ValueError(msg)
        if len(number) > _MAX_ID_DIGITS:
            msg = "id field is too long"
            raise ValueError(msg)
        self.packet_type = int(kind)
        self.namespace = namespace.partition("?")[0] if namespace else None
        self.id = int(number) if number else None
        data = encoded_packet[found.end() :]
        self.data = self.json.loads(data) if data else None
        return int(count or 0)

    def add_attachment(self, attachment: bytes) -> bool:
        """Add the next attachment; return whether the packet is complete now.

        Raises:
            ValueError: When no attachment is missing, or the data refers to one that does not exist.
        """
        if len(self.attachments) >= self.attachment_count:
            msg = "Unexpected binary attachment"
            raise ValueError(msg)
        self.attachments.append(attachment)
        if len(self.attachments) < self.attachment_count:
            return False
        self.data = self.reconstruct_binary(self.data, self.attachments)
        return True

    @classmethod
    def reconstruct_binary(cls, data: Any, attachments: list[bytes]) -> Any:
        """Return the data with attachments instead of their placeholders.

        Raises:
            ValueError: When a placeholder refers to an attachment that does not exist.
        """
        if isinstance(data, list):
            return [cls.reconstruct_binary(item, attachments) for item in data]
        if not isinstance(data, dict):
            return data
        if not (data.get("_placeholder") and "num" in data):
            return {key: cls.reconstruct_binary(value, attachments) for key, value in data.items()}
        number = data["num"]
        if type(number) is not int or not 0 <= number < len(attachments):
            msg = f"no attachment {number!r}"
            raise ValueError(msg)
        return attachments[number]

    @classmethod
    def deconstruct_binary(cls, data: Any) -> tuple[Any, list[bytes]]:
        """Return the data with placeholders instead of bytes objects, and the bytes objects."""
        found: list[bytes] = []
        return cls._take_out(data, found), found

    @classmethod
    def _take_out(cls, data: Any, found: list[bytes]) -> Any:
        if isinstance(data, _BYTES):
            found.append(bytes(data))
            return {"_placeholder": True, "num": len(found) - 1}
        if isinstance(data, (list, tuple)):
            return [cls._take_out(item, found) for item in data]
        if isinstance(data, dict):
            return {key: cls._take_out(value, found) for key, value in data.items()}
        return data

    @classmethod
    def data_is_binary(cls, data: Any) -> bool:
        """Return whether there are bytes anywhere in the data."""
        if isinstance(data, dict):
            data = list(data.values())
        if isinstance(data, (list, tuple)):
            return any(cls.data_is_binary(item) for item in data)
        return isinstance(data, _BYTES)

    def _to_dict(self) -> dict[str, Any]:
        """Return the packet as a dictionary, for encodings without a text header."""
        fields = {"type": self.packet_type, "data": self.data, "nsp": self.namespace}
        return fields if self.id is None else {**fields, "id": self.id}
