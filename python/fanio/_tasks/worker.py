"""A task that handles one event after another, for as long as their handlers do not wait.

Making a task costs more than all the rest of an event whose handler never waits. The worker's
task is the current one while an event is handled, and each event has a context of its own. A
handler that waits keeps the task, which is then like any other; so does one that has left a
trace on it: a reference, a callback, a name, a cancellation.

Stands on what asyncio offers to tasks of other makes ("Extending asyncio"), and on the protocol
between a task and what it waits for.
"""

from __future__ import annotations

import asyncio
import asyncio.tasks
import sys
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, copy_context
from sys import getrefcount
from typing import Any, Protocol, TypeAlias
from weakref import getweakrefcount

__all__ = ["HANDLED", "Alone", "Carrier", "Serve", "Worker", "awaited"]

_Change: TypeAlias = Callable[[asyncio.AbstractEventLoop, "asyncio.Task[None]"], None]
_enter: _Change = asyncio.tasks._enter_task
_leave: _Change = asyncio.tasks._leave_task

#: Yielded when an event is handled.
HANDLED: Any = object()
#: Stands for nothing: no coroutine yields it.
_NOTHING: Any = object()
#: Has a task take its first step where it is made.
_AT_ONCE: Any = {"eager_start": True} if sys.version_info >= (3, 12) else {}


class Carrier(Protocol):
    """What an event is handled on."""

    #: The event: what ``serve`` makes of it is its own affair.
    item: Any
    task: asyncio.Task[None]
    #: Whether its handler waits, or has waited.
    has_waited: bool
    #: Whether there will be no other event.
    is_last: bool


class Serve(Protocol):
    """Handles ``carrier.item``, then yields ``HANDLED`` until the next one is there, unless it was the last.

    Made with ``types.coroutine``: an ``async def`` cannot yield without another coroutine to do it.
    """

    __qualname__: str

    def __call__(self, carrier: Carrier, /) -> Any:
        """Return the coroutine."""


async def awaited(result: Awaitable[Any]) -> Any:
    """Await what is no coroutine; ``yield from`` takes nothing else."""
    return await result


class Alone:
    """Carries one event, in the task that awaits ``serve``."""

    __slots__ = ("has_waited", "is_last", "item", "task")

    def __init__(self, item: Any) -> None:
        """Carry ``item``; who gives it a task of its own says so afterwards."""
        self.item = item
        self.task: asyncio.Task[None]
        self.has_waited, self.is_last = False, True


class Task(asyncio.Task[None]):
    """A worker's task, which tells it when it is marked, and whose context is the event's."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, which the next event must not find."""
        super().__setattr__(name, value)
        self._mark()

    def set_name(self, value: object, /) -> None:
        """Set the name, which the next event must not have."""
        super().set_name(value)
        self._mark()

    def add_done_callback(self, function: Callable[..., object], /, **context: Any) -> None:
        """Have a function called at the end, which must be this event's."""
        super().add_done_callback(function, **context)
        self._mark()

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the event that is handled, and no other."""
        self._mark()
        return super().cancel(msg)

    def _mark(self) -> None:
        self.get_coro().is_marked = True  # type: ignore[union-attr]

    def get_context(self) -> Context:
        """Return the context of the event that is handled."""
        return self.get_coro().context  # type: ignore[no-any-return, union-attr]


def _of_serving(name: str) -> Any:
    return property(lambda worker: getattr(worker._serving, name))


def _state(worker: Worker) -> str:
    # The other word for the same.
    return str(worker._serving.gi_state).replace("GEN_", "CORO_")


class Worker(Coroutine[Any, Any, None]):
    """The coroutine of the task, and what the task waits for until an event keeps it."""

    __slots__ = (
        "__qualname__",
        "_asyncio_future_blocking",
        "_error",
        "_loop",
        "_send",
        "_serving",
        "_wake",
        "_weak_references",
        "_yielded",
        "context",
        "has_waited",
        "is_last",
        "is_marked",
        "item",
        "task",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop, serve: Serve) -> None:
        """Make the task on this loop."""
        # That the task waits for this object; asyncio writes it.
        self._asyncio_future_blocking = True
        self._loop = loop
        self._serving = serve(self)
        self._send = self._serving.send
        #: The event's, while it is handled.
        self.context: Context | None = None
        self.is_marked = False
        # What was yielded to a task that has not taken it yet.
        self._yielded = _NOTHING
        self._error: BaseException | None = None
        # Steps the task, once it waits for this object.
        self._wake: Callable[[Worker], None] | None = None
        self.item: Any = None
        self.has_waited = False
        self.is_last = False
        #: What asyncio shows of the task.
        self.__qualname__ = serve.__qualname__
        self.task: asyncio.Task[None] = Task(self, loop=loop, **_AT_ONCE)
        # Asyncio's.
        self._weak_references = getweakrefcount(self.task)
        self._warn_of_loss(False)

    def run(self, item: Any) -> bool:
        """Handle an event until it waits or is done; return whether it waits, and keeps the task.

        An event that waits goes on after ``go_on``: so the caller can note first that it waits.

        Raises:
            RuntimeError: When a task is running already: nothing has happened then.
        """
        task, context = self.task, copy_context()
        references = getrefcount(task)
        _enter(self._loop, task)
        self.item, self.context = item, context
        try:
            yielded = context.run(self._send, None)
        except BaseException as error:
            self._error, yielded = error, HANDLED
        finally:
            _leave(self._loop, task)
        if yielded is not HANDLED:
            self._yielded, self.has_waited, self.is_last = yielded, True, True
            self._warn_of_loss(True)
            return True
        self.context = None
        # Whether the event has ended badly, or anybody could tell that its task goes on.
        if (
            self._error is not None
            or self.is_marked
            or getrefcount(task) != references
            or getweakrefcount(task) != self._weak_references
        ):
            self._end()
        return False

    def _warn_of_loss(self, is_wanted: bool) -> None:
        """Say whether asyncio is to complain when the loop ends before the task."""
        object.__setattr__(self.task, "_log_destroy_pending", is_wanted)

    def _end(self) -> None:
        self.is_last = True
        self.go_on()

    def stop(self) -> None:
        """End the task, unless an event has kept it."""
        loop = self._loop
        # A loop that seems to run elsewhere is that of the process that this one was forked from.
        runs_elsewhere = loop.is_running() and loop is not asyncio._get_running_loop()
        if not self.is_last and not loop.is_closed() and not runs_elsewhere:
            self.is_last = True
            self._loop.call_soon(self.go_on)

    def go_on(self) -> None:
        """Have the task take what has happened; if its first step is still to come, that will."""
        wake, self._wake = self._wake, None
        if wake is not None:
            wake(self)
        else:
            # Somebody else may wait for the same until then.
            _block(self._yielded, False)

    # --- what the task runs ------------------------------------------------------------------------

    def send(self, value: Any) -> Any:
        """Go on with the event that has kept the task; without one, wait for it."""
        if self.has_waited:
            yielded, self._yielded = self._yielded, _NOTHING
            if yielded is not _NOTHING:
                return _block(yielded)
            try:
                return self.context.run(self._send, value)  # type: ignore[union-attr]
            except BaseException:
                self._let_go()
                raise
        if self.is_last:
            raise self._let_go() or StopIteration
        return self

    def throw(self, *error: Any) -> Any:
        """Raise an exception, a cancellation above all, in the event that has kept the task."""
        if not self.has_waited:
            self.is_last = True
            raise self._let_go() or _exception(*error)
        yielded, self._yielded = self._yielded, _NOTHING
        # Cancelled before the task knew what it waits for.
        if yielded is not None and yielded is not _NOTHING and yielded.cancel():
            return _block(yielded)
        try:
            return self.context.run(self._serving.throw, _exception(*error))  # type: ignore[union-attr]
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> BaseException | None:
        """Drop what would keep the task and its event alive after their end; return the error it ends with."""
        error, self._error = self._error, None
        self._serving.close()
        self.item = self._wake = None
        self.task = None  # type: ignore[assignment]
        return error

    def close(self) -> None:
        """Close the event that has kept the task."""
        self._serving.close()

    def __await__(self) -> Any:
        """Refuse: only the task steps a worker."""
        msg = "a worker is run by its own task"
        raise RuntimeError(msg)

    # What debuggers and libraries ask a coroutine. (`__getattr__` would make every other attribute slow.)
    cr_await, cr_code, cr_frame, cr_running, cr_suspended = map(
        _of_serving, ("gi_yieldfrom", "gi_code", "gi_frame", "gi_running", "gi_suspended")
    )
    cr_origin = None
    if sys.version_info >= (3, 15):
        cr_state = property(_state)

    # --- what the task waits for -------------------------------------------------------------------

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop, as a future does."""
        return self._loop

    def add_done_callback(self, wake: Callable[[Worker], None], *, context: Context | None = None) -> None:
        """Note how the task is stepped, as a future does."""
        self._wake = wake

    def result(self) -> None:
        """Return what the task goes on with: nothing."""

    def cancel(self, msg: Any = None) -> bool:
        """Leave a cancellation to the task, and see to it that a task without an event hears of it."""
        if not self.is_last and asyncio.current_task(self._loop) is not self.task:
            self.stop()
        return False


def _block(yielded: Any, is_blocking: bool = True) -> Any:
    """Say that the task is to wait for what was yielded, or is not yet; return that."""
    if getattr(yielded, "_asyncio_future_blocking", None) is not None:
        yielded._asyncio_future_blocking = is_blocking
    return yielded


def _exception(kind: Any, value: Any = None, _traceback: Any = None) -> BaseException:
    """Return the exception that was given to ``throw`` in either of its forms."""
    if isinstance(kind, BaseException):
        return kind
    found: BaseException = value if isinstance(value, BaseException) else kind() if value is None else kind(value)
    return found
