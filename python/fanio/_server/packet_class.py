"""Reads the messages of clients with a packet class of the application.

Owns the packets whose attachments have not all arrived. The core keeps the protocol's rules: for each packet it returns
the sid of the client, or raises if the packet is not allowed, which closes the session with a ``parse error``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._codec import packet as kinds
from fanio._codec.packet_class import PacketAssembler, ack_id, arguments
from fanio.reason import Reason

if TYPE_CHECKING:
    import logging

    from fanio._options.server import WireOptions
    from fanio._server.dispatch import Dispatcher
    from fanio._server.lifecycle import Lifecycle

__all__ = ["PacketReader"]

_PARSE_ERROR = "parse error"


class PacketReader:
    """Converts the messages of all sessions to packets, and passes these to ``Lifecycle`` and ``Dispatcher``."""

    def __init__(
        self,
        core: _core.Server,
        packet_class: type[Any],
        lifecycle: Lifecycle,
        dispatcher: Dispatcher,
        options: WireOptions,
        logger: logging.Logger,
    ) -> None:
        """Connect the parts of the server. The limits are read from ``options`` for each packet."""
        self._core = core
        self._packet_class = packet_class
        self._lifecycle = lifecycle
        self._dispatcher = dispatcher
        self._options = options
        self._logger = logger
        #: Packets whose attachments have not all arrived, by session.
        self._waiting: dict[str, PacketAssembler] = {}

    def receivers(self) -> dict[int, Callable[..., None]]:
        """Return the functions for the kinds of core events that differ from those of the other parsers."""
        return {
            _core.OPEN: self.opened,
            _core.MESSAGE: self.message,
            _core.DISCONNECT: self.disconnect,
            _core.CLOSED: self.closed,
        }

    def opened(self, *_event: Any) -> None:
        """Handle an OPEN event: there is nothing to do."""

    def closed(self, _kind: int, session_id: str, _reason: str) -> None:
        """Handle a CLOSED event."""
        self._waiting.pop(session_id, None)

    def disconnect(self, kind: int, sid: str, namespace: str, session_id: str, reason: str) -> None:
        """Handle a DISCONNECT event, unless the client has sent a DISCONNECT packet before."""
        if self._core.receive_end(sid):
            self._lifecycle.disconnect(kind, sid, namespace, session_id, reason)

    def message(self, _kind: int, session_id: str, data: str | bytes) -> None:
        """Handle a MESSAGE event."""
        try:
            packet, size = self._read(session_id, data)
            if packet is not None:
                self._take(session_id, packet, size)
        except Exception as error:  # the application's class may raise any exception
            self._logger.warning("%s: packet refused: %r", session_id, error, exc_info=self._unexpected(error))
            self._core.close(session_id, _PARSE_ERROR)

    @staticmethod
    def _unexpected(error: Exception) -> bool:
        """Return whether the exception is a fault of the class, and not the refusal of a wrong packet."""
        return not isinstance(error, ValueError)

    def _read(self, session_id: str, data: str | bytes) -> tuple[Any, int]:
        """Return the packet that this message completes, or None, and the size so far."""
        assembly = self._waiting.pop(session_id, None)
        if assembly is None:
            options = self._options
            assembly = PacketAssembler(self._packet_class, options.max_attachments, options.max_http_buffer_size)
        packet = assembly.add(data)
        if packet is None:
            self._waiting[session_id] = assembly
        return packet, assembly.size

    def _take(self, session_id: str, packet: Any, size: int) -> None:
        namespace = packet.namespace or "/"
        kind = packet.packet_type
        if kind == kinds.CONNECT:
            sid = self._core.receive_connect(session_id, namespace)
            if sid is not None:
                self._lifecycle.connect(_core.CONNECT, sid, namespace, session_id, packet.data)
        elif kind == kinds.DISCONNECT:
            sid = self._core.receive_disconnect(session_id, namespace)
            if sid is not None:
                reason = Reason.CLIENT_DISCONNECT
                self._lifecycle.disconnect(_core.DISCONNECT, sid, namespace, session_id, reason)
        elif kind in (kinds.EVENT, kinds.BINARY_EVENT):
            self._take_event(session_id, namespace, packet, size)
        elif kind in (kinds.ACK, kinds.BINARY_ACK):
            sid = self._core.receive_data(session_id, namespace, None)
            args, number = arguments(packet), ack_id(packet)
            if sid is not None and number is not None:
                self._dispatcher.ack(_core.ACK, sid, namespace, args, number, None, None)
        else:
            msg = f"a client sends no packet of type {kind!r}"
            raise ValueError(msg)

    def _take_event(self, session_id: str, namespace: str, packet: Any, size: int) -> None:
        args, number = arguments(packet), ack_id(packet)
        if not args or not isinstance(args[0], (str, int, float)):
            msg = "expected a list that begins with the event's name"
            raise ValueError(msg)
        sid = self._core.receive_data(session_id, namespace, str(args[0]))
        if sid is not None:
            self._lifecycle.handle_event(session_id, size, _core.EVENT, sid, namespace, args, number, None, None)
