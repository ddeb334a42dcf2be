"""The waiting acknowledgements: their numbers, their callbacks and their timeouts."""

from __future__ import annotations

import asyncio
import threading

import pytest

from fanio import exceptions
from fanio._server.acks import Acks, CallbackWaiter, CallWaiter


class Waiter:
    def __init__(self):
        self.got = []
        self.lost = 0

    def deliver(self, args):
        self.got.append(args)

    def lose(self):
        self.lost += 1


def test_each_recipient_answers_once():
    acks, waiter = Acks(), Waiter()
    number = acks.expect(["a", "b"], waiter)
    assert acks.take("a", number) is waiter
    assert acks.take("a", number) is None
    assert acks.take("b", number + 1) is None
    assert acks.take("c", number) is None
    assert len(acks) == 1


def test_numbers_are_unique():
    acks = Acks()
    assert len({acks.expect(["a"], Waiter()) for _ in range(100)}) == 100


def test_a_client_that_is_gone_owes_nothing():
    acks, waiter = Acks(), Waiter()
    acks.expect(["a", "b"], waiter)
    acks.expect(["a"], waiter)
    acks.drop("a")
    assert (waiter.lost, len(acks)) == (2, 1)


def test_nothing_is_left_when_all_have_answered():
    acks = Acks()
    number = acks.expect(["a"], Waiter())
    acks.take("a", number)
    assert not acks._waiting


def test_a_callback_is_run_with_the_answer():
    ran = []
    waiter = CallbackWaiter(print, lambda *call: ran.append(call))
    waiter.deliver([1, 2])
    waiter.lose()
    assert ran == [(print, [1, 2])]


async def test_a_call_takes_the_first_answer():
    waiter = CallWaiter(2)
    waiter.deliver([1])
    waiter.deliver([2])
    waiter.lose()
    assert await waiter.future == [1]


async def test_a_call_ends_when_all_are_gone():
    waiter = CallWaiter(2)
    waiter.lose()
    assert not waiter.future.done()
    waiter.lose()
    with pytest.raises(exceptions.TimeoutError):
        await waiter.future


async def test_an_answer_crosses_to_the_loop_that_waits():
    waiter = CallWaiter(1)
    thread = threading.Thread(target=waiter.deliver, args=([1],))
    thread.start()
    assert await asyncio.wait_for(waiter.future, 10) == [1]
    thread.join()


def test_an_answer_for_a_loop_that_is_closed_is_dropped():
    async def make():
        return CallWaiter(1)

    waiter = asyncio.run(make())
    waiter.deliver([1])
    assert not waiter.future.done()
