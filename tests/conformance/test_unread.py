"""What clients have sent and the application has not taken: who goes first, what is bounded, what is dropped."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.websocket import PING, PONG, TEXT, Client, connected, encode, reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conformance.conftest import Serve
    from fixtures.server import Server

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such limits")
LARGE = 900_000


def event(*args: Any, ack: str = "") -> bytes:
    return encode(TEXT, b"42" + ack.encode() + json.dumps(args).encode())


def block(client: Client, seconds: float) -> None:
    """Hold the loop up; what is sent meanwhile waits."""
    client.send_raw(event("block", seconds))
    time.sleep(0.1)


@contextmanager
def held_up(client: Client, folder: Path) -> Iterator[None]:
    """Hold the loop up until the end of the block, however long its steps take on a busy machine."""
    file = folder / "held"
    client.send_raw(event("hold-up", str(file)))
    while not file.exists():
        time.sleep(0.001)
    try:
        yield
    finally:
        file.unlink()


def wait_until_read(client: Client) -> None:
    """Wait until the server has read what the client sent; a shard answers a ping also while the loop is held up."""
    client.send_raw(encode(PING, b"read"))
    frame = client.frame()
    assert (frame.opcode, frame.payload) == (PONG, b"read")


def answer(client: Client) -> Any:
    """What a handler answered to the event with the number 1."""
    packet = client.text()
    assert packet.startswith("431["), packet
    return json.loads(packet.removeprefix("431"))[0]


def wait_for_count(client: Client, name: str, count: int) -> None:
    """Wait until so many events were handled."""
    deadline = time.monotonic() + 20
    while (found := client.call("counted", name)) != count:
        assert time.monotonic() < deadline, f"{found} of {count} were handled"
        time.sleep(0.01)


def test_a_client_with_little_goes_before_one_with_much(server: Server, tmp_path: Path) -> None:
    with connected(server) as flooder, connected(server) as other:
        with held_up(flooder, tmp_path):
            flooder.send_raw(event("count", "little and much") * 500)
            wait_until_read(flooder)
            flooder.send_raw(event("count", "little and much") * 2500)
            other.send_raw(event("count", "little and much", ack="1"))
            wait_until_read(other)
        assert answer(other) < 1000
        wait_for_count(other, "little and much", 3001)


def test_many_with_much_do_not_hold_up_one_with_little(server: Server, tmp_path: Path) -> None:
    flooders = [connected(server) for _ in range(10)]
    with connected(server) as other:
        with held_up(flooders[0], tmp_path):
            for flooder in flooders:
                flooder.send_raw(event("count", "many", "x" * LARGE) * 2)
                wait_until_read(flooder)
            other.send_raw(event("count", "many", ack="1"))
            wait_until_read(other)
        # Each of them has been given one large event at most.
        assert answer(other) <= 11
        wait_for_count(other, "many", 21)
    for flooder in flooders:
        flooder.close()


def test_the_order_of_one_client_stays(server: Server) -> None:
    with connected(server) as client, connected(server) as other:
        block(other, 0.3)
        sizes = [0, 20_000, 3, 200_000, 0, 0, 9_000] * 10
        for number, size in enumerate(sizes, 1):
            client.send_raw(event("count", "order", "x" * size, ack=str(number)))
        for number, _ in enumerate(sizes, 1):
            assert client.text() == f"43{number}[{number}]"


def test_what_all_clients_have_waiting_is_bounded_and_nothing_is_lost(serve: Serve) -> None:
    server = serve(max_total_unread_bytes=200_000)
    flooders = [connected(server) for _ in range(10)]
    with connected(server) as other:
        before = other.call("stats")["read_pauses"]
        block(flooders[0], 0.5)
        threads = [
            threading.Thread(target=one.send_raw, args=(event("count", "all", "x" * 40_000) * 20,)) for one in flooders
        ]
        for thread in threads:
            thread.start()
        wait_for_count(other, "all", 200)
        for thread in threads:
            thread.join()
        assert other.call("stats")["read_pauses"] > before
    for flooder in flooders:
        flooder.close()


def test_what_a_client_that_has_gone_had_waiting_is_dropped(server: Server, tmp_path: Path) -> None:
    with connected(server) as other:
        gone = connected(server, {"tag": "gone with much"})
        with held_up(other, tmp_path):
            # Five of them reach the limit; the end of the stream must fit into the kernel behind the others.
            gone.send_raw(event("count", "gone", "x" * LARGE) * 5 + event("count", "gone") * 100)
            gone.close()
            for _ in range(200):
                wait_until_read(other)
        assert reason(server, "gone with much") in ("transport close", "transport error")
        assert other.call("counted", "gone") == 0
        assert other.call("stats")["events_dropped"] == 5


def test_a_client_that_says_goodbye_has_all_its_events_handled(server: Server) -> None:
    with connected(server) as other, connected(server, {"tag": "polite"}) as polite:
        block(other, 0.3)
        sender = threading.Thread(
            target=polite.send_raw, args=(event("count", "polite", "x" * LARGE) * 8 + encode(TEXT, b"41"),)
        )
        sender.start()
        assert reason(server, "polite") == "client disconnect"
        assert other.call("counted", "polite") == 8
        sender.join()


def test_a_pong_that_could_not_be_read_is_not_late(serve: Serve) -> None:
    server = serve(ping_interval=0.4, ping_timeout=0.3)
    with connected(server) as other, connected(server) as client:
        block(other, 1.6)
        client.send_raw(event("count", "pong", "x" * LARGE) * 7)
        while client.text() != "2":
            pass
        client.send("3")
        client.send_raw(event("count", "pong", ack="8"))
        while (packet := client.text()) != "438[8]":
            assert packet == "2"
            client.send("3")


def test_many_small_events_are_handled_although_their_client_has_gone(server: Server) -> None:
    with connected(server) as other:
        gone = connected(server)
        block(other, 0.3)
        gone.send_raw(event("count", "small") * 4000)
        gone.close()
        wait_for_count(other, "small", 4000)


def test_an_event_without_a_handler_is_not_parsed(server: Server) -> None:
    with connected(server) as client:
        client.send("42" + '["nobody listens",' + "x" * 5000)
        assert client.is_served()


def test_pings_that_come_together_are_answered_in_order(server: Server) -> None:
    with connected(server) as client:
        client.send_raw(b"".join(encode(PING, b"%d" % number) for number in range(20)))
        for number in range(20):
            frame = client.frame()
            assert (frame.opcode, frame.payload) == (PONG, b"%d" % number)


def test_of_very_many_pings_the_last_is_answered(server: Server) -> None:
    with connected(server) as client:
        client.send_raw(b"".join(encode(PING, b"%d" % number) for number in range(5000)))
        while (frame := client.frame()).payload != b"4999":
            assert frame.opcode == PONG
        assert client.is_served()
