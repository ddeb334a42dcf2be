"""What is sent to one client goes at the speed at which it reads, in bounded memory, and does not close it.

Who reads too little is closed by time, and everybody who waits for it goes on.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from conformance.test_slow_clients import SECONDS, SIZE, Crowd, crowd, number_of, numbers_until
from fixtures.polling import Polling
from fixtures.websocket import Client, encode

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["crowd"]

pytestmark = pytest.mark.differs("node", "python-socketio", reason="let a slow client's queue grow")

MARK = 20_000
"""A small high-water mark."""
TEXT = 1


def slow_link(client: Client) -> None:
    """Lets the kernel take little for a client."""
    client.stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)


def read_slowly(client: Client | Polling, size: int, pause: float) -> None:
    """Reads so many bytes, with pauses."""
    stream = client.getter if isinstance(client, Polling) else client.stream
    wanted = len(stream.buffer) + size
    while len(stream.buffer) < wanted:
        time.sleep(pause)
        assert stream.more(8192), "closed"


def wait_for(here: Crowd, event: str, *args: Any, answer: Any) -> None:
    """Asks the server until it gives this answer."""
    deadline = time.monotonic() + SECONDS
    while here.call(event, *args) != answer:
        assert time.monotonic() < deadline, event
        time.sleep(0.02)


def feed(here: Crowd, to: str, count: int, size: int) -> None:
    """Has the server emit to one client."""
    here.meant += count
    here.reader.send(f"42{json.dumps(['feed', to, count, size])}")


def test_a_loop_goes_as_fast_as_the_client_reads_in_bounded_memory(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_age=1, write_timeout=1, high_water_mark=100_000)
    client, sid = here.join()
    slow_link(client)
    feed(here, sid, 40, 60_000)
    read_slowly(client, 2_000_000, 0.006)
    assert numbers_until(client, 39) == list(range(40))
    assert 0 < here.call("peak", sid) < 300_000
    assert here.stats()["closes"]["slow client"] == 0


def test_one_large_packet_may_take_longer_than_others_may_wait(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_age=1, write_timeout=1)
    client, sid = here.join()
    slow_link(client)
    feed(here, sid, 1, 3_000_000)
    here.meant += 1
    feed(here, sid, 1, 10)
    here.meant -= 1
    read_slowly(client, 2_500_000, 0.006)
    assert [number_of(client.text()) for _ in range(2)] == [0, 0]
    assert here.stats()["closes"]["slow client"] == 0


def test_a_ping_behind_a_large_packet_is_waited_for(crowd: Callable[..., Crowd]) -> None:
    here = crowd(ping_interval=0.5, ping_timeout=0.5)
    client, _ = here.join()
    slow_link(client)
    client.send(f"421{json.dumps(['feed', None, 1, 3_000_000])}")
    read_slowly(client, 2_500_000, 0.006)
    assert number_of(client.text()) == 0
    packets = {client.text()[:2] for _ in range(2)}
    assert packets == {"43", "2"}
    client.send("3")
    client.send('422["echo","well"]')
    while (packet := client.text()) == "2":
        client.send("3")
    assert packet == '432["well"]'
    client.close()


def test_a_client_that_takes_a_byte_now_and_then_is_too_slow(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_age=1)
    client, sid = here.join()
    here.fill()
    assert here.call("is_gone", sid) is False
    done = threading.Event()

    def trickle() -> None:
        while not done.wait(0.01):
            client.stream.socket.recv(1)

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        assert here.call("reason", sid) == "slow client"
    finally:
        done.set()
        thread.join()
    (line,) = [line for line in here.server.output().splitlines() if "as slow client" in line]
    assert f"closed {sid} [/] as slow client: " in line
    assert " packets waited for it, the oldest for 1." in line


@pytest.mark.parametrize("how", ["reads", "leaves", "too slow", "disconnected"])
def test_nobody_waits_for_a_client_for_ever(crowd: Callable[..., Crowd], how: str) -> None:
    here = crowd(high_water_mark=MARK, max_queue_age=1 if how == "too slow" else 100)
    client, sid = here.join()
    slow_link(client)
    feed(here, sid, 100, SIZE)
    # One that waits is not sent before the client has read the others.
    wait_for(here, "is_feeding", sid, answer=True)
    time.sleep(0.3)
    assert here.call("is_feeding", sid)
    assert here.call("peak", sid) < MARK + 3 * SIZE
    # A broadcast does not wait for it.
    here.shout(3)
    if how == "reads":
        got = [number_of(client.text()) for _ in range(103)]
        assert [number for number in got if got.count(number) == 1] == list(range(3, 100))
    elif how == "leaves":
        client.close()
    elif how == "disconnected":
        client.send("41")
    else:
        assert here.call("reason", sid) == "slow client"
    wait_for(here, "is_feeding", sid, answer=False)


def test_acknowledgements_wait_too(crowd: Callable[..., Crowd]) -> None:
    here = crowd(high_water_mark=MARK)
    client, _ = here.join()
    slow_link(client)
    here.acks += 100
    text = "x" * SIZE
    for number in range(100):
        client.stream.send(encode(TEXT, f'42{number}["echo","{text}"]'.encode()))
    time.sleep(0.3)
    assert here.call("echo", 1) == 1
    known = json.loads(json.dumps(here.call("stats")))
    assert known["queued_bytes"] < MARK + 3 * SIZE
    assert [client.text() for _ in range(100)] == [f'43{number}["{text}"]' for number in range(100)]
    assert here.stats()["queued_packets"] == 0


def test_many_who_send_to_one_client_at_once_wait_for_each_other(crowd: Callable[..., Crowd]) -> None:
    """Memory is bounded although no single one of them sends much."""
    here = crowd(high_water_mark=MARK, max_queue_bytes=20 * SIZE)
    client, sid = here.join()
    slow_link(client)
    for _ in range(200):
        here.meant += 1
        client.send(f"42{json.dumps(['shout', 7, 1, SIZE, {'to': sid}])}")
    assert [number_of(client.text()) for _ in range(200)] == [7] * 200
    assert here.stats()["closes"]["slow client"] == 0


def test_a_client_that_does_not_poll_is_too_slow(crowd: Callable[..., Crowd]) -> None:
    here = crowd(write_timeout=1)
    session = Polling(here.server)
    here.clients.append(session)
    sid = session.connect()
    here.shout(1)
    assert here.call("reason", sid) == "slow client"


def test_a_client_that_still_reads_an_answer_need_not_poll(crowd: Callable[..., Crowd]) -> None:
    here = crowd(write_timeout=1, max_queue_age=1)
    session = Polling(here.server)
    here.clients.append(session)
    sid = session.connect()
    session.getter.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
    feed(here, sid, 1, 900_000)
    session.start_get("Accept-Encoding: identity")
    here.shout(1, 10)
    read_slowly(session, 800_000, 0.02)
    packets = session.finish_get().text.split("\x1e")
    while len(packets) < 2:
        packets += session.packets()
    assert [number_of(packet) for packet in packets] == [0, 0]
    assert here.call("is_gone", sid) is False


def test_what_a_connect_handler_emits_is_limited(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_queue_bytes=10 * SIZE)
    client = Client(here.server)
    client.send(f"40{json.dumps({'count': 5, 'size': SIZE})}")
    assert client.text().startswith("40{")
    assert numbers_until(client, 4) == list(range(5))
    client.close()
    assert here.call("stats")["closes"]["slow client"] == 0
    greedy = Client(here.server)
    greedy.send(f"40{json.dumps({'count': 50, 'size': SIZE})}")
    assert greedy.close_code() == 1006
    assert here.call("stats")["closes"]["slow client"] == 1


def test_clients_that_read_are_kept_when_too_much_waits_for_all(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_total_queue_bytes=400_000)
    _, stuck = here.join()
    here.fill()
    client, sid = here.join()
    slow_link(client)
    time.sleep(2.1)
    here.shout(40, members=1, to=sid, wait=False)
    read_slowly(client, 200_000, 0.01)
    assert here.call("reason", stuck) == "slow client"
    numbers = numbers_until(client, here.next - 1)
    assert numbers == list(range(here.next - 40, here.next))


def test_large_histories_of_many_wait_for_each_other(crowd: Callable[..., Crowd]) -> None:
    here = crowd(max_total_queue_bytes=2_000_000)
    clients = [here.join() for _ in range(30)]
    for _, sid in clients:
        feed(here, sid, 1, 1_000_000)
    for client, _ in clients:
        assert number_of(client.text()) == 0
    assert here.stats()["closes"]["slow client"] == 0
