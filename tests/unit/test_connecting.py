"""The parts of a client that need no connection: delays, buffers, acknowledgements, offsets."""

from __future__ import annotations

import asyncio
import statistics
import time
from functools import partial

import pytest

from fanio._client.acks import PendingAck, PendingAcks
from fanio._client.backoff import Backoff
from fanio._client.buffer import Buffer
from fanio._client.handlers import ClientHandlers
from fanio._client.recovery import Recovery
from fanio.exceptions import AckLostError
from fanio.exceptions import TimeoutError as NoAnswerError

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"


def yeast(moment_ms: int) -> str:
    """The offset that Node's in-memory adapter makes of a time."""
    text = ""
    while moment_ms:
        text, moment_ms = ALPHABET[moment_ms % 64] + text, moment_ms // 64
    return text


def test_delays_double_up_to_the_maximum():
    backoff = Backoff(1, 5, 0)
    assert [backoff.next() for _ in range(6)] == [1, 2, 4, 5, 5, 5]
    assert backoff.attempts == 6


def test_chance_changes_a_delay_by_its_share():
    delays = [Backoff(2, 100, 0.5).next() for _ in range(2000)]
    assert 1 <= min(delays) < 1.1
    assert 2.9 < max(delays) <= 3
    assert abs(statistics.mean(delays) - 2) < 0.1


def test_the_maximum_holds_with_chance_and_after_many_attempts():
    backoff = Backoff(1, 5, 1)
    assert all(0 <= backoff.next() <= 5 for _ in range(2000))


def test_a_buffer_is_bounded_by_items_and_by_bytes():
    buffer: Buffer[int] = Buffer(3, 100)
    assert buffer.add("/", 1, 60)
    assert not buffer.add("/", 2, 41)
    assert buffer.add("/", 3, 40)
    assert buffer.bytes == 100
    assert buffer.add("/x", 4, 0)
    assert not buffer.add("/x", 5, 0)
    assert buffer.take("/") == [1, 3]
    assert buffer.bytes == 0
    assert buffer.items() == [4]
    assert buffer.take() == [4]
    assert len(buffer) == 0


class Outcome:
    """What a waiter was told."""

    def __init__(self):
        self.told = []
        self.ack = PendingAck(lambda args: self.told.append(args), lambda error: self.told.append(type(error).__name__))


async def test_an_ack_has_exactly_one_outcome():
    acks, expired = PendingAcks(), []
    value, late, lost = Outcome(), Outcome(), Outcome()
    first = acks.expect("/", value.ack, 0.01, expired.append)
    assert acks.deliver("/", first, [1])
    assert not acks.deliver("/", first, [2])
    second = acks.expect("/", late.ack, 0.01, expired.append)
    while not late.told:
        await asyncio.sleep(0.01)
    assert not acks.deliver("/", second, [3])
    acks.expect("/", lost.ack, None, expired.append)
    acks.lose()
    acks.lose()
    assert [value.told, late.told, lost.told] == [[[1]], ["TimeoutError"], ["AckLostError"]]
    assert expired == [second]
    assert len(acks) == 0


async def test_what_was_not_sent_is_not_lost():
    acks = PendingAcks()
    kept, other, lost = Outcome(), Outcome(), Outcome()
    number = acks.expect("/", kept.ack, None, print)
    acks.expect("/x", other.ack, None, print)
    acks.expect("/", lost.ack, None, print)
    acks.lose(["/"], keep=[number])
    assert (kept.told, other.told, lost.told) == ([], [], ["AckLostError"])
    assert issubclass(AckLostError, NoAnswerError)


@pytest.mark.parametrize(
    "make",
    [
        yeast,
        lambda ms: yeast(ms) + ".0",
        lambda ms: f"{ms}-0",
        lambda ms: f"{ms // 1000:08x}" + "ab" * 8,
    ],
    ids=["memory", "memory-twice", "redis", "mongo"],
)
def test_offsets_of_the_adapters_are_known(make):
    recovery = Recovery()
    recovery.granted("/", "pid")
    offset = make(int(time.time() * 1000))
    assert recovery.take_offset("/", ["event", 1, offset])
    # A volatile event has none.
    assert not recovery.take_offset("/", ["event", 1, "message"])
    assert recovery.auth("/", {"token": 1}) == {"pid": "pid", "offset": offset, "token": 1}


def test_an_offset_of_another_form_is_remembered_all_the_same():
    recovery = Recovery()
    assert not recovery.take_offset("/", ["event", "7"])
    recovery.granted("/", "pid")
    assert not recovery.take_offset("/", ["event", "7"])
    assert not recovery.take_offset("/", ["event"])
    assert recovery.auth("/", {}) == {"pid": "pid", "offset": "7"}


def test_a_session_is_recovered_when_its_pid_comes_back():
    recovery = Recovery()
    recovery.granted("/", "a")
    assert not recovery.recovered["/"]
    recovery.granted("/", "a")
    assert recovery.recovered["/"]
    recovery.granted("/", "b")
    assert not recovery.recovered["/"]
    recovery.granted("/", None)
    assert recovery.auth("/", {"x": 1}) == {"x": 1}
    recovery.granted("/", "c")
    recovery.forget("/")
    assert recovery.auth("/", {}) == {}


def test_handlers_are_looked_up_as_in_python_socketio():
    import socketio

    ours, theirs = ClientHandlers(), socketio.AsyncClient(handle_sigint=False)
    for namespace, events in {"/": ["a", "*"], "/b": ["connect"], "*": ["a", "*", "connect"]}.items():
        for event in events:
            function = partial(print, namespace, event)
            ours.add(event, function, namespace)
            theirs.on(event, function, namespace=namespace)
    for namespace in ("/", "/b", "/c"):
        for event in ("a", "x", "connect", "disconnect"):
            handler, args = theirs._get_event_handler(event, namespace, (1,))
            found = ours.lookup(event, namespace, reserved=event in theirs.reserved_events)
            assert (found is None) == (handler is None), (namespace, event)
            if found is not None:
                assert found[0].function is handler
                assert (*found[1], 1) == tuple(args)
    assert ours.namespaces() == ["/", "/b"]
