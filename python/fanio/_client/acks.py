"""Acknowledgements for which a client waits.

Each one ends exactly once: with the server's answer, with a timeout, or with the loss of the connection. The first of
these removes the entry.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from fanio.exceptions import AckLostError
from fanio.exceptions import TimeoutError as NoAnswerError

__all__ = ["PendingAck", "PendingAcks"]


class PendingAck:
    """A waiting ``call`` or callback."""

    __slots__ = ("fail", "succeed", "timer")

    def __init__(self, succeed: Callable[[list[Any]], None], fail: Callable[[Exception], None]) -> None:
        """Call ``succeed`` with the answer's arguments, or ``fail`` with an exception if there is no answer."""
        self.succeed = succeed
        self.fail = fail
        self.timer: asyncio.TimerHandle | None = None


class PendingAcks:
    """The acknowledgements of one client, by namespace and number."""

    def __init__(self) -> None:
        """Start without entries."""
        # From 1, as in python-socketio's client.
        self._numbers = itertools.count(1)
        self._waiting: dict[tuple[str, int], PendingAck] = {}

    def __len__(self) -> int:
        """Return the number of outstanding acknowledgements."""
        return len(self._waiting)

    def expect(
        self,
        namespace: str,
        ack: PendingAck,
        timeout: float | None,
        on_timeout: Callable[[int], None],
    ) -> int:
        """Add an entry; return the number to send with the event.

        Args:
            namespace: The namespace of the event.
            ack: Gets the answer or the failure.
            timeout: Seconds from now; None waits as long as the connection lasts.
            on_timeout: Called with the number after the timeout, before ``ack.fail``.
        """
        number = next(self._numbers)
        self._waiting[namespace, number] = ack
        if timeout is not None:
            loop = asyncio.get_running_loop()
            ack.timer = loop.call_later(timeout, self._expire, namespace, number, on_timeout)
        return number

    def _expire(self, namespace: str, number: int, on_timeout: Callable[[int], None]) -> None:
        ack = self._take(namespace, number)
        if ack is not None:
            on_timeout(number)
            ack.fail(NoAnswerError("the server did not acknowledge in time"))

    def _take(self, namespace: str, number: int) -> PendingAck | None:
        ack = self._waiting.pop((namespace, number), None)
        if ack is not None and ack.timer is not None:
            ack.timer.cancel()
        return ack

    def deliver(self, namespace: str, number: int, args: list[Any]) -> bool:
        """Pass an answer to its entry; return False if there is no entry for it."""
        ack = self._take(namespace, number)
        if ack is None:
            return False
        ack.succeed(args)
        return True

    def forget(self, namespace: str, number: int) -> None:
        """Remove an entry without an answer."""
        self._take(namespace, number)

    def forget_all(self) -> None:
        """Remove all entries without an answer."""
        for key in list(self._waiting):
            self._take(*key)

    def cancel(self, ack: PendingAck, on_cancel: Callable[[int], None]) -> None:
        """Remove the entry of ``ack``; call ``on_cancel`` with its number."""
        for (namespace, number), known in list(self._waiting.items()):
            if known is ack:
                self._take(namespace, number)
                on_cancel(number)

    def lose(self, namespaces: Iterable[str] | None = None, keep: Iterable[int] = ()) -> None:
        """Fail the entries whose events were sent over a lost connection.

        Args:
            namespaces: Only the entries of these namespaces; None is all.
            keep: Numbers of events that were not sent yet.
        """
        kept = set(keep)
        wanted = None if namespaces is None else set(namespaces)
        gone = [key for key in self._waiting if key[1] not in kept and (wanted is None or key[0] in wanted)]
        for key in gone:
            ack = self._take(*key)
            if ack is not None:
                ack.fail(AckLostError("the connection was lost before the server acknowledged"))
