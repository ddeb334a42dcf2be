"""The event loop's thread runs the turns of a shard that has little to do; no client can tell."""

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


def inline_periods(client: Client) -> int:
    found = client.call("stats")["inline_periods"]
    assert isinstance(found, int)
    return found


def enter_inline_mode(client: Client, after: int = 0) -> int:
    """Makes round trips until the shard has entered inline mode more than ``after`` times; returns how often."""
    for _ in range(PATIENCE):
        for number in range(100):
            assert client.call("message-with-ack", number) == number
        if (found := inline_periods(client)) > after:
            return found
    pytest.fail("the shard did not enter inline mode")


@pytest.fixture(params=[1, 2], ids=["one shard", "two shards"])
def server(serve: Serve, request: pytest.FixtureRequest) -> Server:
    """A server whose heartbeat is quick."""
    return serve(shards=request.param, ping_interval=0.3, ping_timeout=30)


def test_everything_else_goes_on_in_inline_mode(server: Server) -> None:
    stop = threading.Event()

    def chatter(client: Client) -> None:
        while not stop.is_set():
            assert client.call("message-with-ack", "x") == "x"

    with connected(server) as lively:
        enter_inline_mode(lively)
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
            enter_inline_mode(lively)
            lively.call("say", "many", number)
            for member in members:
                while (packet := member.text()) == "2":
                    member.send("3")
                assert packet == f'42["said",{number}]'
        for member in members:
            member.close()


def test_heartbeats_do_not_wait_for_an_application_that_blocks(server: Server) -> None:
    with connected(server) as other, connected(server) as lively:
        enter_inline_mode(lively)
        lively.send('42["block",1.5]')
        # The third one cannot be due before the block has begun.
        for _ in range(3):
            assert other.text() == "2"
            other.send("3")
        assert other.is_served()
        assert lively.is_served()


def test_when_nothing_goes_on_it_goes_back(server: Server) -> None:
    with connected(server) as lively:
        before = enter_inline_mode(lively)
        for _ in range(3):
            assert lively.text() == "2"
            lively.send("3")
        enter_inline_mode(lively, before)
        assert lively.is_served()


def test_what_is_sent_last_is_delivered(server: Server) -> None:
    with connected(server) as lively:
        enter_inline_mode(lively)
        lively.send('42["burst",300]')
        assert [lively.text() for _ in range(300)] == [f'42["n",{number}]' for number in range(300)]


def test_server_ends_in_inline_mode(pool: Pool) -> None:
    server = pool.start("wire", {})
    with connected(server) as lively:
        enter_inline_mode(lively)
        check_exit(server)
