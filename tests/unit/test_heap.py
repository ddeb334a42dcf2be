"""Memory is given back once a server that was busy is idle."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fanio._tasks import heap
from fanio._tasks.heap import HeapTrimmer

MIB = 1 << 20


@pytest.fixture(autouse=True)
def short_pause(monkeypatch):
    monkeypatch.setattr(heap, "_PAUSE", 0.01)


class Process:
    """The memory of a process, which trimming halves."""

    def __init__(self):
        self.size, self.trims = 40 * MIB, 0
        self.trimmed = threading.Event()

    def trim(self, _pad):
        self.size //= 2
        self.trims += 1
        self.trimmed.set()
        return 1

    async def until_trimmed(self):
        assert await asyncio.to_thread(self.trimmed.wait, 5)
        self.trimmed.clear()


def begin(process):
    made = HeapTrimmer(process.trim, lambda: process.size)
    made.note_start(asyncio.get_running_loop())
    return made


async def until_looked(made):
    while made._timer is not None:
        await asyncio.sleep(0.01)


async def test_what_was_grown_is_given_back_when_nothing_goes_on():
    process = Process()
    begin(process)
    process.size = 100 * MIB
    await process.until_trimmed()
    assert (process.size, process.trims) == (50 * MIB, 1)


async def test_a_process_that_has_hardly_grown_is_left_alone():
    process = Process()
    made = begin(process)
    process.size += MIB
    await until_looked(made)
    assert process.trims == 0


async def test_nothing_is_done_while_the_server_is_busy():
    process = Process()
    made = begin(process)
    process.size = 100 * MIB
    for _ in range(10):
        made.is_busy = True
        await asyncio.sleep(0.01)
    assert process.trims == 0
    await process.until_trimmed()


async def test_it_is_done_again_after_another_burst():
    process = Process()
    made = begin(process)
    for trims in (1, 2):
        process.size = 200 * MIB
        await process.until_trimmed()
        assert process.trims == trims
        await until_looked(made)
        while made._least != process.size:
            await asyncio.sleep(0.01)
        made.note_start(asyncio.get_running_loop())
    made.stop()
    assert made._timer is None


async def test_a_library_without_it_costs_no_timer(monkeypatch):
    monkeypatch.setattr(heap, "_find_trim", lambda: None)
    made = HeapTrimmer()
    made.note_start(asyncio.get_running_loop())
    assert made.is_busy
    assert made._timer is None
