"""The codec of a client, and the use of a packet class of the application on a client: ``serializer=MyPacket``.

With a packet class the core only carries messages. ``PacketConnection`` is between a link and the core's connection.
It encodes packets, when their ack id is known, and converts messages to events in the form of the core's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._codec import packet as kinds
from fanio._codec.codec import PacketCodec, make_codec
from fanio._codec.packet_class import PacketAssembler, PacketClassCodec, ack_id, arguments

if TYPE_CHECKING:
    from fanio.types import JsonModule, Serializer

__all__ = ["ClientPacketCodec", "PacketConnection", "make_client_codec"]


class ClientPacketCodec(PacketClassCodec):
    """Leaves the data unchanged, because ``PacketConnection`` encodes the whole packet."""

    parser = "raw"

    def __init__(self, packet_class: type[Any], max_attachments: int, max_bytes: int) -> None:
        """Use ``packet_class``, with these limits for the attachments of one packet."""
        super().__init__(packet_class)
        self.max_attachments = max_attachments
        self.max_bytes = max_bytes

    def encode(self, payload: list[Any], /, *_header: Any) -> tuple[Any, None]:
        """Return the arguments unchanged."""
        return payload, None

    def encode_object(self, value: object, /, *_header: Any) -> Any:
        """Return the data unchanged."""
        return value


def make_client_codec(
    serializer: Serializer, json: JsonModule | None, max_attachments: int, max_bytes: int
) -> PacketCodec:
    """Return the codec for the option ``serializer``, as ``make_codec`` does for servers.

    Raises:
        ImportError: When the msgpack library is not installed.
        TypeError: When it is a class without ``encode`` and ``decode``.
        ValueError: When it is neither a known name nor a class.
    """
    codec = make_codec(serializer, json, max_attachments)
    if isinstance(codec, PacketClassCodec):
        return ClientPacketCodec(codec.packet_class, max_attachments, max_bytes)
    return codec


class PacketConnection:
    """A connection with the interface of the core's, for packets of an application's class."""

    def __init__(self, core: _core.ClientConnection, codec: ClientPacketCodec) -> None:
        """Send and receive messages over ``core``."""
        self._core = core
        self._codec = codec
        self._waiting: PacketAssembler | None = None

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the core's connection that does not depend on packets, such as ``abort``."""
        return getattr(self._core, name)

    def _send(self, kind: int, namespace: str, data: Any, number: int | None = None, *, answer: bool = False) -> int:
        packet = self._codec.packet_class(kind, data=data, namespace=namespace, id=number)
        return self._core.send_messages(self._codec.messages(packet), answer)

    def join(self, namespace: str, payload: Any) -> int:
        """Send a CONNECT packet."""
        return self._send(kinds.CONNECT, namespace, payload or None)

    def emit(self, namespace: str, payload: list[Any], _attachments: None, number: int | None) -> int:
        """Send an event."""
        return self._send(kinds.EVENT, namespace, payload, number)

    def ack(self, namespace: str, number: int, payload: list[Any], _attachments: None) -> int:
        """Send the acknowledgement of an event."""
        return self._send(kinds.ACK, namespace, payload, number, answer=True)

    def close(self, namespaces: Sequence[str]) -> None:
        """Leave these namespaces and close the connection."""
        last = [message for name in namespaces for message in self._codec.encode_disconnect(name)]
        self._core.close_with_messages(last)

    def read(self, data: str | bytes) -> tuple[Any, ...] | None:
        """Add a message; return the event of a complete packet, in the form of the core's events, else None.

        Raises:
            Exception: Any exception of the class; ValueError when the message is not a packet.
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
