"""The limits for handlers that wait, with a clock that the test moves (docs/waiting-handlers.md)."""

from __future__ import annotations

import logging

import pytest

from fanio._tasks import read_pauses
from fanio._tasks.read_pauses import MAX_IN_FLIGHT, ReadPauses, weight

MOST = 16 * MAX_IN_FLIGHT


class Timer:
    """A call that comes later, or not."""

    def __init__(self, function, args):
        self.function, self.args, self.is_cancelled = function, args, False

    def cancel(self):
        self.is_cancelled = True


class World:
    """A core, a loop, and clients whose events are counted."""

    def __init__(self):
        self.calls, self.timers, self.counts = [], [], {}
        self.reading = ReadPauses(self, lambda: self)

    def pause(self, session):
        self.calls.append(("pause", session))

    def resume(self, session):
        self.calls.append(("resume", session))

    def call_later(self, seconds, function, *args):
        assert seconds == read_pauses._STALL
        self.timers.append(Timer(function, args))
        return self.timers[-1]

    def begin(self, count, sid="a", session="s"):
        self.counts[sid] = self.counts.get(sid, 0) + count
        if self.counts[sid] > MAX_IN_FLIGHT:
            self.reading.note_begin(sid, self.counts[sid], session)

    def end(self, count, sid="a"):
        self.counts[sid] -= count
        self.reading.note_end(sid, self.counts[sid])

    def pass_time(self):
        due, self.timers = self.timers, []
        for timer in due:
            if not timer.is_cancelled:
                timer.function(*timer.args)

    def take(self):
        calls, self.calls = self.calls, []
        return calls


POLL_SECONDS, RESUME = [("pause", "s")], [("resume", "s")]


@pytest.fixture
def world():
    """A world in which nothing has happened."""
    return World()


def test_reading_pauses_above_the_limit_until_half_have_ended(world):
    world.begin(MAX_IN_FLIGHT)
    assert world.take() == []
    world.begin(1)
    world.begin(5)
    assert world.take() == POLL_SECONDS
    world.end(MAX_IN_FLIGHT // 2 + 6)
    assert world.take() == []
    world.end(1)
    assert world.take() == RESUME
    assert not world.reading
    world.pass_time()
    assert world.take() == []


def test_while_no_handler_ends_twice_as_many_are_read_up_to_the_most(world):
    allowed = MAX_IN_FLIGHT
    world.begin(allowed + 1)
    while allowed < MOST:
        assert world.take() == POLL_SECONDS
        world.pass_time()
        assert world.take() == RESUME
        allowed *= 2
        world.begin(allowed - world.counts["a"])
        assert world.take() == []
        world.begin(1)
    assert world.take() == POLL_SECONDS
    for _ in range(20):
        world.pass_time()
    assert world.take() == []
    # It goes on when half have ended, and begins anew when all have.
    world.end(MOST // 2)
    assert world.take() == []
    world.end(2)
    assert world.take() == RESUME
    world.end(world.counts["a"])
    world.begin(MAX_IN_FLIGHT + 1)
    assert world.take() == POLL_SECONDS


def test_while_handlers_end_reading_waits_but_not_for_long(world):
    world.begin(MAX_IN_FLIGHT + 100)
    assert world.take() == POLL_SECONDS
    for _ in range(read_pauses._MAX_CHECKS - 1):
        world.end(1)
        world.pass_time()
        assert world.take() == []
    world.end(1)
    world.pass_time()
    assert world.take() == RESUME
    # No more is allowed than before.
    world.begin(1)
    assert world.take() == POLL_SECONDS


def test_a_session_is_read_when_none_of_its_clients_is_ahead(world):
    for sid in "ab":
        world.begin(MAX_IN_FLIGHT + 1, sid)
    world.end(MAX_IN_FLIGHT + 1, "a")
    assert world.take() == POLL_SECONDS * 2
    world.end(MAX_IN_FLIGHT + 1, "b")
    assert world.take() == RESUME


def test_a_client_without_a_session_is_not_paused(world):
    world.begin(MAX_IN_FLIGHT + 1, session=None)
    world.end(MAX_IN_FLIGHT + 1)
    assert world.take() == []


def test_reading_forgets_everything_when_its_loop_ends(world):
    world.begin(MAX_IN_FLIGHT + 1)
    world.reading.forget()
    world.take()
    world.pass_time()
    assert (world.take(), bool(world.reading)) == ([], False)


def test_there_is_one_warning(world, caplog):
    with caplog.at_level(logging.WARNING, "fanio"):
        for sid in "ab":
            world.begin(MAX_IN_FLIGHT + 1, sid, sid)
            world.pass_time()
    assert [record.args for record in caplog.records] == [("a", 0.25, 16_000, 64)]
    assert "docs/waiting-handlers.md" in caplog.text


def test_one_event_alone_never_stops_the_reading():
    assert weight(0) == 1
    assert weight(1 << 40) < MAX_IN_FLIGHT // 2
