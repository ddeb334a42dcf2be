"""The load generator finds a server that loses, duplicates, reorders or invents a message."""

from __future__ import annotations

import pytest

from fanio.bench import BenchError, run

WRONG = "lost, doubled or out of order"


def broadcast(url, **options):
    return run("broadcast", url, clients=3, warmup=2, count=10, **options)


def test_the_test_server_is_correct_without_a_fault(faulty_server):
    url = faulty_server(None)
    assert broadcast(url)["deliveries"] == 30
    assert run("echo", url, clients=3, count=3)["round_trips"] == 9
    assert run("mixed", url, clients=3, count=40, burst=20)["emits"] == 40


@pytest.mark.parametrize("burst", [1, 10])
@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("double", WRONG),
        ("reorder", WRONG),
        ("alien", "unexpected packet"),
        ("body", "unexpected packet"),
        ("close", "the server closed"),
    ],
)
def test_fault_in_broadcasts_is_found(faulty_server, fault, text, burst):
    with pytest.raises(BenchError, match=text):
        broadcast(faulty_server(fault), burst=burst)


def test_lost_message_is_found_when_the_next_comes(faulty_server):
    with pytest.raises(BenchError, match=WRONG):
        broadcast(faulty_server("drop"), burst=10)


def test_message_too_many_is_found(faulty_server):
    with pytest.raises(BenchError, match=r"nobody asked for|was due"):
        broadcast(faulty_server("late"))


def test_lost_last_message_is_found(faulty_server):
    with pytest.raises(BenchError, match=r"no further; 1 clients lack messages: client 2 has 6 of 7"):
        run("broadcast", faulty_server("drop"), clients=3, warmup=0, count=7, patience=0.5)


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("double", "misled or out of order|for others or is doubled"),
        ("misled", "misled or out of order|for others or is doubled"),
        ("reorder", "out of order"),
        ("body", "unexpected packet"),
        ("drop", "no further; client . has . of . messages|out of order"),
    ],
)
def test_fault_in_mixed_emits_is_found(faulty_server, fault, text):
    with pytest.raises(BenchError, match=text):
        run("mixed", faulty_server(fault, 2), clients=3, warmup=0, count=60, burst=60, patience=0.5)


def test_wrong_attachment_is_found(faulty_server):
    with pytest.raises(BenchError, match="the attachment of 6 is 63 bytes"):
        broadcast(faulty_server("attachment"), binary=True)


def test_wrong_ack_is_found(faulty_server):
    with pytest.raises(BenchError, match="the ack of 1 is"):
        run("echo", faulty_server("ack"), clients=1)


def test_refused_client_is_named(faulty_server):
    with pytest.raises(BenchError, match=r"refused it: .*not today"):
        broadcast(faulty_server("refuse"))


def test_missing_handler_is_named(faulty_server):
    with pytest.raises(BenchError, match=r"no answer to the first request.*handlers\.py"):
        broadcast(faulty_server("silent"), patience=0.5)
