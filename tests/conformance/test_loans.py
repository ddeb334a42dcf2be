"""A shard that has little to do lends itself to the loop's thread; nobody can tell from outside."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import polling
from fixtures.server import check_exit
from fixtures.websocket import Client, connected

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Pool, Server

pytestmark = pytest.mark.differs("node", "python-socketio", reason="have one thread")
PATIENCE = 2000


def loans(client: Client) -> int:
    found = client.call("stats")["loans"]
    assert isinstance(found, int)
    return found


def borrow(client: Client, after: int = 0) -> int:
    """Makes round trips until the shard has lent itself so often, and some more; returns how often."""
    for _ in range(PATIENCE):
        for number in range(100):
            assert client.call("message-with-ack", number) == number
        if (found := loans(client)) > after:
            return found
    pytest.fail("no loan")


@pytest.fixture(params=[1, 2], ids=["one shard", "two shards"])
def server(serve: Serve, request: pytest.FixtureRequest) -> Server:
    """A server whose heartbeat is quick."""
    return serve(shards=request.param, ping_interval=0.3, ping_timeout=30)


def test_everything_else_goes_on_while_it_is_lent(server: Server) -> None:
    stop = threading.Event()

    def chatter(client: Client) -> None:
        while not stop.is_set():
            assert client.call("message-with-ack", "x") == "x"

    with connected(server) as lively:
        borrow(lively)
        thread = threading.Thread(target=chatter, args=(lively,))
        thread.start()
        try:
            for _ in range(5):
                clients = [connected(server) for _ in range(5)]
                sessions = [polling(server) for _ in range(3)]
                assert all(client.is_served() for client in clients)
                assert all(session.is_served() for session in sessions)
                for client in clients:
                    client.close()
        finally:
            stop.set()
            thread.join()
        assert lively.is_served()


def test_a_broadcast_to_many_goes_back_to_the_shard(server: Server) -> None:
    with connected(server) as lively:
        members = [connected(server) for _ in range(300)]
        for member in members:
            member.call("join", "many")
        for number in range(5):
            borrow(lively)
            lively.call("say", "many", number)
            for member in members:
                while (packet := member.text()) == "2":
                    member.send("3")
                assert packet == f'42["said",{number}]'
        for member in members:
            member.close()


def test_heartbeats_do_not_wait_for_an_application_that_blocks(server: Server) -> None:
    with connected(server) as other, connected(server) as lively:
        borrow(lively)
        lively.send('42["block",1.5]')
        # The third one cannot be due before the block has begun.
        for _ in range(3):
            assert other.text() == "2"
            other.send("3")
        assert other.is_served()
        assert lively.is_served()


def test_when_nothing_goes_on_it_goes_back(server: Server) -> None:
    with connected(server) as lively:
        before = borrow(lively)
        for _ in range(3):
            assert lively.text() == "2"
            lively.send("3")
        borrow(lively, before)
        assert lively.is_served()


def test_what_is_sent_last_is_delivered(server: Server) -> None:
    with connected(server) as lively:
        borrow(lively)
        lively.send('42["burst",300]')
        assert [lively.text() for _ in range(300)] == [f'42["n",{number}]' for number in range(300)]


def test_server_ends_while_it_is_lent(pool: Pool) -> None:
    server = pool.start("wire", {})
    with connected(server) as lively:
        borrow(lively)
        check_exit(server)
