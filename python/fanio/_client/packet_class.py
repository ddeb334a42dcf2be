"""A packet class of the program's on a client: ``serializer=MyPacket``.

Stands between a link and its connection in the core, which only carries messages then: packets
are encoded here when their number is known, and what comes is handed on as the core would.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fanio import _core
from fanio._codec import packet as kinds
from fanio._codec.packet_class import PacketAssembler, PacketClassCodec, ack_id, arguments

__all__ = ["ClientPacketCodec", "PacketConnection"]


class ClientPacketCodec(PacketClassCodec):
    """Leaves data as it is: a ``PacketConnection`` encodes the whole packet."""

    parser = "raw"

    def __init__(self, packet_class: type[Any], max_attachments: int, max_bytes: int) -> None:
        """Take the class, and how many attachments a packet may have, of how many bytes together."""
        super().__init__(packet_class)
        self.max_attachments = max_attachments
        self.max_bytes = max_bytes

    def encode(self, payload: list[Any], /, *_header: Any) -> tuple[Any, None]:
        """Return the arguments."""
        return payload, None

    def encode_object(self, value: object, /, *_header: Any) -> Any:
        """Return the data of another packet."""
        return value


class PacketConnection:
    """A connection with the interface of the core's, for packets of a class."""

    def __init__(self, core: _core.ClientConnection, codec: ClientPacketCodec) -> None:
        """Take the core's connection and the codec."""
        self._core = core
        self._codec = codec
        self._waiting: PacketAssembler | None = None

    def __getattr__(self, name: str) -> Any:
        """Leave to the core what concerns no packets: ``abort``, ``queued``, ``pause`` and so on."""
        return getattr(self._core, name)

    def _send(self, kind: int, namespace: str, data: Any, number: int | None = None, *, answer: bool = False) -> int:
        packet = self._codec.packet_class(kind, data=data, namespace=namespace, id=number)
        return self._core.send_messages(self._codec.messages(packet), answer)

    def join(self, namespace: str, payload: Any) -> int:
        """Send CONNECT."""
        return self._send(kinds.CONNECT, namespace, payload or None)

    def emit(self, namespace: str, payload: list[Any], _attachments: None, number: int | None) -> int:
        """Send an event."""
        return self._send(kinds.EVENT, namespace, payload, number)

    def ack(self, namespace: str, number: int, payload: list[Any], _attachments: None) -> int:
        """Answer an event."""
        return self._send(kinds.ACK, namespace, payload, number, answer=True)

    def close(self, namespaces: Sequence[str]) -> None:
        """Leave these namespaces and end the session."""
        last = [message for name in namespaces for message in self._codec.encode_disconnect(name)]
        self._core.close_with_messages(last)

    def read(self, data: str | bytes) -> tuple[Any, ...] | None:
        """Return what a message means, in the form of the core's events without the connection.

        Raises:
            Exception: Whatever the class raises, and ValueError when it is no packet.
        """
        codec = self._codec
        assembly = self._waiting or PacketAssembler(codec.packet_class, codec.max_attachments, codec.max_bytes)
        packet = assembly.add(data)
        self._waiting = assembly if packet is None else None
        return None if packet is None else _event(packet)


def _event(packet: Any) -> tuple[Any, ...]:
    namespace, kind = packet.namespace or "/", packet.packet_type
    if kind in (kinds.EVENT, kinds.BINARY_EVENT):
        return _core.EVENT, namespace, arguments(packet), ack_id(packet), None, None
    if kind in (kinds.ACK, kinds.BINARY_ACK):
        return _core.ACK, namespace, arguments(packet), ack_id(packet), None, None
    found = {
        kinds.CONNECT: (_core.CONNECT, namespace, packet.data),
        kinds.CONNECT_ERROR: (_core.CONNECT_ERROR, namespace, packet.data),
        kinds.DISCONNECT: (_core.DISCONNECT, namespace),
    }
    if kind not in found:
        msg = f"no packet has the type {kind!r}"
        raise ValueError(msg)
    return found[kind]
