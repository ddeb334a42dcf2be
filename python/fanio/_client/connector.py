"""The life of a client's connection: opened, lost, made again, ended.

Source of the rules for coming back: ``manager.ts`` and ``socket.ts`` of socket.io-client 4.8. No
reconnection after the server has ended or refused the last namespace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._client.futures import settle
from fanio._client.hub import Hub
from fanio._client.lifecycle import Lifecycle
from fanio._client.link import Link, LinkError
from fanio._client.namespaces import Namespaces
from fanio._client.own_loop import OwnLoop
from fanio._client.packet_class import ClientPacketCodec
from fanio.exceptions import ConnectionError as NotConnectedError

if TYPE_CHECKING:
    import logging

    from fanio._client.backoff import Reconnection
    from fanio._client.dispatch import ClientDispatcher
    from fanio._client.outgoing import Outgoing
    from fanio._client.recovery import Recovery
    from fanio._client.state import State
    from fanio._codec.codec import PacketCodec
    from fanio._tasks.tasks import Tasks

__all__ = ["Connector"]

_CLIENT_DISCONNECT = "client disconnect"
#: Seconds that ``connect`` handlers may still run when the client ends.
_PATIENCE = 5.0
#: What a process has from the one that it was forked from.
_inherited: list[object] = []


class Connector:
    """Makes and keeps the connection of one client."""

    def __init__(
        self,
        state: State,
        dispatcher: ClientDispatcher,
        outgoing: Outgoing,
        recovery: Recovery,
        codec: PacketCodec,
        tasks: Tasks,
        reconnection: Reconnection,
        logger: logging.Logger,
    ) -> None:
        """Take the collaborators."""
        self._state = state
        self._dispatcher = dispatcher
        self._outgoing = outgoing
        self._recovery = recovery
        self._lifecycle = Lifecycle(dispatcher, tasks, logger)
        self._namespaces = Namespaces(state, dispatcher, outgoing, recovery, codec, self._lifecycle, logger)
        self._codec = codec
        self._tasks = tasks
        self._reconnection = reconnection
        self._logger = logger
        self._hub: Hub | None = None
        self._make_options: Callable[[], Awaitable[dict[str, object]]] | None = None
        self._make_auth: Callable[[], Awaitable[Any]] | None = None
        self._wait_timeout: float | None = 1.0
        self._connecting = False
        self._interrupted = False
        #: None while there is nothing to wait for.
        self._over: asyncio.Future[None] | None = None
        self.loop = OwnLoop(self.loop_ended)
        #: Called when there is neither a connection nor an attempt to get one any more.
        self.on_finish: Callable[[], None] = lambda: None
        #: Called when that is so as the loop has ended, without any handler.
        self.on_loop_end: Callable[[], None] = lambda: None

    # Connecting

    async def connect(
        self,
        make_options: Callable[[], Awaitable[dict[str, object]]],
        make_auth: Callable[[], Awaitable[Any]],
        names: list[str],
        *,
        wait: bool,
        wait_timeout: float | None,
        retry: bool,
    ) -> None:
        """Connect, and join namespaces.

        Args:
            make_options: Makes the core's options, for each attempt anew.
            make_auth: Makes the data of the CONNECT packets, as often.
            names: The namespaces.
            wait: Whether to wait until the server has answered for each of them.
            wait_timeout: Seconds to wait for that.
            retry: Whether to go on when the first attempt fails.

        Raises:
            ConnectionError: When it failed.
            RuntimeError: When the client belongs to another loop, which runs.
        """
        self.loop.enter()
        await self._stop_retrying()
        self._connecting = True
        try:
            await self._connect(make_options, make_auth, names, wait=wait, wait_timeout=wait_timeout, retry=retry)
        finally:
            self._connecting = False

    async def _connect(
        self,
        make_options: Callable[[], Awaitable[dict[str, object]]],
        make_auth: Callable[[], Awaitable[Any]],
        names: list[str],
        *,
        wait: bool,
        wait_timeout: float | None,
        retry: bool,
    ) -> None:
        self._make_options, self._make_auth, self._namespaces.names = make_options, make_auth, names
        self._wait_timeout = wait_timeout
        self._state.leaving = False
        self._begin()
        try:
            await self._attempt(wait, wait_timeout)
        except NotConnectedError:
            if retry and not self._state.leaving and self._state.link is None and await self._retried():
                return
            await self.disconnect()
            raise
        except BaseException:
            self._drop_link()
            raise

    @property
    def _is_loop_ending(self) -> bool:
        return self._hub is not None and self._hub.is_ending

    async def _retried(self) -> bool:
        """Try again like after a loss; True when that led to a connection."""
        self._start_retrying()
        retrying = self._state.retrying
        try:
            return retrying is not None and await asyncio.shield(retrying)
        except asyncio.CancelledError:
            if retrying is not None and not retrying.done():
                # Nobody waits for the connection any more.
                await self.disconnect()
            raise

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks.bind(loop)
        self._interrupted = False
        if self._over is None:
            self._over = loop.create_future()
        if self._hub is None:
            self._hub = Hub.of(loop)
            self._hub.hold(self)

    async def _attempt(self, wait: bool, wait_timeout: float | None) -> None:
        state, namespaces = self._state, self._namespaces
        namespaces.reset()
        if self._make_options is None or self._make_auth is None or self._hub is None:
            msg = "connect() was not called"
            raise NotConnectedError(msg)
        packets = self._codec if isinstance(self._codec, ClientPacketCodec) else None
        try:
            options = await self._make_options()
        except NotConnectedError as error:
            await self._tell_all("connect_error", str(error))
            raise
        # Before the link: a server may grant a namespace before it is asked.
        answered = namespaces.expect()
        link = state.link = Link(self._hub, self, options, packets)
        try:
            await link.opening
        except LinkError as error:
            state.link = None
            await self._tell_all("connect_error", error.data())
            said = error.said()
            refusals = {} if said is None else dict.fromkeys(namespaces.names, said)
            raise NotConnectedError(error.message, refusals=refusals) from None
        except BaseException:
            state.link = None
            link.abort()
            raise
        state.sid = link.sid
        self._logger.info("Engine.IO connection established")
        auth = await self._make_auth() or {}
        namespaces.join(link, auth)
        if wait:
            await namespaces.joined(link, answered, wait_timeout)
        elif link.is_open:
            state.connected = True
        else:
            raise namespaces.error(link)

    # What the server says

    def packet(self, kind: int, namespace: str, *data: Any) -> None:
        """Take a packet."""
        if kind == _core.EVENT:
            # After disconnect() nothing is handled any more, as in the JavaScript client.
            if not self._state.leaving:
                self._dispatcher.event(namespace, *data)
        elif kind == _core.ACK:
            self._dispatcher.ack(namespace, *data)
        else:
            self._namespaces.packet(kind, namespace, *data)

    # The end of a connection

    def lost(self, link: Link, reason: str, detail: str) -> None:
        """Take the end of the link."""
        state = self._state
        if link is not state.link:
            return
        self._logger.info("Engine.IO connection dropped: %s%s", reason, f" ({detail})" if detail else "")
        # While it is being made, whoever makes it decides what comes next.
        is_made = state.connected or state.leaving
        again = self._reconnection.enabled and not state.leaving and bool(state.wanted)
        self._end_namespaces(reason, final=is_made and not again)
        if is_made:
            self._tasks.start(self._after_loss(again=again))

    def _end_namespaces(self, reason: str, *, final: bool) -> None:
        """Tell whom it concerns that the link has ended."""
        state = self._state
        gone, state.namespaces = list(state.namespaces), {}
        state.link = state.sid = None
        state.connected = False
        self._namespaces.settle(granted=False)
        self._outgoing.lost()
        self._dispatcher.lost()
        self._lifecycle.end(gone, reason, final=final)

    async def _after_loss(self, *, again: bool) -> None:
        await self._lifecycle.idle(0 if again else _PATIENCE)
        if self._state.link is not None:
            return
        if not again:
            self._finish()
        elif self._state.leaving:
            await self._give_up()
        else:
            self._start_retrying()

    def _let_go(self) -> None:
        """End the link without a word to the server."""
        link = self._state.link
        if link is not None:
            link.abort()
            self._end_namespaces(_CLIENT_DISCONNECT, final=False)

    def loop_ended(self) -> None:
        """Drop everything: nobody is left on the loop who could be told."""
        state = self._state
        link, retrying = state.link, state.retrying
        state.leaving, state.connected = True, False
        state.link = state.sid = state.retrying = None
        state.namespaces = {}
        if self.loop.is_inherited:
            # Its threads are the parent's, and may have held locks: nothing may be asked of it, nor freed.
            _inherited.append((link, self._hub, retrying))
            self._hub = None
        else:
            if link is not None:
                link.abort()
            if retrying is not None and not retrying.get_loop().is_closed():
                retrying.cancel()
        self._connecting = False
        self._namespaces.settle(granted=False)
        self._lifecycle.forget()
        self._outgoing.forget()
        self._dispatcher.lost()
        self._finish()
        self.on_loop_end()

    async def _tell_all(self, event: str, *args: Any) -> None:
        for name in self._namespaces.names:
            await self._dispatcher.trigger(event, name, *args)

    def _finish(self) -> None:
        self._state.wanted.clear()
        self._outgoing.give_up()
        hub, self._hub = self._hub, None
        if hub is not None:
            hub.release(self)
        self._tasks.unbind()
        self.loop.release()
        over, self._over = self._over, None
        if over is not None:
            settle(over)
        self.on_finish()

    # Coming back

    def _start_retrying(self) -> None:
        if self._state.retrying is None or self._state.retrying.done():
            self._state.retrying = self._tasks.start(self._retry())
            if self._state.retrying.done():
                self._state.retrying = None

    async def _retry(self) -> bool:
        try:
            return await self._retry_until_settled()
        finally:
            self._state.retrying = None

    async def _retry_until_settled(self) -> bool:
        backoff = self._reconnection.backoff()
        while not self._state.leaving:
            # What the server has refused or ended is not asked for again.
            self._namespaces.names = [name for name in self._namespaces.names if name in self._state.wanted]
            if 0 < self._reconnection.attempts <= backoff.attempts:
                self._logger.info("Maximum reconnection attempts reached, giving up")
                await self._tell_all("reconnect_failed")
                break
            delay = backoff.next()
            self._logger.info("Connection failed, new attempt in %.02f seconds", delay)
            await asyncio.sleep(delay)
            await self._tell_all("reconnect_attempt", backoff.attempts)
            if self._state.leaving:
                break
            if self._state.link is not None:
                return True  # the handler has connected by itself
            error = await self._try_again()
            if error is None:
                self._logger.info("Reconnection successful")
                await self._tell_all("reconnect", backoff.attempts)
                return True
            await self._tell_all("reconnect_error", error)
            if self._state.link is not None:
                return True
            if not self._state.wanted:
                break  # refused, each of them
        await self._give_up()
        return False

    async def _try_again(self) -> Exception | None:
        try:
            # However short the caller's patience was: a loaded server may take longer to answer.
            timeout = self._wait_timeout
            await self._attempt(wait=True, wait_timeout=None if timeout is None else max(timeout, 5.0))
        except (NotConnectedError, ValueError, TypeError, OSError) as error:
            if self._state.namespaces and self._state.refused:
                return None  # the others are there again
            self._let_go()
            return error
        return None

    async def _give_up(self) -> None:
        if self._over is None:
            return  # one of the handlers of the attempts has disconnected
        for name in self._namespaces.names:
            self._lifecycle.begin_final(name)
        await self._lifecycle.idle(_PATIENCE)
        self._finish()

    async def _stop_retrying(self) -> None:
        task = self._state.retrying
        if task is None or task.done() or task is asyncio.current_task():
            return
        task.cancel()
        await asyncio.wait([task])
        self._let_go()

    # The application's wish

    async def disconnect(self, *, abort: bool = False) -> None:
        """Leave every namespace, send what waits, end the connection; on whichever loop."""
        self.loop.leave_if_stopped()
        if self.loop.is_elsewhere:
            await self.loop.run(self.disconnect(abort=abort))
            return
        await self._disconnect(abort=abort)
        # The hub's own task ends in this turn.
        await asyncio.sleep(0)

    async def _disconnect(self, *, abort: bool) -> None:
        self._state.leaving = True
        retried = self._state.retrying is not None
        await self._stop_retrying()
        link = self._state.link
        if link is None:
            await (self._give_up() if retried else self._finish_when_idle())
        elif not link.opening.done():
            link.abort()
        else:
            self._close(link, abort=abort)
            await asyncio.shield(link.ended)
            await self._lifecycle.idle(_PATIENCE)

    def _close(self, link: Link, *, abort: bool) -> None:
        for name in self._state.namespaces:
            self._recovery.forget(name)
        if abort:
            link.core.abort()
        else:
            link.core.close(list(self._state.namespaces))

    async def _finish_when_idle(self) -> None:
        if self._over is not None and not self._lifecycle.is_within:
            await self._lifecycle.idle(_PATIENCE)
            if self._state.link is None:
                self._finish()

    def _drop_link(self) -> None:
        """End at once, as who connects does not want to any more."""
        if self._is_loop_ending:
            self.loop_ended()
            return
        self._state.leaving = True
        self._let_go()
        if self._lifecycle.is_idle:
            self._finish()
        else:
            self._tasks.start(self._after_loss(again=False))

    async def interrupt(self) -> None:
        """Disconnect as the program is being ended: whoever waits is cancelled with it, and does not go on."""
        self._interrupted = True
        await self.disconnect()

    async def wait(self) -> None:
        """Wait until there is neither a connection nor an attempt to get one; on whichever loop."""
        if self.loop.is_elsewhere:
            await self.loop.run(self.wait())
            return
        if self._over is not None:
            await asyncio.shield(self._over)
        if self._interrupted:
            await asyncio.get_running_loop().create_future()

    @property
    def is_active(self) -> bool:
        """Whether there is a connection or an attempt to get one."""
        return self._over is not None

    @property
    def is_connecting(self) -> bool:
        """Whether a ``connect`` is on its way."""
        return self._connecting
