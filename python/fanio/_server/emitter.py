"""From ``emit`` and ``call`` to the core: encoded once, with who is to get it.

Owns what an event becomes on its way out: its payload, the names of its rooms, the number its
acknowledgements come back under. Nothing here runs per client of a broadcast.
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

__all__ = ["PAUSE", "Emitter", "OutgoingEvent"]

_INFO = logging.INFO
_FLUSH, _FULL, _WAIT = _core.FLUSH, _core.FULL, _core.WAIT
#: Seconds between two looks at whether the shards have room again.
PAUSE = 0.002


class OutgoingEvent:
    """What one emit says; the fields are the arguments of ``AsyncServer.emit``."""

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
        """Take the fields; they are checked where they are used."""
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
        """Take the collaborators."""
        self._core = core
        self._codec = codec
        self._rooms = rooms
        self._acks = acks
        self._tasks = tasks
        self._backlogs = backlogs
        # One look less for each emit.
        self._waiting = backlogs.waiting
        self._lifecycle = lifecycle
        self._dispatcher = dispatcher
        self._packets = packets
        self._logger = logger
        self.observer: Observer | None = None
        self._cluster: Cluster | None = None
        #: Whether so much waits that the next event should wait, too.
        self.is_full: Callable[[], bool] = core.is_full

    def join(self, cluster: Cluster | None) -> None:
        """Tell the servers of a cluster of each event from now on, or nobody."""
        self._cluster, is_full = cluster, self._core.is_full
        self.is_full = is_full if cluster is None else lambda: is_full() or cluster.is_full()

    def emit(
        self, event: OutgoingEvent, may_wait: bool = False, ignore_queue: bool = False
    ) -> Coroutine[Any, Any, None] | None:
        """Emit an event to the clients of all servers; with ``ignore_queue`` to those of this process.

        Returns:
            What is left to await: room in the shards and on the bus; or, with ``may_wait``, that the one client
            it is for takes what was sent before, as the event is sent only then.
        """
        logger, to, skip_sid = self._logger, event.to, event.skip_sid
        # The level first, which is the cheaper question.
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
            # A mistake in the data is told whether or not somebody is there to get it.
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
        """Wait for answers no longer."""
        for sid in sids:
            self._acks.take(sid, number)
        if elsewhere is not None and self._cluster is not None:
            self._cluster.drop(elsewhere)

    async def call(
        self, event: str, data: Any, to: Room, namespace: str, timeout: float | None, ignore_queue: bool = False
    ) -> list[Any]:
        """Emit an event to one client, of any server, and return the arguments it answers with.

        Raises:
            RuntimeError: Inside the connect handler of this very client.
            fanio.exceptions.TimeoutError: When no answer came in time, or the client is gone.
        """
        self._refuse_while_joining(to)
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
        # Nobody says when a client of another server is gone: there is always one more who may answer.
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
        """Emit an encoded event of another server to the clients here; return how many may answer.

        Args:
            namespace: The namespace.
            data: The event and its attachments.
            names: Whom it is for; None is everybody.
            excepted: Whom it is not for.
            flags: Whether it is volatile, and whether it may be compressed.
            waiter: Who gets the answers.
        """
        sids = self._recipients(names, namespace, [], excepted)
        if not sids:
            return 0
        number = self._expect(sids, waiter)
        (text, attachments), (volatile, compress) = data, flags
        asked = self._core.emit(namespace, text, attachments, names, None, number, excepted, volatile, None, compress)
        if asked & _FLUSH:
            self._tasks.call_in_turn(self._core.flush)
        return len(sids)

    def _refuse_while_joining(self, recipient: Room) -> None:
        joining = self._lifecycle.joining(recipient) if isinstance(recipient, str) else None
        if joining is None or joining.accepted or joining.task is None:
            return
        if joining.task is asyncio.current_task():
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
        """Encode an event, give it to the core, with numbers for those who wait, and to others."""
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
            self._tasks.call_in_turn(self._core.flush)
        elif asked:
            if asked & _WAIT and names:
                flags = (event.volatile, event.conflate, event.compress)
                return self._push_later(
                    names[0], asked, (namespace, text, attachments, names, skip, number, excepted, *flags)
                )
            self._backlogs.flush_for(asked)
            return self.room()
        return self.room() if is_full else None

    def _is_waited_for(self, names: list[str] | None) -> bool:
        """Return whether others wait to send to the one client that is meant."""
        return names is not None and len(names) == 1 and names[0] in self._waiting

    async def _push_later(self, name: str, asked: int, args: tuple[Any, ...]) -> None:
        """Send when the one client it is for has taken what was sent before."""
        push = partial(self._core.emit, *args)
        if await self._backlogs.send(name, self._core.session_of(name), push, asked) & _FULL:
            await self.room()

    async def room(self) -> None:
        """Wait until the shards, and the bus of a cluster, have room for more."""
        while self.is_full():  # noqa: ASYNC110 - the shards know no loop, and any loop may wait here
            await asyncio.sleep(PAUSE)

    def recipients(self, names: list[str] | None, namespace: str, excepted: Iterable[str]) -> list[str]:
        """Return the sids an emit reaches."""
        return self._recipients(names, namespace, (), excepted)

    def _recipients(
        self, names: list[str] | None, namespace: str, skip: Iterable[str], excepted: Iterable[str] = ()
    ) -> list[str]:
        """Return the sids an emit reaches; a client that is still connecting by its sid alone."""
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
            # One that left before it was registered has had its last word already.
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
