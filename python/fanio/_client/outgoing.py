"""Sends events to the server, keeps them while their namespace is not connected, and sends them again.

Owns the buffer of unsent events. With the option ``retries`` it also owns a queue for each namespace, of which one
event is sent at a time. Source of the rules: ``emit``, ``_addToQueue``, ``_drainQueue`` of socket.io-client 4.8.
"""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any, NoReturn

from fanio._client.acks import PendingAck
from fanio._client.buffer import BufferedEvent
from fanio._client.dispatch import arguments
from fanio._codec.packet import EVENT
from fanio._handlers.names import check_emitted
from fanio.exceptions import AckLostError, BadNamespaceError, BufferFullError

if TYPE_CHECKING:
    import logging

    from fanio._client.acks import PendingAcks
    from fanio._client.buffer import Buffer
    from fanio._client.state import State
    from fanio._codec.codec import PacketCodec
    from fanio.types import Payload

__all__ = ["Outgoing"]

#: A volatile event is dropped if more bytes than this wait to be sent.
_VOLATILE_BYTES = 64 * 1024


class _Retry:
    """An event that is sent again until it is acknowledged or the retries are used up."""

    __slots__ = ("ack", "attachments", "number", "payload", "pending", "timeout", "tries")

    def __init__(
        self, payload: Payload, attachments: list[bytes] | None, ack: PendingAck | None, timeout: float | None
    ) -> None:
        self.payload = payload
        self.attachments = attachments
        self.ack = ack
        self.timeout = timeout
        self.tries = 0
        self.pending = False
        self.number: int | None = None

    def size(self) -> int:
        """Return its size in bytes."""
        return BufferedEvent(self.payload, self.attachments, None).size()


def _timeout(given: float) -> float | None:
    """Return the seconds to wait; None for infinity, 0 for a negative number, which is a deadline in the past.

    Raises:
        TypeError: When it is not a number.
    """
    if not isinstance(given, (int, float)) or math.isnan(given):
        msg = f"timeout: expected seconds or None, got {given!r}"
        raise TypeError(msg)
    return None if given == math.inf else max(given, 0)


class Outgoing:
    """The sending side of a client."""

    def __init__(
        self,
        state: State,
        codec: PacketCodec,
        acks: PendingAcks,
        buffer: Buffer[BufferedEvent],
        logger: logging.Logger,
        *,
        retries: int,
        ack_timeout: float | None,
        max_packets: int,
        max_bytes: int,
    ) -> None:
        """Connect the parts of the client; the keyword arguments are options of the client."""
        self._state = state
        self._codec = codec
        self._acks = acks
        self._buffer = buffer
        self._logger = logger
        self._retries = retries
        self._ack_timeout = ack_timeout
        self._max_packets = max_packets
        self._max_bytes = max_bytes
        self._queues: dict[str, deque[_Retry]] = {}

    def emit(
        self,
        event: str,
        data: Any,
        namespace: str,
        ack: PendingAck | None,
        timeout: float | None,
        *,
        volatile: bool,
    ) -> None:
        """Send an event, or keep it until its namespace is connected.

        Args:
            event: The event's name.
            data: The arguments, as in ``AsyncClient.emit``.
            namespace: The event's namespace.
            ack: Gets the acknowledgement.
            timeout: Seconds to wait for the acknowledgement; None uses the option ``ack_timeout``.
            volatile: Whether to drop the event instead of keeping it.

        Raises:
            BadNamespaceError: When the namespace is neither connected nor reconnecting.
            BufferFullError: When the namespace is not connected and the buffer is full.
            TypeError: When something in the data has no JSON form.
            ValueError: When the name is reserved or not text, or there are too many attachments.
        """
        check_emitted(event)
        self._check(namespace, volatile=volatile)
        payload, attachments = self._codec.encode([event, *arguments(data)], EVENT, namespace, None)
        timeout = self._ack_timeout if timeout is None else _timeout(timeout)
        self._logger.info('Emitting event "%s" [%s]', event, namespace)
        if self._retries and not volatile:
            self._queue(namespace, _Retry(payload, attachments, ack, timeout))
        else:
            self._send(namespace, payload, attachments, ack, timeout, volatile=volatile)

    def refuse(self, namespace: str) -> NoReturn:
        """Raise the error for a namespace that is not connected.

        Raises:
            BadNamespaceError: Always.
        """
        msg = f"{namespace} is not a connected namespace."
        raise BadNamespaceError(msg)

    def _check(self, namespace: str, *, volatile: bool) -> None:
        if namespace in self._state.namespaces:
            return
        if namespace not in self._state.wanted or not (self._max_packets or volatile):
            self.refuse(namespace)

    def _send(
        self,
        namespace: str,
        payload: Payload,
        attachments: list[bytes] | None,
        ack: PendingAck | None,
        timeout: float | None,
        *,
        volatile: bool = False,
    ) -> int | None:
        link = self._state.link if namespace in self._state.namespaces else None
        if volatile and (link is None or link.core.queued() > _VOLATILE_BYTES):
            self._logger.info("the transport is not ready: a volatile event is dropped [%s]", namespace)
            if ack is not None:
                ack.fail(AckLostError("the event was volatile, and the transport not ready"))
            return None
        number = None
        if ack is not None:
            number = self._acks.expect(namespace, ack, timeout, self._unbuffer)
        if link is not None:
            link.core.emit(namespace, payload, attachments, number)
            return number
        waiting = BufferedEvent(payload, attachments, number)
        if not self._buffer.add(namespace, waiting, waiting.size()):
            if number is not None:
                self._acks.forget(namespace, number)
            msg = f"{namespace} is not connected, and {len(self._buffer)} events ({self._buffer.bytes} bytes) are kept already"  # noqa: E501
            raise BufferFullError(msg)
        return number

    def _unbuffer(self, number: int) -> None:
        """Remove an unsent event from the buffer because its acknowledgement has timed out."""
        self._buffer.remove(lambda _, item: item.ack_id == number)

    async def wait_for_space(self, limit: int) -> None:
        """Wait while more than ``limit`` bytes wait to be sent."""
        link = self._state.link
        if link is not None and link.core.queued() > limit:
            await link.drained(limit)

    def granted(self, namespace: str) -> None:
        """Send the events that were kept for a namespace that is connected now."""
        link = self._state.link
        if link is None:
            return
        for payload, attachments, number in self._buffer.take(namespace):
            link.core.emit(namespace, payload, attachments, number)
        self._drain(namespace, force=True)

    def lost(self, namespaces: list[str] | None = None) -> None:
        """Fail the acknowledgements of events that were sent before the connection, or a namespace, was lost."""
        keep = [item.ack_id for item in self._buffer.items() if item.ack_id is not None]
        self._acks.lose(namespaces, keep)

    def give_up(self, namespace: str | None = None) -> None:
        """Drop the events for a namespace, or for all, because the client will not reconnect to it."""
        dropped = self._buffer.take(namespace)
        queues = list(self._queues) if namespace is None else [namespace]
        retries = [retry for name in queues for retry in self._queues.pop(name, ())]
        for retry in retries:
            if retry.ack is not None:
                retry.ack.fail(AckLostError("the client is disconnected"))
        if dropped or retries:
            self._logger.warning("%d events were never sent: the client is disconnected", len(dropped) + len(retries))
        self._acks.lose(None if namespace is None else [namespace])

    def forget(self) -> None:
        """Drop everything without calling any callback, because the event loop has ended."""
        self._acks.forget_all()
        self._buffer.take()
        self._queues.clear()

    # Retries

    def _queue(self, namespace: str, retry: _Retry) -> None:
        queue = self._queues.setdefault(namespace, deque())
        size = retry.size() + sum(item.size() for item in queue)
        # A single event is not limited, as without retries.
        if queue and (len(queue) >= max(self._max_packets, 1) or size > self._max_bytes):
            msg = f"{namespace}: {len(queue)} events wait for their acknowledgement already"
            raise BufferFullError(msg)
        queue.append(retry)
        self._drain(namespace)

    def _drain(self, namespace: str, *, force: bool = False) -> None:
        """Send the first event of the queue, unless it is already sent."""
        queue = self._queues.get(namespace)
        if not queue or namespace not in self._state.namespaces:
            return
        head = queue[0]
        if head.pending and not force:
            return
        head.pending = True
        head.tries += 1
        ack = PendingAck(
            lambda args: self._succeed(namespace, head, args),
            lambda error: self._fail(namespace, head, error),
        )
        head.number = self._send(namespace, head.payload, head.attachments, ack, head.timeout)

    def _is_head(self, namespace: str, retry: _Retry) -> bool:
        queue = self._queues.get(namespace)
        return bool(queue) and queue[0] is retry  # type: ignore[index]

    def _succeed(self, namespace: str, retry: _Retry, args: list[Any]) -> None:
        if not self._is_head(namespace, retry):
            return
        self._queues[namespace].popleft()
        if retry.ack is not None:
            retry.ack.succeed(args)
        self._drain(namespace)

    def _fail(self, namespace: str, retry: _Retry, error: Exception) -> None:
        if not self._is_head(namespace, retry):
            return
        if retry.tries > self._retries:
            self._queues[namespace].popleft()
            self._logger.warning("an event is given up after %d tries [%s]", retry.tries, namespace)
            if retry.ack is not None:
                retry.ack.fail(error)
        retry.pending = False
        self._drain(namespace)

    def cancel(self, ack: PendingAck) -> None:
        """Stop waiting for an acknowledgement, and drop its event if it is not sent yet."""
        for namespace, queue in self._queues.items():
            for retry in queue:
                if retry.ack is ack:
                    queue.remove(retry)
                    if retry.number is not None:
                        self._acks.forget(namespace, retry.number)
                    self._drain(namespace)
                    return
        self._acks.cancel(ack, self._unbuffer)
