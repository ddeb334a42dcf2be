"""Sends the events of ``emit`` and ``call``: encodes each event once and passes it with its recipients to the core.

Owns the conversion of an event for the core: its payload, the names of its rooms, and the number of its
acknowledgements. Nothing here runs once per recipient, unless the event has a callback.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._codec.packet import EVENT
from fanio._handlers.names import RESERVED, check_emitted
from fanio._options.checks import unexpected
from fanio._server.acks import CallbackWaiter, CallWaiter, Waiter
from fanio.exceptions import TimeoutError as NoAnswerError

if TYPE_CHECKING:
    from fanio._codec.codec import PacketCodec
    from fanio._codec.room_names import RoomNames
    from fanio._log import PacketLog
    from fanio._server.acks import Acks
    from fanio._server.cluster import Cluster
    from fanio._server.dispatch import Dispatcher
    from fanio._server.lifecycle import Lifecycle
    from fanio._server.observer import Observer
    from fanio._tasks.backlogs import Backlogs
    from fanio._tasks.tasks import Tasks
    from fanio.types import Callback, Room, Rooms, SkipSid

__all__ = ["POLL_SECONDS", "Emitter", "OutgoingEvent"]

_INFO = logging.INFO
_FLUSH, _FULL, _WAIT = _core.FLUSH, _core.FULL, _core.WAIT
#: Seconds between two checks of whether the shards accept more.
POLL_SECONDS = 0.002


class OutgoingEvent:
    """One event to emit; the fields are the arguments of ``AsyncServer.emit``."""

    __slots__ = (
        "callback",
        "compress",
        "conflate",
        "data",
        "event",
        "except_room",
        "namespace",
        "skip_sid",
        "to",
        "volatile",
    )

    def __init__(
        self,
        event: str,
        data: Any,
        to: Rooms | None = None,
        skip_sid: SkipSid | None = None,
        namespace: str = "/",
        callback: Callback | None = None,
        except_room: Rooms | None = None,
        volatile: bool = False,
        conflate: str | None = None,
        compress: bool = True,
    ) -> None:
        """Set the fields; ``Emitter`` checks them."""
        self.event = event
        self.data = data
        self.to = to
        self.skip_sid = skip_sid
        self.namespace = namespace
        self.callback = callback
        self.except_room = except_room
        self.volatile = volatile
        self.conflate = conflate
        self.compress = compress


class Emitter:
    """Sends events to the clients of this process."""

    def __init__(
        self,
        core: _core.Server,
        codec: PacketCodec,
        rooms: RoomNames,
        acks: Acks,
        tasks: Tasks,
        backlogs: Backlogs,
        lifecycle: Lifecycle,
        dispatcher: Dispatcher,
        packets: PacketLog,
        logger: logging.Logger,
    ) -> None:
        """Connect the parts of the server."""
        self._core = core
        self._codec = codec
        self._rooms = rooms
        self._acks = acks
        self._tasks = tasks
        self._backlogs = backlogs
        # An attribute of its own saves a lookup for each emit.
        self._waiting = backlogs.waiting
        self._lifecycle = lifecycle
        self._dispatcher = dispatcher
        self._packets = packets
        self._logger = logger
        self.observer: Observer | None = None
        self._cluster: Cluster | None = None
        #: Returns whether the shards, or the cluster's bus, are full, so that the next event should wait.
        self.is_full: Callable[[], bool] = core.is_full

    def join(self, cluster: Cluster | None) -> None:
        """Send each event to the servers of a cluster too; None stops that."""
        self._cluster, is_full = cluster, self._core.is_full
        self.is_full = is_full if cluster is None else lambda: is_full() or cluster.is_full()

    def emit(
        self, event: OutgoingEvent, may_wait: bool = False, ignore_queue: bool = False
    ) -> Coroutine[Any, Any, None] | None:
        """Emit an event to the clients of all servers; with ``ignore_queue`` to those of this process.

        Returns:
            A coroutine to await if the shards or the cluster's bus are full, or, with ``may_wait``, if the backlog of
            the only recipient is too large. In the last case the coroutine sends the event. None if there is nothing
            to wait for.
        """
        logger, to, skip_sid = self._logger, event.to, event.skip_sid
        # The comparison of the level is cheap, and usually false.
        if logger.level <= _INFO and logger.isEnabledFor(_INFO):
            whom = "all" if to is None else to
            logger.info('emitting event "%s" to %s [%s]', event.event, whom, event.namespace)
        callback, namespace = event.callback, event.namespace
        if callback is not None and not callable(callback):
            raise unexpected("callback", "a function", callback)
        if event.conflate is not None and not isinstance(event.conflate, str):
            raise unexpected("conflate", "a name", event.conflate)
        names = None if to is None else self._rooms.names(to)
        excepted = None if event.except_room is None else self._rooms.names(event.except_room)
        skip = None if skip_sid is None else _sids(skip_sid)
        cluster = None if ignore_queue else self._cluster
        if cluster is None and not self._lifecycle.clients:
            # Encoding raises for wrong data, also without clients.
            self._codec.encode(_payload(event), EVENT, namespace, None)
            return None
        if callback is None:
            return self._push(event, names, skip, excepted, None, may_wait, cluster)
        sids = self._recipients(names, namespace, skip or [], excepted or [])
        waiter = CallbackWaiter(callback, self._dispatcher.run_callback)
        number, elsewhere = self._expect(sids, waiter), None
        if cluster is not None and cluster.concerns(names, namespace):
            elsewhere = cluster.expect(waiter)
        try:
            return self._push(event, names, skip, excepted, number, may_wait, cluster, elsewhere)
        except Exception:
            self._forget(sids, number, elsewhere)
            raise

    def _forget(self, sids: Iterable[str], number: int, elsewhere: int | None) -> None:
        """Stop waiting for answers."""
        for sid in sids:
            self._acks.take(sid, number)
        if elsewhere is not None and self._cluster is not None:
            self._cluster.drop(elsewhere)

    async def call(
        self, event: str, data: Any, to: Room, namespace: str, timeout: float | None, ignore_queue: bool = False
    ) -> list[Any]:
        """Emit an event to one client, of any server, and return the arguments of its answer.

        Raises:
            RuntimeError: When called inside the connect handler of the same client.
            fanio.exceptions.TimeoutError: When no answer arrives in time, or the client is gone.
        """
        self._refuse_in_connect_handler(to)
        outgoing = OutgoingEvent(event, data, namespace=namespace)
        names = self._rooms.names(to)
        sids = self._recipients(names, namespace, [])
        cluster = None if ignore_queue else self._cluster
        if cluster is not None and not cluster.concerns(names, namespace):
            cluster = None
        if not sids and cluster is None:
            self._codec.encode(_payload(outgoing), EVENT, namespace, None)
            msg = f"{to!r} is not connected to namespace {namespace!r}"
            raise NoAnswerError(msg)
        # Other servers do not report that a client is gone, so one more recipient is assumed for them.
        waiter = CallWaiter(len(sids) if cluster is None else len(sids) + 1)
        number = self._expect(sids, waiter)
        elsewhere = None if cluster is None else cluster.expect(waiter, timeout)
        try:
            rest = self._push(outgoing, names, None, None, number, True, cluster, elsewhere)
            if rest is not None:
                return await asyncio.wait_for(_one_after_the_other(rest, waiter.future), timeout)
            return await asyncio.wait_for(waiter.future, timeout)
        except asyncio.TimeoutError:
            raise NoAnswerError from None
        finally:
            self._forget(sids, number, elsewhere)

    def relay(
        self,
        namespace: str,
        data: tuple[bytes, list[bytes] | None],
        names: list[str] | None,
        excepted: list[str],
        flags: tuple[bool, bool],
        waiter: Waiter,
    ) -> int:
        """Emit an encoded event of another server to the clients of this one; return the number of recipients.

        Args:
            namespace: The namespace.
            data: The event and its attachments.
            names: The rooms and sids that get it; None is all clients.
            excepted: The rooms and sids that do not get it.
            flags: Whether it is volatile, and whether it may be compressed.
            waiter: Gets the answers.
        """
        sids = self._recipients(names, namespace, [], excepted)
        if not sids:
            return 0
        number = self._expect(sids, waiter)
        (text, attachments), (volatile, compress) = data, flags
        asked = self._core.emit(namespace, text, attachments, names, None, number, excepted, volatile, None, compress)
        if asked & _FLUSH:
            self._tasks.call_once_soon(self._core.flush)
        return len(sids)

    def _refuse_in_connect_handler(self, recipient: Room) -> None:
        pending = self._lifecycle.pending_connect(recipient) if isinstance(recipient, str) else None
        if pending is None or pending.is_accepted or pending.task is None:
            return
        if pending.task is asyncio.current_task():
            msg = (
                "call() to a client inside its own connect handler cannot be answered, as the "
                "client is connected only when the handler returns (use always_connect=True)"
            )
            raise RuntimeError(msg)

    def _push(
        self,
        event: OutgoingEvent,
        names: list[str] | None,
        skip: list[str] | None,
        excepted: list[str] | None,
        number: int | None,
        may_wait: bool,
        cluster: Cluster | None = None,
        elsewhere: int | None = None,
    ) -> Coroutine[Any, Any, None] | None:
        """Encode an event and pass it to the core and to the cluster.

        ``number`` and ``elsewhere`` are the numbers of its acknowledgements from here and from other servers.
        """
        payload, namespace = _payload(event), event.namespace
        text, attachments = self._codec.encode(payload, EVENT, namespace, number)
        if self._packets.is_on:
            self._packets.sent("all" if names is None else names, "2", namespace, number, text)
        if self.observer is not None:
            self.observer.sent(namespace, names, skip or (), payload)
        asked = _WAIT
        if not (self._waiting and may_wait and self._is_waited_for(names)):
            asked = self._core.emit(
                namespace,
                text,
                attachments,
                names,
                skip,
                number,
                excepted,
                event.volatile,
                event.conflate,
                event.compress,
                may_wait,
            )
        is_full = cluster is not None and cluster.publish(
            event, (text, attachments), names, [*(skip or ()), *(excepted or ())], elsewhere
        )
        if asked == _FLUSH:
            self._tasks.call_once_soon(self._core.flush)
        elif asked:
            if asked & _WAIT and names:
                flags = (event.volatile, event.conflate, event.compress)
                return self._push_later(
                    names[0], asked, (namespace, text, attachments, names, skip, number, excepted, *flags)
                )
            self._backlogs.flush_if_asked(asked)
            return self.wait_for_space()
        return self.wait_for_space() if is_full else None

    def _is_waited_for(self, names: list[str] | None) -> bool:
        """Return whether the event has one recipient and other calls already wait for this client."""
        return names is not None and len(names) == 1 and names[0] in self._waiting

    async def _push_later(self, name: str, asked: int, args: tuple[Any, ...]) -> None:
        """Send an event when the backlog of its only recipient is small enough."""
        push = partial(self._core.emit, *args)
        if await self._backlogs.send(name, self._core.session_of(name), push, asked) & _FULL:
            await self.wait_for_space()

    async def wait_for_space(self) -> None:
        """Wait until the shards, and the bus of a cluster, accept more."""
        while self.is_full():  # noqa: ASYNC110 - calls wait on any event loop, which the shards cannot wake
            await asyncio.sleep(POLL_SECONDS)

    def recipients(self, names: list[str] | None, namespace: str, excepted: Iterable[str]) -> list[str]:
        """Return the sids an emit reaches."""
        return self._recipients(names, namespace, (), excepted)

    def _recipients(
        self, names: list[str] | None, namespace: str, skip: Iterable[str], excepted: Iterable[str] = ()
    ) -> list[str]:
        """Return the sids of the recipients. A client that is still connecting is included only if named by its sid."""
        found: dict[str, None] = {}
        for name in [None] if names is None else names:
            pairs = self._core.participants(namespace, name)
            found.update((sid, None) for sid, _ in pairs)
            if name is not None and self._core.state(name) == "connecting":
                found[name] = None
        for sid in skip:
            found.pop(sid, None)
        for name in excepted:
            found.pop(name, None)
            for sid, _ in self._core.participants(namespace, name):
                found.pop(sid, None)
        return list(found)

    def _expect(self, sids: list[str], waiter: Waiter) -> int:
        number = self._acks.expect(sids, waiter)
        for sid in sids:
            # A client that left before the entry was added will not answer, and causes no further event.
            if self._core.state(sid) in (None, "leaving"):
                self._acks.drop(sid)
        return number


def _payload(outgoing: OutgoingEvent) -> list[Any]:
    """Return the name of an event with its arguments."""
    event, data = outgoing.event, outgoing.data
    if type(event) is not str or event in RESERVED:
        check_emitted(event)
    if data is None:
        return [event]
    return [event, *data] if isinstance(data, tuple) else [event, data]


def _sids(skipped: SkipSid) -> list[str]:
    """Return the sids of ``skip_sid``."""
    if isinstance(skipped, str):
        return [skipped]
    found = list(skipped) if isinstance(skipped, Iterable) else [skipped]
    if not all(isinstance(sid, str) for sid in found):
        raise unexpected("skip_sid", "the sid of a client, or several", skipped)
    return found


async def _one_after_the_other(first: Awaitable[None], then: Awaitable[list[Any]]) -> list[Any]:
    await first
    return await then
