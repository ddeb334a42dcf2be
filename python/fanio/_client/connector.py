"""Connects a client, reconnects it after a loss, and disconnects it.

Source of the rules for reconnection: ``manager.ts`` and ``socket.ts`` of socket.io-client 4.8. A client does not
reconnect after the server has ended or refused its last namespace.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._client.client_loop import ClientLoop, settle
from fanio._client.lifecycle import Lifecycle
from fanio._client.link import Link, LinkError
from fanio._client.loop_connections import LoopConnections
from fanio._client.namespaces import Namespaces
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
#: Seconds for which the client waits for running ``connect`` handlers when it disconnects.
_HANDLER_TIMEOUT = 5.0
#: Objects of the parent process, in a forked process. They are kept so that they are never freed.
_inherited: list[object] = []


class Connector:
    """Opens the connection of one client and keeps it open."""

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
        """Connect the parts of the client; nothing is opened yet."""
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
        self._connections: LoopConnections | None = None
        self._make_options: Callable[[], Awaitable[dict[str, object]]] | None = None
        self._make_auth: Callable[[], Awaitable[Any]] | None = None
        self._wait_timeout: float | None = 1.0
        self._connecting = False
        self._interrupted = False
        #: Ends with the last attempt to connect; None while there is neither a connection nor an attempt.
        self._finished: asyncio.Future[None] | None = None
        self.loop = ClientLoop(self.loop_ended)
        #: Called when neither a connection nor an attempt to connect is left.
        self.on_finish: Callable[[], None] = lambda: None
        #: Called after ``on_finish`` if the reason is the end of the event loop, so that no handler could run.
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
            make_options: Returns the core's options; called for each attempt.
            make_auth: Returns the data of the CONNECT packets; called for each attempt.
            names: The namespaces.
            wait: Whether to wait until the server has answered for each of them.
            wait_timeout: Seconds to wait for these answers.
            retry: Whether to try again if the first attempt fails.

        Raises:
            ConnectionError: When the client could not connect.
            RuntimeError: When the client belongs to another event loop that is running.
        """
        self.loop.enter()
        await self._stop_retrying()
        self._connecting = True
        self._make_options, self._make_auth, self._namespaces.names = make_options, make_auth, names
        self._wait_timeout = wait_timeout
        self._state.is_ending = False
        try:
            self._begin()
            await self._first_attempt(wait=wait, retry=retry)
        finally:
            self._connecting = False

    async def _first_attempt(self, *, wait: bool, retry: bool) -> None:
        try:
            await self._attempt(wait, self._wait_timeout)
        except NotConnectedError:
            if retry and not self._state.is_ending and self._state.link is None and await self._retried():
                return
            await self.disconnect()
            raise
        except BaseException:
            self._cancel_connect()
            raise

    @property
    def _is_loop_ending(self) -> bool:
        return self._connections is not None and self._connections.is_ending

    async def _retried(self) -> bool:
        """Try again as after a lost connection; return whether the client has connected."""
        self._start_retrying()
        retrying = self._state.retrying
        try:
            return retrying is not None and await asyncio.shield(retrying)
        except asyncio.CancelledError:
            if retrying is not None and not retrying.done():
                # The caller of connect() was cancelled, so nothing waits for the connection.
                await self.disconnect()
            raise

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        self._tasks.bind(loop)
        self._interrupted = False
        if self._finished is None:
            self._finished = loop.create_future()
        if self._connections is None:
            self._connections = LoopConnections.of(loop)
            self._connections.hold(self)

    async def _attempt(self, wait: bool, wait_timeout: float | None) -> None:
        state, namespaces = self._state, self._namespaces
        namespaces.reset()
        if self._make_options is None or self._make_auth is None or self._connections is None:
            msg = "connect() was not called"
            raise NotConnectedError(msg)
        packets = self._codec if isinstance(self._codec, ClientPacketCodec) else None
        try:
            options = await self._make_options()
        except NotConnectedError as error:
            await self._tell_all("connect_error", str(error))
            raise
        # Before the link exists, because a server may accept a namespace before it gets the CONNECT packet.
        answered = namespaces.expect()
        link = state.link = Link(self._connections, self, options, packets)
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

    # Packets of the server

    def packet(self, kind: int, namespace: str, *data: Any) -> None:
        """Handle a packet."""
        if kind == _core.EVENT:
            # Events that arrive after disconnect() are dropped, as in the JavaScript client.
            if not self._state.is_ending:
                self._dispatcher.event(namespace, *data)
        elif kind == _core.ACK:
            self._dispatcher.ack(namespace, *data)
        else:
            self._namespaces.packet(kind, namespace, *data)

    # The end of a connection

    def lost(self, link: Link, reason: str, detail: str) -> None:
        """Handle the loss of the link."""
        state = self._state
        if link is not state.link:
            return
        self._logger.info("Engine.IO connection dropped: %s%s", reason, f" ({detail})" if detail else "")
        # While the client connects, _attempt() decides what happens next.
        is_made = state.connected or state.is_ending
        again = self._reconnection.enabled and not state.is_ending and bool(state.wanted)
        self._end_namespaces(reason, final=is_made and not again)
        if is_made:
            self._tasks.start(self._after_loss(again=again))

    def _end_namespaces(self, reason: str, *, final: bool) -> None:
        """Tell the other parts of the client that the link has ended."""
        state = self._state
        gone, state.namespaces = list(state.namespaces), {}
        state.link = state.sid = None
        state.connected = False
        self._namespaces.settle(granted=False)
        self._outgoing.lost()
        self._dispatcher.lost()
        self._lifecycle.end(gone, reason, final=final)

    async def _after_loss(self, *, again: bool) -> None:
        await self._lifecycle.idle(0 if again else _HANDLER_TIMEOUT)
        if self._state.link is not None:
            return
        if not again:
            self._finish()
        elif self._state.is_ending:
            await self._give_up()
        else:
            self._start_retrying()

    def _abort_link(self) -> None:
        """End the link without notifying the server."""
        link = self._state.link
        if link is not None:
            link.abort()
            self._end_namespaces(_CLIENT_DISCONNECT, final=False)

    def loop_ended(self) -> None:
        """Drop everything after the end of the event loop. No handler can run, and no task can go on."""
        state = self._state
        link, retrying = state.link, state.retrying
        state.is_ending, state.connected = True, False
        state.link = state.sid = state.retrying = None
        state.namespaces = {}
        if self.loop.is_inherited:
            # The threads run in the parent process, and may hold locks. The objects must not be used or freed.
            _inherited.append((link, self._connections, retrying))
            self._connections = None
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
        connections, self._connections = self._connections, None
        if connections is not None:
            connections.release(self)
        self._tasks.unbind()
        self.loop.release()
        over, self._finished = self._finished, None
        if over is not None:
            settle(over)
        self.on_finish()

    # Reconnecting

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
        while not self._state.is_ending:
            # Namespaces that the server has refused or ended are not requested again.
            self._namespaces.names = [name for name in self._namespaces.names if name in self._state.wanted]
            if 0 < self._reconnection.attempts <= backoff.attempts:
                self._logger.info("Maximum reconnection attempts reached, giving up")
                await self._tell_all("reconnect_failed")
                break
            delay = backoff.next()
            self._logger.info("Connection failed, new attempt in %.02f seconds", delay)
            await asyncio.sleep(delay)
            await self._tell_all("reconnect_attempt", backoff.attempts)
            if self._state.is_ending:
                break
            if self._state.link is not None:
                return True  # the handler has called connect()
            error = await self._try_again()
            if error is None:
                self._logger.info("Reconnection successful")
                await self._tell_all("reconnect", backoff.attempts)
                return True
            await self._tell_all("reconnect_error", error)
            if self._state.link is not None:
                return True
            if not self._state.wanted:
                break  # the server has refused every namespace
        await self._give_up()
        return False

    async def _try_again(self) -> Exception | None:
        try:
            # A loaded server may need longer than the timeout of the first attempt.
            timeout = self._wait_timeout
            await self._attempt(wait=True, wait_timeout=None if timeout is None else max(timeout, 5.0))
        except (NotConnectedError, ValueError, TypeError, OSError) as error:
            if self._state.namespaces and self._state.refused:
                return None  # the other namespaces are connected again
            self._abort_link()
            return error
        return None

    async def _give_up(self) -> None:
        if self._finished is None:
            return  # a handler has called disconnect()
        for name in self._namespaces.names:
            self._lifecycle.begin_final(name)
        await self._lifecycle.idle(_HANDLER_TIMEOUT)
        self._finish()

    async def _stop_retrying(self) -> None:
        task = self._state.retrying
        if task is None or task.done() or task is asyncio.current_task():
            return
        task.cancel()
        await asyncio.wait([task])
        self._abort_link()

    # Calls of the application

    async def disconnect(self, *, abort: bool = False) -> None:
        """Leave every namespace, send waiting packets, and close the connection; may be called on any event loop."""
        self.loop.leave_if_stopped()
        if self.loop.is_elsewhere:
            await self.loop.run(self.disconnect(abort=abort))
            return
        await self._disconnect(abort=abort)
        # The task of LoopConnections ends in this iteration of the event loop.
        await asyncio.sleep(0)

    async def _disconnect(self, *, abort: bool) -> None:
        self._state.is_ending = True
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
            await self._lifecycle.idle(_HANDLER_TIMEOUT)

    def _close(self, link: Link, *, abort: bool) -> None:
        for name in self._state.namespaces:
            self._recovery.forget(name)
        if abort:
            link.core.abort()
        else:
            link.core.close(list(self._state.namespaces))

    async def _finish_when_idle(self) -> None:
        if self._finished is not None and not self._lifecycle.is_in_handler:
            await self._lifecycle.idle(_HANDLER_TIMEOUT)
            if self._state.link is None:
                self._finish()

    def _cancel_connect(self) -> None:
        """End the connection at once, because the caller of ``connect`` was cancelled."""
        if self._is_loop_ending:
            self.loop_ended()
            return
        self._state.is_ending = True
        self._abort_link()
        if self._lifecycle.is_idle:
            self._finish()
        else:
            self._tasks.start(self._after_loss(again=False))

    async def interrupt(self) -> None:
        """Disconnect because the application ends. Calls of ``wait`` do not return; they are cancelled with it."""
        self._interrupted = True
        await self.disconnect()

    async def wait(self) -> None:
        """Wait until neither a connection nor an attempt to connect is left; may be called on any event loop."""
        if self.loop.is_elsewhere:
            await self.loop.run(self.wait())
            return
        if self._finished is not None:
            await asyncio.shield(self._finished)
        if self._interrupted:
            await asyncio.get_running_loop().create_future()

    @property
    def is_active(self) -> bool:
        """Whether there is a connection or an attempt to connect."""
        return self._finished is not None

    @property
    def is_connecting(self) -> bool:
        """Whether ``connect`` is running."""
        return self._connecting
