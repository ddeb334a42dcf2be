"""Acknowledgements a client waits for: each comes to exactly one end.

A value, a timeout, or the loss of the connection; whichever is first takes the entry out.
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
    """Somebody who waits for an acknowledgement."""

    __slots__ = ("fail", "succeed", "timer")

    def __init__(self, succeed: Callable[[list[Any]], None], fail: Callable[[Exception], None]) -> None:
        """Call ``succeed`` with the arguments, or ``fail`` with the reason why there are none."""
        self.succeed = succeed
        self.fail = fail
        self.timer: asyncio.TimerHandle | None = None


class PendingAcks:
    """The acknowledgements of one client, by namespace and number."""

    def __init__(self) -> None:
        """Start with none."""
        # From 1, as python-socketio's client numbers them.
        self._numbers = itertools.count(1)
        self._waiting: dict[tuple[str, int], PendingAck] = {}

    def __len__(self) -> int:
        """Return how many are outstanding."""
        return len(self._waiting)

    def expect(
        self,
        namespace: str,
        ack: PendingAck,
        timeout: float | None,
        on_timeout: Callable[[int], None],
    ) -> int:
        """Return the number to send.

        Args:
            namespace: Where the event goes.
            ack: Who waits.
            timeout: Seconds from now; None waits as long as the connection lasts.
            on_timeout: Called with the number when they are over, before ``ack`` hears of it.
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
        """Hand an answer over; False when nobody waits for it."""
        ack = self._take(namespace, number)
        if ack is None:
            return False
        ack.succeed(args)
        return True

    def forget(self, namespace: str, number: int) -> None:
        """Nobody waits for this one any more."""
        self._take(namespace, number)

    def forget_all(self) -> None:
        """Nobody waits any more."""
        for key in list(self._waiting):
            self._take(*key)

    def cancel(self, ack: PendingAck, on_cancel: Callable[[int], None]) -> None:
        """Strike off whoever does not wait any more; ``on_cancel`` gets the number."""
        for (namespace, number), known in list(self._waiting.items()):
            if known is ack:
                self._take(namespace, number)
                on_cancel(number)

    def lose(self, namespaces: Iterable[str] | None = None, keep: Iterable[int] = ()) -> None:
        """End what was sent over a connection that is gone.

        Args:
            namespaces: Only these; None means all.
            keep: Numbers that were not sent yet.
        """
        kept = set(keep)
        wanted = None if namespaces is None else set(namespaces)
        gone = [key for key in self._waiting if key[1] not in kept and (wanted is None or key[0] in wanted)]
        for key in gone:
            ack = self._take(*key)
            if ack is not None:
                ack.fail(AckLostError("the connection was lost before the server acknowledged"))
