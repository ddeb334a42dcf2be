"""Handlers that use state which libraries keep by task, context variable or greenlet.

An event has the name of its handler function. Its data are the client's number, the event's number and whether
the handler waits. The acknowledgement has the number of earlier events of this kind from the client, or an
error. With `TASK_FACTORY` Sentry's task factory is installed as well.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections import Counter
from contextvars import ContextVar
from itertools import count
from typing import TypeAlias

import anyio
import anyio.from_thread
import anyio.to_thread
import library
import sentry_sdk
import sqlalchemy as sa
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from sentry_sdk.integrations.asyncio import AsyncioIntegration
from sqlalchemy.ext.asyncio import async_scoped_session, async_sessionmaker, create_async_engine
from sqlalchemy.pool import StaticPool

#: A client's number and the event's.
Event: TypeAlias = tuple[int, int]

sio = library.server()
EVENT: ContextVar[Event | None] = ContextVar("EVENT", default=None)
begun: Counter[tuple[str, int]] = Counter()


def handler(function):
    """Has the function handle the events of its name, and answer what is said above."""
    kind = function.__name__

    @sio.on(kind)
    async def handle(sid, client, number, waits):
        place = begun[kind, client]
        begun[kind, client] += 1
        task = asyncio.current_task()
        try:
            assert EVENT.get() is None
            EVENT.set((client, number))
            await function((client, number), waits)
            assert EVENT.get() == (client, number)
            assert asyncio.current_task() is task
        except BaseException:
            return traceback.format_exc()
        return place

    return function


async def pause(waits: bool) -> None:
    """Waits, or not."""
    if waits:
        await asyncio.sleep(0.0002)


@handler
async def timeout(_: Event, waits: bool) -> None:
    try:
        async with asyncio.timeout(0):
            if waits:
                await asyncio.sleep(60)
    except TimeoutError:
        assert waits
    async with asyncio.timeout(60):
        await pause(waits)
    assert asyncio.current_task().cancelling() == 0


@handler
async def task_group(event: Event, waits: bool) -> None:
    async def child() -> None:
        await pause(waits)
        found.append(EVENT.get())

    found: list[Event | None] = []
    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(child())
    assert found == [event] * 3


@handler
async def anyio_scopes(event: Event, waits: bool) -> None:
    assert anyio.current_effective_deadline() == float("inf")
    with anyio.CancelScope() as cancelled:
        cancelled.cancel()
        if waits:
            await anyio.sleep(60)
    with anyio.move_on_after(60) as scope:
        await pause(waits)
    assert (cancelled.cancelled_caught, scope.cancelled_caught) == (waits, False)
    if waits:
        async with anyio.create_task_group() as group:
            group.start_soon(pause, waits)
            assert await anyio.to_thread.run_sync(anyio.from_thread.run_sync, EVENT.get) == event


structlog.configure([structlog.contextvars.merge_contextvars], logger_factory=structlog.ReturnLoggerFactory())


@handler
async def structlog_context(event: Event, waits: bool) -> None:
    assert structlog.contextvars.get_contextvars() == {}
    structlog.contextvars.bind_contextvars(whose=event)
    await pause(waits)
    _, line = structlog.get_logger().info("said")
    assert line["whose"] == event


trace.set_tracer_provider(TracerProvider())
tracer = trace.get_tracer(__name__)


@handler
async def opentelemetry_spans(_: Event, waits: bool) -> None:
    assert not trace.get_current_span().get_span_context().is_valid
    with tracer.start_as_current_span("outer") as outer:
        await pause(waits)
        with tracer.start_as_current_span("inner") as inner:
            await pause(waits)
            assert inner.parent.span_id == outer.get_span_context().span_id
        assert trace.get_current_span() is outer


engine = create_async_engine("sqlite+aiosqlite://", poolclass=StaticPool)
#: Sessions by task, as in many applications.
sessions = async_scoped_session(async_sessionmaker(engine), scopefunc=asyncio.current_task)


@handler
async def sqlalchemy_sessions(event: Event, waits: bool) -> None:
    def look(session) -> int | None:
        # In a greenlet.
        assert EVENT.get() == event
        return session.execute(sa.select(sa.literal(event[1]))).scalar() if waits else event[1]

    session = sessions()
    assert "whose" not in session.info
    session.info["whose"] = event
    assert await session.run_sync(look) == event[1]
    assert sessions().info["whose"] == event
    # An event whose session is left behind must not give it to the next.
    if waits or event[1] % 2:
        await sessions.remove()


numbers = count()


@handler
async def sentry_scopes(event: Event, waits: bool) -> None:
    with sentry_sdk.isolation_scope() as scope:
        mine = next(numbers)
        sentry_sdk.set_tag("number", mine)
        await pause(waits)
        assert sentry_sdk.get_isolation_scope() is scope
        assert scope._tags == {"number": mine}
    assert "number" not in sentry_sdk.get_isolation_scope()._tags


async def startup() -> None:
    if "TASK_FACTORY" in os.environ:
        sentry_sdk.init(integrations=[AsyncioIntegration()], auto_enabling_integrations=False)
        assert asyncio.get_running_loop().get_task_factory() is not None


if __name__ == "__main__":
    library.run(library.socketio.ASGIApp(sio, on_startup=startup, on_shutdown=engine.dispose))
