"""The namespaces of a client's connection: asked for, granted, refused, ended by the server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fanio import _core
from fanio._client.futures import settle
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
    """Joins the namespaces of one client, and hears what the server says of them."""

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
        """Take the collaborators."""
        self._state = state
        self._dispatcher = dispatcher
        self._outgoing = outgoing
        self._recovery = recovery
        self._codec = codec
        self._lifecycle = lifecycle
        self._logger = logger
        #: Those that are asked for.
        self.names: list[str] = []
        #: True when the server has granted every namespace, False when it will not.
        self._answered: asyncio.Future[bool] | None = None

    # Asking

    def reset(self) -> None:
        """Begin an attempt: nothing is there yet."""
        state = self._state
        # New ones, as python-socketio's: a program may have kept the old.
        state.namespaces, state.refused = {}, {}
        state.wanted = set(self.names)

    def expect(self) -> asyncio.Future[bool]:
        """Return what tells whether the server grants them; from now on it may answer."""
        self._answered = asyncio.get_running_loop().create_future()
        return self._answered

    def join(self, link: Link, auth: Any) -> None:
        """Ask for each of them, with this data."""
        for name in self.names:
            link.core.join(name, self._connect_data(name, auth))

    def _connect_data(self, name: str, auth: Any) -> Payload:
        data = self._recovery.auth(name, auth) if isinstance(auth, dict) else auth
        return self._codec.encode_object(data, CONNECT, name) if data else b""

    async def joined(self, link: Link, answered: asyncio.Future[bool], timeout: float | None) -> None:
        """Wait until the server has answered for each, and the handlers of that have run.

        Raises:
            ConnectionError: When it has not granted them in ``timeout`` seconds.
        """
        # Not `wait_for`, which loses a cancellation that comes with the answer (before Python 3.12).
        await asyncio.wait([answered], timeout=timeout)
        # They have run when connect() returns, unless they take long.
        await self._lifecycle.connected(timeout)
        # It may be lost again by now: then it is made again, or has ended, like any other.
        if not answered.done() or not answered.result():
            raise self.error(link)

    def error(self, link: Link) -> NotConnectedError:
        """Return the error that says why the namespaces of a link are not all there."""
        refused = self._state.refused
        return NotConnectedError(self._why_not(link), refusals=refused)

    def _why_not(self, link: Link) -> str:
        if self._state.refused:
            return "One or more namespaces failed to connect: " + ", ".join(self._state.refused)
        if self._state.leaving:
            return "the client was disconnected before the namespaces were connected"
        if link.ended.done():
            return "the connection was lost before the namespaces were connected"
        return "Unexpected connection error: the server did not answer for every namespace in time"

    def settle(self, *, granted: bool) -> None:
        """Say that the server has granted all of them, or will not."""
        if self._answered is not None:
            settle(self._answered, granted)

    # What the server says

    def packet(self, kind: int, name: str, *data: Any) -> None:
        """Take a packet that grants, refuses or ends a namespace."""
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
        # What was emitted before goes first, then what the handler emits.
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
            # Nobody waits for the answer who would end a connection without a namespace.
            state.connected = False
            state.leaving = True
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
        """The server ends a namespace: it does not come back by itself."""
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
            state.leaving = True
        self._lifecycle.end([name], _SERVER_DISCONNECT, final=True)
        if last and state.link is not None:
            state.link.core.close([])
