"""The loop of the sync clients: one thread for all of them, as long as one of them needs it.

Handlers do not run here but in threads of their own, so that they may wait.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import os
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextvars import Context, copy_context
from typing import Any, TypeAlias, TypeVar

from fanio.exceptions import DisconnectedError

__all__ = ["Background", "Workers"]

T = TypeVar("T")
#: A call and the future of its result.
_Work: TypeAlias = tuple["concurrent.futures.Future[Any]", Context, Callable[..., Any], Sequence[Any]]

#: How long a thread waits for another handler before it ends, in seconds.
_IDLE = 1.0


class Background:
    """The thread and its loop."""

    _lock = threading.Lock()
    _current: Background | None = None

    def __init__(self) -> None:
        """Use ``Background.hold``."""
        self._users = 0
        self._process = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.workers = Workers()
        self._thread = threading.Thread(target=self._run, name="fanio-clients", daemon=True)

    @property
    def is_inherited(self) -> bool:
        """Whether it runs in the process that this one was forked from, and not here."""
        return self._process != os.getpid()

    @classmethod
    def forget(cls) -> None:
        """Leave the parent's to the parent, in a process that was just forked."""
        cls._lock = threading.Lock()
        if cls._current is not None:
            _inherited.append(cls._current)
            cls._current = None

    @classmethod
    def hold(cls) -> Background:
        """Return the running loop, kept until ``release``."""
        with cls._lock:
            found = cls._current
            if found is None:
                found = cls._current = cls()
                found._thread.start()
            found._users += 1
            return found

    def release(self) -> None:
        """Let the thread end when nobody holds it any more."""
        with self._lock:
            self._users -= 1
            if self._users or Background._current is not self:
                return
            Background._current = None
        self.workers.close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        # What is due already is done, too.
        self.loop.run_until_complete(asyncio.gather(asyncio.sleep(0.01), *tasks, return_exceptions=True))
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return what it returns; the loop waits for it.

        Raises:
            DisconnectedError: When the loop has ended.
            RuntimeError: On the loop's own thread, which would wait for itself.
        """
        if threading.current_thread() is self._thread:
            coroutine.close()
            msg = "a sync client cannot be used in a coroutine of its own loop"
            raise RuntimeError(msg)
        with self._lock:
            if not self._users:
                coroutine.close()
                msg = "the client is disconnected"
                raise DisconnectedError(msg)
            self._users += 1
        future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise
        finally:
            self.release()

    def call(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        """Call a function of the program's in a thread; a coroutine function here."""
        if inspect.iscoroutinefunction(function):
            return function(*args)
        return self._in_thread(function, args)

    async def _in_thread(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        return await asyncio.wrap_future(self.workers.submit(function, args))


_inherited: list[Background] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=Background.forget)


class Workers:
    """Threads for handlers: as many as run at the same time, started in the order of the events."""

    def __init__(self) -> None:
        """Start none."""
        self._ready = threading.Condition()
        self._work: deque[_Work] = deque()
        self._idle = 0
        self._closed = False

    def submit(self, function: Callable[..., Any], args: Sequence[Any]) -> concurrent.futures.Future[Any]:
        """Call a function in a thread; the future gets its result."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        with self._ready:
            self._work.append((future, copy_context(), function, args))
            if self._idle >= len(self._work):
                self._ready.notify()
                return future
        threading.Thread(target=self._serve, name="fanio-handler", daemon=True).start()
        return future

    def close(self) -> None:
        """Let idle threads end, and others when they are done."""
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def _serve(self) -> None:
        while (found := self._next()) is not None:
            future, context, function, args = found
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = context.run(function, *args)
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)
            del found, future, context, function, args

    def _next(self) -> _Work | None:
        with self._ready:
            self._idle += 1
            try:
                self._ready.wait_for(lambda: self._work or self._closed, _IDLE)
                return self._work.popleft() if self._work else None
            finally:
                self._idle -= 1
