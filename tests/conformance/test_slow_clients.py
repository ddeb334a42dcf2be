"""Clients that do not read are closed with a reason, or miss what may be dropped. Others get everything.

Nothing is lost silently: what was emitted, times its recipients, is the sum of what was sent, what was
dropped for each reason, and what waits.
"""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING, Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from conformance.test_deflate import Deflating
from fixtures.polling import Polling
from fixtures.stream import get
from fixtures.websocket import Client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fixtures.server import Pool

pytestmark = pytest.mark.differs("node", "python-socketio", reason="let a slow client's queue grow")

SIZE = 10_000
"""Bytes of one broadcast: what the kernel holds for a client that does not read is some dozens of them."""
STUCK = 15
"""So many that wait will not all go, though the kernel may take some more."""
SECONDS = 30
"""How long to wait for what must happen."""


class Crowd:
    """A server with numbers of its own, a client that reads all, and others that read when the test does."""

    def __init__(self, pool: Pool, **options: Any) -> None:
        options = {"shards": 1, "send_buffer": 16_384, "ping_interval": 300, "write_timeout": 100} | options
        self.server = pool.start("slow", options)
        self.clients: list[Client | Polling] = []
        self.acks = 0
        self.meant = 0
        self.numbers: list[int] = []
        self.next = 0
        self.reader, self.sid = self.join()

    def close(self) -> None:
        """Ends the server, which must be well."""
        for client in self.clients:
            if isinstance(client, Client):
                client.stream.close()
        self.server.stop()
        tail = self.server.output()[-4000:]
        assert "panicked" not in tail, tail
        assert "Traceback" not in tail, tail

    def join(self) -> tuple[Client, str]:
        """One more client, and its sid."""
        client = Client(self.server)
        self.clients.append(client)
        return client, client.connect()

    def call(self, event: str, *args: Any) -> Any:
        """Asks the server, by the client that reads."""
        answer = self.reader.call(event, *args)
        self.acks += 1
        return answer

    def stats(self) -> Any:
        """The server's numbers, which add up once each shard has done its part."""
        deadline = time.monotonic() + SECONDS
        while True:
            stats = self.call("stats")
            known = stats["packets"] + stats["queued_packets"] + sum(stats["drops"].values())
            # The answer itself is under way.
            wanted = self.meant + len(self.clients) + self.acks - 1
            if known == wanted:
                return stats
            assert time.monotonic() < deadline, (known, wanted, stats)

    def until(self, is_so: Callable[[Any], bool]) -> Any:
        """Waits until the numbers are as wanted; returns them."""
        deadline = time.monotonic() + SECONDS
        while not is_so(stats := self.stats()):
            assert time.monotonic() < deadline, stats
            time.sleep(0.02)
        return stats

    def shout(self, count: int = 1, size: int = SIZE, members: int | None = None, **options: Any) -> list[int]:
        """Emits to all, or as the options say, while the reader reads; returns what that got."""
        first, self.next = self.next, self.next + count
        self.meant += count * (len(self.clients) if members is None else members)
        self.reader.send(f'42999["shout",{first},{count},{size},{json.dumps(options)}]')
        got = []
        while (packet := self.reader.text()) != "43999[]":
            got.append(number_of(packet))
        self.acks += 1
        if "to" not in options:
            self.numbers += range(first, self.next)
        if "conflate" not in options:
            assert got == ([] if "to" in options else list(range(first, self.next)))
        return got

    def fill(self, slow: int = 1) -> None:
        """Emits until so much waits for each of the slow clients that the kernel will not take it."""
        while self.stats()["queued_packets"] < STUCK * slow:
            assert self.next < 10_000
            self.shout(5)


def number_of(packet: str) -> int:
    """The number in an event, whose text must be the number's."""
    assert packet.startswith('42["n",'), packet[:100]
    number: int
    _, number, text = json.loads(packet[2:])
    assert text == random.Random(number).randbytes(len(text) // 2).hex()
    return number


def numbers_until(client: Client, last: int) -> list[int]:
    """The numbers a client gets, up to the last."""
    numbers = [number_of(client.text())]
    while numbers[-1] != last:
        numbers.append(number_of(client.text()))
    return numbers


@pytest.fixture
def crowd(pool: Pool) -> Iterator[Callable[..., Crowd]]:
    """Makes a crowd on a server with these options."""
    made: list[Crowd] = []

    def start(**options: Any) -> Crowd:
        made.append(Crowd(pool, **options))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_a_client_that_does_not_read_is_closed_and_the_others_get_everything(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_bytes=300_000)
    other, _ = here.join()
    _, sid = here.join()
    numbers = []
    while not here.call("is_gone", sid):
        assert here.next < 10_000
        here.shout(1)
        numbers += numbers_until(other, here.next - 1)
    assert here.call("reason", sid) == "slow client"
    here.shout(10, members=2)
    numbers += numbers_until(other, here.next - 1)
    assert numbers == here.numbers
    stats = here.stats()
    assert stats["closes"] == {reason: int(reason == "slow client") for reason in stats["closes"]}
    assert stats["connections"] == {"polling": 0, "websocket": 2}
    assert (stats["sockets"], stats["queued_bytes"], stats["queued_packets"]) == (2, 0, 0)
    assert 0 < stats["drops"]["closed"] <= 300_000 // SIZE + 2


def test_packets_are_limited_too(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_bytes=None, max_queue_packets=20)
    _, sid = here.join()
    while not here.call("is_gone", sid):
        assert here.next < 10_000
        here.shout(1)
    assert here.call("reason", sid) == "slow client"
    # The limit, the one that is being written, and the one too many.
    assert here.stats()["drops"]["closed"] == 22


def test_a_packet_larger_than_the_limit_reaches_a_client_that_reads(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_bytes=10_000, max_queue_packets=1)
    here.shout(1, 600_000)
    here.shout(1, 600_000)
    assert here.stats()["closes"]["slow client"] == 0


def test_a_client_that_takes_nothing_in_time_is_closed(crowd: Callable[..., Crowd]) -> None:
    here = crowd(write_timeout=3)
    _, sid = here.join()
    here.fill()
    assert here.call("reason", sid) == "slow client"
    stats = here.stats()
    assert stats["queued_packets"] == 0
    assert stats["drops"]["closed"] > 0
    assert stats["closes"]["slow client"] == 1


@pytest.mark.parametrize("shards", [1, 2])
def test_those_with_the_most_waiting_are_closed_when_all_have_too_much(
    crowd: Callable[..., Crowd], shards: int
) -> None:
    here = crowd(max_queue_bytes=None, max_total_queue_bytes=500_000, shards=shards)
    modest, _ = here.join()
    _, greedy = here.join()
    here.fill(2)
    while not here.call("is_gone", greedy):
        assert here.next < 10_000
        here.shout(1, members=1, to=greedy, wait=False)
    assert here.call("reason", greedy) == "slow client"
    stats = here.stats()
    assert stats["connections"]["websocket"] == 2
    assert stats["queued_bytes"] < 500_000
    here.shout(1, members=2)
    assert numbers_until(modest, here.next - 1) == here.numbers


def test_what_many_wait_for_counts_once(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_bytes=None)
    for _ in range(10):
        here.join()
    here.fill(10)
    here.shout(10)
    stats = here.stats()
    assert stats["queued_packets"] >= 10 * 10
    assert 10 * SIZE <= stats["queued_bytes"] <= here.next * SIZE + stats["queued_packets"] * 100


def test_volatile_packets_do_not_wait(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_bytes=20_000, max_queue_packets=2)
    client, _ = here.join()
    # One at a time: the reader, too, has a backlog for a moment when more are sent than fit.
    while here.stats()["drops"]["volatile"] < 30:
        assert here.next < 10_000
        here.shout(1, volatile=True)
    assert here.stats()["closes"]["slow client"] == 0
    here.shout(1, 10)
    numbers = numbers_until(client, here.next - 1)
    stats = here.until(lambda stats: stats["queued_packets"] == 0)
    assert numbers == sorted(set(numbers))
    assert len(numbers) + stats["drops"]["volatile"] == here.next
    here.shout(1, volatile=True)
    assert numbers_until(client, here.next - 1) == [here.next - 1]


def test_the_newest_value_replaces_the_one_that_waits(crowd: Callable[..., Crowd]) -> None:
    here = crowd()
    client, _ = here.join()
    here.fill()
    before = list(here.numbers)
    for _ in range(10):
        here.shout(1, 10, conflate="price")
        here.shout(1, 10, conflate="cursor")
    here.shout(1, 10)
    last = here.next - 1
    assert here.stats()["drops"]["conflated"] == 18
    assert numbers_until(client, last) == [*before, last - 2, last - 1, last]


def test_a_client_with_compression_misses_volatile_packets_too(crowd: Callable[..., Crowd]) -> None:
    here = crowd(per_message_deflate={"threshold": 100})
    client = Deflating(here.server)
    here.clients.append(client)
    here.fill()
    while here.stats()["drops"]["volatile"] < 10:
        assert here.next < 10_000
        here.shout(1, volatile=True)
    for _ in range(3):
        here.shout(1, conflate="price")
    here.shout(1)
    numbers = []
    while numbers[-1:] != [here.next - 1]:
        is_compressed, packet = client.packet()
        assert is_compressed
        numbers.append(number_of(packet))
    assert numbers == sorted(set(numbers))
    drops = here.stats()["drops"]
    assert drops["conflated"] == 2
    assert len(numbers) + drops["volatile"] + drops["conflated"] == here.next


def test_a_burst_of_one_value_is_sent_once(crowd: Callable[..., Crowd]) -> None:
    here = crowd()
    got = here.shout(100, 10, conflate="price")
    assert got[-1] == 99
    assert got == sorted(set(got))
    assert len(got) + here.stats()["drops"]["conflated"] == 100
    assert len(got) < 100


def test_the_same_for_a_client_that_does_not_poll(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_packets=5)
    session = Polling(here.server)
    here.clients.append(session)
    sid = session.connect()
    here.shout(3, 10, volatile=True)
    for _ in range(3):
        here.shout(1, 10, conflate="price")
    drops = here.stats()["drops"]
    assert (drops["volatile"], drops["conflated"]) == (2, 2)
    assert [number_of(packet) for packet in session.packets()] == [0, 5]
    here.shout(7, 10)
    assert here.call("reason", sid) == "slow client"


def test_what_waits_for_a_poll_moves_to_the_websocket(crowd: Callable[..., Crowd]) -> None:
    here = crowd()
    session = Polling(here.server)
    here.clients.append(session)
    session.connect()
    here.shout(1, 10)
    here.shout(1, 10, conflate="price")
    here.shout(1, 10, conflate="price")
    with session.upgrade() as moved:
        assert [number_of(moved.text()), number_of(moved.text())] == [0, 2]
        assert here.stats()["connections"] == {"polling": 0, "websocket": 2}


def test_the_numbers_are_prometheus_metrics(crowd: Callable[..., Crowd]) -> None:
    here = crowd(shards=2)
    here.join()
    here.shout(3)
    response = get(here.server, "/metrics")
    assert response.status == 200
    assert response.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    samples: dict[str, float] = {}
    for family in text_string_to_metric_families(response.text):
        assert family.documentation
        for sample in family.samples:
            assert sample.labels["shard"] in ("0", "1")
            labels = [value for name, value in sorted(sample.labels.items()) if name != "shard"]
            name = ":".join([sample.name, *labels])
            samples[name] = samples.get(name, 0) + sample.value
    assert samples["fanio_connections:websocket"] == 2
    assert samples["fanio_packets_sent_total"] == 2 * 3 + 2 + 1
    assert samples["fanio_connections_closed_total:slow client"] == 0
    assert samples["fanio_packets_dropped_total:volatile"] == 0
