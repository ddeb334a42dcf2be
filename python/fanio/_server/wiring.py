"""The objects between the core and the handlers of one Socket.IO server, and how they are connected.

Owns which object takes which kind of event from the core. The public methods are in ``AsyncServer``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from fanio import _core
from fanio._codec.packet_class import PacketClassCodec
from fanio._codec.room_names import RoomNames
from fanio._log import PacketLog
from fanio._server.acks import Acks
from fanio._server.dispatch import Dispatcher
from fanio._server.emitter import Emitter
from fanio._server.lifecycle import Lifecycle
from fanio._server.packet_class import PacketReader
from fanio._tasks.core_runner import ServerHooks
from fanio._tasks.failures import Failures
from fanio._tasks.session_queues import SessionQueues

if TYPE_CHECKING:
    import logging

    from fanio._codec.codec import PacketCodec
    from fanio._handlers.table import HandlerTable
    from fanio._options.server import WireOptions
    from fanio._server.engineio_server import Engine

__all__ = ["Wiring"]


class Wiring:
    """The dispatcher, the lifecycle and the emitter of a server, with what they share."""

    def __init__(
        self,
        eio: Engine,
        codec: PacketCodec,
        handlers: HandlerTable,
        logger: logging.Logger,
        *,
        async_handlers: bool,
        always_connect: bool,
        namespaces: list[str] | str,
    ) -> None:
        """Create the objects; ``attach`` connects them to the core."""
        core = eio._core
        self._eio, self._codec, self._logger = eio, codec, logger
        self.acks = acks = Acks()
        self.packet_log = PacketLog(eio.logger)
        self.rooms = RoomNames(lambda: {name for space in core.namespaces() for name in core.room_names(space)})
        self.queues = SessionQueues(eio._tasks)
        queues = None if async_handlers else self.queues
        failures = Failures(logger, eio._tasks)
        self.dispatcher = Dispatcher(
            core, handlers, acks, codec, eio._tasks, eio._backlogs, failures, self.packet_log, queues
        )
        self.lifecycle = eio.lifecycle = Lifecycle(
            core,
            handlers,
            acks,
            codec,
            eio._environs,
            eio._tasks,
            failures,
            self.packet_log,
            queues,
            always_connect=always_connect,
            namespaces=namespaces,
        )
        self.lifecycle.on_left = eio._backlogs.client_left
        self.lifecycle.take_event = self.dispatcher.event
        self.emitter = Emitter(
            core,
            codec,
            self.rooms,
            acks,
            eio._tasks,
            eio._backlogs,
            self.lifecycle,
            self.dispatcher,
            self.packet_log,
            logger,
        )

    def attach(self, options: WireOptions, start: Callable[[], None], end: Callable[[], None]) -> None:
        """Connect the objects to the core's events; ``start`` and ``end`` are called with the server's."""
        hooks = ServerHooks(
            self._receivers(options),
            self.lifecycle.running,
            start=start,
            begin=self.dispatcher.read_log_levels,
            is_busy=lambda: self.queues.is_busy() or self.lifecycle.waiting.is_busy,
            end=end,
        )
        self._eio._runner.attach(hooks)

    def _receivers(self, options: WireOptions) -> dict[int, Callable[..., None]]:
        """Return the function for each kind of event."""
        lifecycle, dispatcher = self.lifecycle, self.dispatcher
        receivers: dict[int, Callable[..., None]] = {
            _core.CONNECT: lifecycle.connect,
            _core.EVENT: dispatcher.event,
            _core.EARLY_EVENT: lifecycle.early_event,
            _core.ACK: dispatcher.ack,
            _core.DISCONNECT: lifecycle.disconnect,
        }
        if isinstance(self._codec, PacketClassCodec):
            packet_class = self._codec.packet_class
            packets = PacketReader(self._eio._core, packet_class, lifecycle, dispatcher, options, self._logger)
            receivers |= packets.receivers()
        return receivers
