"""From events of the core to handlers: which one, with which arguments, and what becomes of its result.

Handlers start in the order of arrival. Signatures are looked at once, when a handler is registered.
Order of look-up as python-socketio's: ``handlers[ns][event]``, ``handlers[ns]['*']``, ``handlers['*'][event]``,
``handlers['*']['*']``, class namespace, class namespace ``*``.
"""

from __future__ import annotations

import asyncio
import inspect
import math
import sys
from collections import deque
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

if TYPE_CHECKING:
    from fanio.server import AsyncServer

from fanio.namespace import AsyncNamespace
from fanio.types import Handler

__all__ = ["RESERVED", "Dispatcher", "fitting", "most_positional"]

RESERVED = ("connect", "disconnect")
"""Events that no client can send."""

# Handlers of one client that may run at a time before reading from it pauses.
_MAX_RUNNING = 1000

_T = TypeVar("_T")

_Origin: TypeAlias = tuple[str, str, Any, "int | None"]
"""Where an event came from: sid, namespace, event, ack id."""

_most: dict[Any, float] = {}


def most_positional(handler: Handler) -> float:
    """Return how many positional arguments a function takes at most; it is looked at once."""
    key = getattr(handler, "__func__", handler)
    try:
        known = _most.get(key)
    except TypeError:  # an object that cannot be hashed
        return _count(handler)
    if known is None:
        known = _count(handler)
        _most[key] = known
    return known


def _count(handler: Handler) -> float:
    try:
        parameters = inspect.signature(handler).parameters.values()
    except (TypeError, ValueError):
        return math.inf
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return math.inf
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(parameter.kind in kinds for parameter in parameters)


def fitting(handler: Handler, event: str, args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Leave out the auth of ``connect`` or the reason of ``disconnect`` if the handler has no place for it."""
    if event in RESERVED and most_positional(handler) < len(args):
        return args[:-1]
    return args


class Dispatcher:
    """The handlers of a server, and the tasks in which they run.

    Attributes:
        handlers: Functions by namespace and event.
        namespace_handlers: Class namespaces by name.
        tasks: What runs now, referenced so that it is not collected.
    """

    def __init__(self, server: AsyncServer) -> None:
        self._server = server
        self.handlers: dict[str, dict[str, Handler]] = {}
        self.namespace_handlers: dict[str, AsyncNamespace] = {}
        self.tasks: set[asyncio.Task[Any]] = set()
        self._running: dict[str, int] = {}
        self._serial: dict[str, deque[Callable[[], Coroutine[Any, Any, None]]]] = {}

    def serves(self, namespace: str) -> bool:
        """Return whether clients may connect to a namespace."""
        known = self._server.namespaces
        if known == "*" or namespace in known:
            return True
        names = (namespace, "*")
        return any(name in self.handlers or name in self.namespace_handlers for name in names)

    def find(self, event: Any, namespace: str, args: tuple[Any, ...]) -> tuple[Handler | None, tuple[Any, ...]]:
        """Find the function for an event, and what it is called with."""
        reserved = event in RESERVED
        named = event if event != "*" else None
        own = self.handlers.get(namespace, {})
        if named in own:
            return own[event], args
        if not reserved and "*" in own:
            return own["*"], (event, *args)
        every = self.handlers.get("*", {})
        if named in every:
            return every[event], (namespace, *args)
        if not reserved and "*" in every:
            return every["*"], (event, namespace, *args)
        return None, args

    def find_class(self, namespace: str, args: tuple[Any, ...]) -> tuple[AsyncNamespace | None, tuple[Any, ...]]:
        """Find the class namespace, and what its ``trigger_event`` is called with."""
        if namespace in self.namespace_handlers:
            return self.namespace_handlers[namespace], args
        if "*" in self.namespace_handlers:
            return self.namespace_handlers["*"], (namespace, *args)
        return None, args

    def start(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        """Run a coroutine as a task that starts before anything that comes later."""
        task = self._task(work)
        if not task.done():
            task.add_done_callback(self.tasks.discard)
        return task

    def _task(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        loop = self._server.loop
        if sys.version_info >= (3, 12):
            task = asyncio.Task(work, loop=loop, eager_start=True)
        else:
            task = loop.create_task(work)
        if not task.done():
            self.tasks.add(task)
        return task

    async def trigger(self, event: str, namespace: str, *args: Any) -> Any:
        """Call the handler of an event and return its result; ``not_handled`` without one."""
        handler, arguments = self.find(event, namespace, args)
        if handler is not None:
            result = handler(*fitting(handler, event, arguments))
            return await result if asyncio.iscoroutine(result) else result
        owner, arguments = self.find_class(namespace, args)
        if owner is not None:
            return await owner.trigger_event(event, *arguments)
        return self._server.not_handled

    def dispatch(self, sid: str, namespace: str, event: Any, args: list[Any], ack_id: int | None) -> None:
        """Start the handler of a client's event."""
        origin = (sid, namespace, event, ack_id)
        if not self._server.async_handlers:
            self._queue(sid, lambda: self._answer(self.trigger(event, namespace, sid, *args), origin))
            return
        handler, arguments = self.find(event, namespace, (sid, *args))
        if handler is None:
            self._start_counted(self.trigger(event, namespace, sid, *args), origin)
            return
        try:
            result = handler(*arguments)
        except Exception:
            self._log(event, namespace)
            return
        if asyncio.iscoroutine(result):
            self._start_counted(result, origin)
        elif ack_id is not None:
            self._server.send_ack(sid, ack_id, result)

    def _start_counted(self, work: Coroutine[Any, Any, Any], origin: _Origin) -> None:
        self._count_in(origin[0])
        self._task(self._run_counted(work, origin))

    async def _run_counted(self, work: Coroutine[Any, Any, Any], origin: _Origin) -> None:
        try:
            await self._answer(work, origin)
        finally:
            # Cheaper than a callback, which the loop would have to schedule for every event.
            self.tasks.discard(asyncio.current_task())
            self._count_out(origin[0])

    async def _answer(self, work: Coroutine[Any, Any, Any], origin: _Origin) -> None:
        """Finish a handler and send its result as the acknowledgement, if the client wants one."""
        sid, namespace, event, ack_id = origin
        try:
            result = await work
            if ack_id is not None and result is not self._server.not_handled:
                self._server.send_ack(sid, ack_id, result)
        except Exception:
            self._log(event, namespace)

    def _log(self, event: Any, namespace: str) -> None:
        self._server.logger.exception("handler of event %r in namespace %r raised", event, namespace)

    def _count_in(self, sid: str) -> None:
        """Note a handler that is to run; too many pause the reading from the client."""
        running = self._running.get(sid, 0) + 1
        self._running[sid] = running
        if running == _MAX_RUNNING:
            self._server.pause(sid)

    def _count_out(self, sid: str) -> None:
        running = self._running[sid] - 1
        if running:
            self._running[sid] = running
        else:
            del self._running[sid]
        if running == _MAX_RUNNING // 2:
            self._server.resume(sid)

    def _queue(self, sid: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a client's handlers one after another."""
        queue = self._serial.get(sid)
        self._count_in(sid)
        if queue is not None:
            queue.append(work)
            return
        self._serial[sid] = deque([work])
        self.start(self._run_queue(sid))

    async def _run_queue(self, sid: str) -> None:
        queue = self._serial[sid]
        try:
            while queue:
                await queue[0]()
                queue.popleft()
                self._count_out(sid)
        finally:
            for _ in queue:
                self._count_out(sid)
            del self._serial[sid]
