"""The namespaces of a client: requests them, and handles the server's CONNECT, CONNECT_ERROR and DISCONNECT."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._client.client_loop import settle
from fanio._codec.packet import CONNECT
from fanio.exceptions import ConnectionError as NotConnectedError

if TYPE_CHECKING:
    import logging

    from fanio._client.dispatch import ClientDispatcher
    from fanio._client.lifecycle import Lifecycle
    from fanio._client.link import Link
    from fanio._client.outgoing import Outgoing
    from fanio._client.recovery import Recovery
    from fanio._client.state import State
    from fanio._codec.codec import PacketCodec
    from fanio.types import Payload

__all__ = ["Namespaces"]

_SERVER_DISCONNECT = "server disconnect"


class Namespaces:
    """Joins the namespaces of one client, and handles the server's packets about them."""

    def __init__(
        self,
        state: State,
        dispatcher: ClientDispatcher,
        outgoing: Outgoing,
        recovery: Recovery,
        codec: PacketCodec,
        lifecycle: Lifecycle,
        logger: logging.Logger,
    ) -> None:
        """Connect the parts of the client."""
        self._state = state
        self._dispatcher = dispatcher
        self._outgoing = outgoing
        self._recovery = recovery
        self._codec = codec
        self._lifecycle = lifecycle
        self._logger = logger
        #: The requested namespaces.
        self.names: list[str] = []
        #: The result is True when the server has accepted every namespace, False when it will not.
        self._answered: asyncio.Future[bool] | None = None

    # Requests

    def reset(self) -> None:
        """Begin an attempt to connect: no namespace is connected yet."""
        state = self._state
        # New dictionaries, as in python-socketio, because the application may have kept the old ones.
        state.namespaces, state.refused = {}, {}
        state.wanted = set(self.names)

    def expect(self) -> asyncio.Future[bool]:
        """Return the future that says whether the server accepts every namespace."""
        self._answered = asyncio.get_running_loop().create_future()
        return self._answered

    def join(self, link: Link, auth: Any) -> None:
        """Send a CONNECT packet with this data for each namespace."""
        for name in self.names:
            link.core.join(name, self._connect_data(name, auth))

    def _connect_data(self, name: str, auth: Any) -> Payload:
        data = self._recovery.auth(name, auth) if isinstance(auth, dict) else auth
        return self._codec.encode_object(data, CONNECT, name) if data else b""

    async def joined(self, link: Link, answered: asyncio.Future[bool], timeout: float | None) -> None:
        """Wait until the server has answered for every namespace and the handlers for the answers have run.

        Raises:
            ConnectionError: When the server has not accepted all of them in ``timeout`` seconds.
        """
        # Before Python 3.12, `wait_for` loses a cancellation that comes at the same time as the answer.
        await asyncio.wait([answered], timeout=timeout)
        # connect() returns after the handlers have run, unless they take longer than the timeout.
        await self._lifecycle.connected(timeout)
        # If the connection is lost by now, it is handled like any other loss.
        if not answered.done() or not answered.result():
            raise self.error(link)

    def error(self, link: Link) -> NotConnectedError:
        """Return an exception that says why the namespaces of a link are not all connected."""
        refused = self._state.refused
        return NotConnectedError(self._why_not(link), refusals=refused)

    def _why_not(self, link: Link) -> str:
        if self._state.refused:
            return "One or more namespaces failed to connect: " + ", ".join(self._state.refused)
        if self._state.is_ending:
            return "the client was disconnected before the namespaces were connected"
        if link.ended.done():
            return "the connection was lost before the namespaces were connected"
        return "Unexpected connection error: the server did not answer for every namespace in time"

    def settle(self, *, granted: bool) -> None:
        """Set the future that ``expect`` has returned."""
        if self._answered is not None:
            settle(self._answered, granted)

    # Answers of the server

    def packet(self, kind: int, name: str, *data: Any) -> None:
        """Handle a packet that accepts, refuses or ends a namespace."""
        if name not in self._state.wanted:
            return
        if kind == _core.CONNECT:
            self._granted(name, self._loads(data[0]))
        elif kind == _core.CONNECT_ERROR:
            self._refused(name, self._loads(data[0]))
        elif kind == _core.DISCONNECT:
            self._dismissed(name)

    def _loads(self, data: Any) -> Any:
        try:
            return self._codec.loads(data) if data else None
        except ValueError:
            return None

    def _granted(self, name: str, data: Any) -> None:
        if name in self._state.namespaces:
            return
        found = data if isinstance(data, dict) else {}
        self._logger.info("Namespace %s is connected", name)
        self._state.namespaces[name] = found.get("sid", self._state.sid)
        self._recovery.granted(name, found.get("pid"))
        self._check_answered()
        # Events that were emitted before are sent first, then those that the handler emits.
        self._outgoing.granted(name)
        self._lifecycle.begin("connect", name)
        self._dispatcher.replay(name)

    def _refused(self, name: str, data: Any) -> None:
        state = self._state
        self._logger.info("Connection to namespace %s was rejected", name)
        state.wanted.discard(name)
        state.refused[name] = data
        self._recovery.forget(name)
        self._outgoing.give_up(name)
        if name in state.namespaces:
            del state.namespaces[name]
            self._lifecycle.end([name], _SERVER_DISCONNECT, final=False)
        self._lifecycle.begin("connect_error", name, *(() if data is None else (data,)))
        self._check_answered()
        if not state.wanted and state.connected and state.link is not None:
            # The connection has no namespace left, and no connect() is running that would close it.
            state.connected = False
            state.is_ending = True
            self._lifecycle.begin_final(name)
            state.link.core.close([])

    def _check_answered(self) -> None:
        state = self._state
        if len(state.namespaces) + len(state.refused) < len(self.names):
            return
        if not state.refused or (state.namespaces and state.retrying is not None):
            state.connected = True
        self.settle(granted=not state.refused)

    def _dismissed(self, name: str) -> None:
        """Handle a DISCONNECT packet. The client does not reconnect to this namespace."""
        state = self._state
        if name not in state.namespaces:
            return
        state.wanted.discard(name)
        del state.namespaces[name]
        self._recovery.forget(name)
        self._outgoing.give_up(name)
        last = not state.namespaces
        if last:
            state.connected = False
            state.is_ending = True
        self._lifecycle.end([name], _SERVER_DISCONNECT, final=True)
        if last and state.link is not None:
            state.link.core.close([])
