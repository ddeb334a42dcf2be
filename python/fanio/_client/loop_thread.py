"""The event loop of the sync clients: one thread for all of them, which ends with the last client.

Handlers run in other threads (``HandlerThreads``), so that they may block.
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

__all__ = ["LoopThread", "Workers"]

T = TypeVar("T")
#: The future of a call's result, its context, the function and its arguments.
_Work: TypeAlias = tuple["concurrent.futures.Future[Any]", Context, Callable[..., Any], Sequence[Any]]

#: Seconds for which an idle thread waits for another handler before it ends.
_IDLE = 1.0


class LoopThread:
    """The thread and its event loop."""

    _lock = threading.Lock()
    _current: LoopThread | None = None

    def __init__(self) -> None:
        """Do not call this; use ``LoopThread.hold``."""
        self._users = 0
        self._process = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.workers = Workers()
        self._thread = threading.Thread(target=self._run, name="fanio-clients", daemon=True)

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked, and the thread runs in the parent process."""
        return self._process != os.getpid()

    @classmethod
    def forget(cls) -> None:
        """Drop the parent's thread, in a process that was just forked."""
        cls._lock = threading.Lock()
        if cls._current is not None:
            _inherited.append(cls._current)
            cls._current = None

    @classmethod
    def hold(cls) -> LoopThread:
        """Return the running thread, starting it if necessary; it runs until each holder calls ``release``."""
        with cls._lock:
            found = cls._current
            if found is None:
                found = cls._current = cls()
                found._thread.start()
            found._users += 1
            return found

    def release(self) -> None:
        """End the thread if this was the last holder."""
        with self._lock:
            self._users -= 1
            if self._users or LoopThread._current is not self:
                return
            LoopThread._current = None
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
        # The short sleep lets callbacks run that are due already.
        self.loop.run_until_complete(asyncio.gather(asyncio.sleep(0.01), *tasks, return_exceptions=True))
        self.loop.close()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the event loop and return its result. The thread does not end before that.

        Raises:
            DisconnectedError: When the thread has ended.
            RuntimeError: When called on this thread, which would wait for itself.
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
        """Return an awaitable that runs a function of the application in a thread, or a coroutine function here."""
        if inspect.iscoroutinefunction(function):
            return function(*args)
        return self._in_thread(function, args)

    async def _in_thread(self, function: Callable[..., Any], args: Sequence[Any]) -> Any:
        return await asyncio.wrap_future(self.workers.submit(function, args))


_inherited: list[LoopThread] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=LoopThread.forget)


class Workers:
    """Threads for handlers, one for each handler that runs at the same time. Handlers start in order of the events."""

    def __init__(self) -> None:
        """Start no threads yet."""
        self._ready = threading.Condition()
        self._work: deque[_Work] = deque()
        self._idle = 0
        self._closed = False

    def submit(self, function: Callable[..., Any], args: Sequence[Any]) -> concurrent.futures.Future[Any]:
        """Call a function in a thread; return the future of its result."""
        future: concurrent.futures.Future[Any] = concurrent.futures.Future()
        with self._ready:
            self._work.append((future, copy_context(), function, args))
            if self._idle >= len(self._work):
                self._ready.notify()
                return future
        threading.Thread(target=self._serve, name="fanio-handler", daemon=True).start()
        return future

    def close(self) -> None:
        """End idle threads now, and others after their handler."""
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
