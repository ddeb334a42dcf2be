"""A task that handles one event after another, as long as their handlers do not wait.

Making a task costs more than everything else for an event whose handler never waits. While an event is handled, the
worker's task is the current task, and the event has a context of its own. If a handler waits, it keeps the task, which
is then an ordinary task. The same happens if the handler has left a trace on the task that the next event could see: a
reference, a callback, a name, a cancellation.

This relies on asyncio's interface for other task implementations ("Extending asyncio"), and on the protocol between a
task and the future for which it waits.
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

__all__ = ["HANDLED", "Carrier", "Serve", "SingleEvent", "Worker", "awaited"]

_Change: TypeAlias = Callable[[asyncio.AbstractEventLoop, "asyncio.Task[None]"], None]
_enter: _Change = asyncio.tasks._enter_task
_leave: _Change = asyncio.tasks._leave_task

#: Yielded when an event is handled.
HANDLED: Any = object()
#: Means that there is no yielded object. No coroutine yields it.
_NOTHING: Any = object()
#: Makes a task run its first step immediately.
_AT_ONCE: Any = {"eager_start": True} if sys.version_info >= (3, 12) else {}


class Carrier(Protocol):
    """The object that passes events to ``serve``."""

    #: The event, in the form that ``serve`` expects.
    item: Any
    task: asyncio.Task[None]
    #: Whether the event's handler waits, or has waited.
    has_waited: bool
    #: Whether no other event will follow.
    is_last: bool


class Serve(Protocol):
    """A generator function that handles ``carrier.item``, yields ``HANDLED``, and repeats this until the last event.

    It must be made with ``types.coroutine``, because an ``async def`` cannot yield an object to the task.
    """

    __qualname__: str

    def __call__(self, carrier: Carrier, /) -> Any:
        """Return the coroutine."""


async def awaited(result: Awaitable[Any]) -> Any:
    """Await an object that is not a coroutine; ``yield from`` accepts only coroutines."""
    return await result


class SingleEvent:
    """Carries one event, for a task that handles no other."""

    __slots__ = ("has_waited", "is_last", "item", "task")

    def __init__(self, item: Any) -> None:
        """Carry ``item``. The caller sets ``task``, and ``has_waited`` if the task has not ended at once."""
        self.item = item
        self.task: asyncio.Task[None]
        self.has_waited, self.is_last = False, True


class Task(asyncio.Task[None]):
    """A worker's task. It notes changes that the next event could see, and has the context of the present event."""

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, which the next event must not see."""
        super().__setattr__(name, value)
        self._mark()

    def set_name(self, value: object, /) -> None:
        """Set the name, which the next event must not see."""
        super().set_name(value)
        self._mark()

    def add_done_callback(self, function: Callable[..., object], /, **context: Any) -> None:
        """Add a callback, which must run at the end of this event."""
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
    return property(lambda worker: getattr(worker._runner, name))


def _state(worker: Worker) -> str:
    # Generators and coroutines have different names for the same states.
    return str(worker._runner.gi_state).replace("GEN_", "CORO_")


class Worker(Coroutine[Any, Any, None]):
    """The coroutine of the task, and also the future for which the task waits between events."""

    __slots__ = (
        "__qualname__",
        "_asyncio_future_blocking",
        "_error",
        "_loop",
        "_runner",
        "_send",
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
        # A part of asyncio's future protocol: the task waits for this object.
        self._asyncio_future_blocking = True
        self._loop = loop
        self._runner = serve(self)
        self._send = self._runner.send
        #: The context of the event that is handled.
        self.context: Context | None = None
        #: Whether the handler has changed the task.
        self.is_marked = False
        # The object that an event's coroutine has yielded, until the task takes it.
        self._yielded = _NOTHING
        self._error: BaseException | None = None
        # The function that steps the task, once the task waits for this object.
        self._wake: Callable[[Worker], None] | None = None
        self.item: Any = None
        self.has_waited = False
        self.is_last = False
        #: asyncio shows this name for the task.
        self.__qualname__ = serve.__qualname__
        self.task: asyncio.Task[None] = Task(self, loop=loop, **_AT_ONCE)
        # The number of weak references that asyncio itself has.
        self._weak_references = getweakrefcount(self.task)
        self._warn_of_loss(False)

    def run(self, item: Any) -> bool:
        """Handle an event until its handler waits or ends; return whether it waits, and so keeps the task.

        A waiting event continues after ``go_on``, so that the caller can count it before.

        Raises:
            RuntimeError: When another task is running. The event is not handled then.
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
        # Whether the event has failed, or the handler has left a trace on the task.
        if (
            self._error is not None
            or self.is_marked
            or getrefcount(task) != references
            or getweakrefcount(task) != self._weak_references
        ):
            self._end()
        return False

    def _warn_of_loss(self, is_wanted: bool) -> None:
        """Set whether asyncio complains if the event loop ends before the task."""
        object.__setattr__(self.task, "_log_destroy_pending", is_wanted)

    def _end(self) -> None:
        self.is_last = True
        self.go_on()

    def stop(self) -> None:
        """End the task, unless an event has kept it."""
        loop = self._loop
        # If the loop runs elsewhere, this process was forked, and the loop is the parent's.
        runs_elsewhere = loop.is_running() and loop is not asyncio._get_running_loop()
        if not self.is_last and not loop.is_closed() and not runs_elsewhere:
            self.is_last = True
            self._loop.call_soon(self.go_on)

    def go_on(self) -> None:
        """Wake the task. If it has not made its first step yet, that step does the same."""
        wake, self._wake = self._wake, None
        if wake is not None:
            wake(self)
        else:
            # Until the task's first step, other code may wait for the yielded future.
            _block(self._yielded, False)

    # The interface of a coroutine, which the task runs

    def send(self, value: Any) -> Any:
        """Continue the event that has kept the task. Without one, make the task wait for this object."""
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
        """Raise an exception, such as a cancellation, in the event that has kept the task."""
        if not self.has_waited:
            self.is_last = True
            raise self._let_go() or _exception(*error)
        yielded, self._yielded = self._yielded, _NOTHING
        # The task was cancelled before it had the yielded future, so that future is cancelled here.
        if yielded is not None and yielded is not _NOTHING and yielded.cancel():
            return _block(yielded)
        try:
            return self.context.run(self._runner.throw, _exception(*error))  # type: ignore[union-attr]
        except BaseException:
            self._let_go()
            raise

    def _let_go(self) -> BaseException | None:
        """Drop the references that would keep the task and its event alive; return the exception of the event."""
        error, self._error = self._error, None
        self._runner.close()
        self.item = self._wake = None
        self.task = None  # type: ignore[assignment]
        return error

    def close(self) -> None:
        """Close the event that has kept the task."""
        self._runner.close()

    def __await__(self) -> Any:
        """Raise, because only the task may step a worker."""
        msg = "a worker is run by its own task"
        raise RuntimeError(msg)

    # Attributes of a coroutine that debuggers and libraries read. `__getattr__` would slow down all other attributes.
    cr_await, cr_code, cr_frame, cr_running, cr_suspended = map(
        _of_serving, ("gi_yieldfrom", "gi_code", "gi_frame", "gi_running", "gi_suspended")
    )
    cr_origin = None
    if sys.version_info >= (3, 15):
        cr_state = property(_state)

    # The interface of a future, for which the task waits

    def get_loop(self) -> asyncio.AbstractEventLoop:
        """Return the loop, as a future does."""
        return self._loop

    def add_done_callback(self, wake: Callable[[Worker], None], *, context: Context | None = None) -> None:
        """Keep the function that steps the task, as a future does."""
        self._wake = wake

    def result(self) -> None:
        """Return None, the result with which the task continues."""

    def cancel(self, msg: Any = None) -> bool:
        """Leave a cancellation to the task; end a task that has no event."""
        if not self.is_last and asyncio.current_task(self._loop) is not self.task:
            self.stop()
        return False


def _block(yielded: Any, is_blocking: bool = True) -> Any:
    """Set whether the task waits for the yielded future, in asyncio's future protocol; return the future."""
    if getattr(yielded, "_asyncio_future_blocking", None) is not None:
        yielded._asyncio_future_blocking = is_blocking
    return yielded


def _exception(kind: Any, value: Any = None, _traceback: Any = None) -> BaseException:
    """Return the exception for the arguments of ``throw``, which has two forms."""
    if isinstance(kind, BaseException):
        return kind
    found: BaseException = value if isinstance(value, BaseException) else kind() if value is None else kind(value)
    return found
