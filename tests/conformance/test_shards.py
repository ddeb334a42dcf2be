"""Several I/O threads: a request finds its session on any connection, and the order is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fixtures.polling import polling
from fixtures.stream import Stream
from fixtures.websocket import connected

if TYPE_CHECKING:
    from conformance.conftest import Serve
    from fixtures.server import Server

SHARDS = 4
CLIENTS = 24


pytestmark = pytest.mark.differs("node", reason="has one thread")


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server with more shards than this machine would get by itself."""
    return serve(shards=SHARDS)


def test_every_session_is_served(server: Server) -> None:
    clients = [connected(server) for _ in range(CLIENTS)]
    sessions = [polling(server) for _ in range(CLIENTS)]
    assert all(client.is_served() for client in clients)
    assert all(session.is_served() for session in sessions)


def test_each_request_may_come_on_a_new_connection(server: Server) -> None:
    sessions = [polling(server) for _ in range(8)]
    for number in range(5):
        for session in sessions:
            with Stream(server) as post, Stream(server) as get:
                get.request("GET", session.path)
                body = f'42["message",{number}]'.encode()
                assert post.exchange("POST", session.path, body=body).text == "ok"
                assert get.response().text == f'42["message-back",{number}]'


def test_one_connection_may_carry_requests_of_all_sessions(server: Server) -> None:
    sessions = [polling(server) for _ in range(12)]
    with Stream(server) as stream:
        for number in range(3):
            for session in sessions:
                stream.request("POST", session.path, body=f'42["message",{number}]'.encode())
                stream.request("GET", session.path)
            for _ in sessions:
                assert stream.response().text == "ok"
                assert stream.response().text == f'42["message-back",{number}]'


def test_large_posts_find_their_session(server: Server) -> None:
    text = "x" * 300_000
    for session in [polling(server) for _ in range(8)]:
        with Stream(server) as stream:
            body = f'42["message","{text}"]'.encode()
            assert stream.exchange("POST", session.path, body=body).text == "ok"
            assert session.packet() == f'42["message-back","{text}"]'


def test_upgrades_find_their_session(server: Server) -> None:
    for _ in range(16):
        with polling(server) as session:
            session.send('42["burst",50]')
            with session.upgrade() as websocket:
                found = [websocket.text() for _ in range(50)]
                assert found == [f'42["n",{n}]' for n in range(50)]


def test_a_broadcast_reaches_every_shard_once(server: Server) -> None:
    clients = [connected(server) for _ in range(CLIENTS)]
    sessions = [polling(server) for _ in range(4)]
    for number in range(20):
        clients[number].send(f'42["shout",{number}]')
        for client in clients:
            assert client.text() == f'42["shouted",{number}]'
        for session in sessions:
            assert session.packet() == f'42["shouted",{number}]'
    assert all(client.is_served() for client in clients)


def test_broadcasts_of_one_application_keep_their_order_everywhere(server: Server) -> None:
    clients = [connected(server) for _ in range(CLIENTS)]
    for number in range(200):
        clients[0].send(f'42{number}["shout",{number}]')
    expected = [f'42["shouted",{n}]' for n in range(200)]
    for client in clients[1:]:
        assert [client.text() for _ in range(200)] == expected


def test_a_room_has_members_in_every_shard(server: Server) -> None:
    clients = [connected(server) for _ in range(CLIENTS)]
    members, others = clients[::2], clients[1::2]
    for client in members:
        assert client.call("join", "across") == "joined"
    others[0].send('42["say","across",1]')
    assert [client.text() for client in members] == ['42["said",1]'] * len(members)
    for client in members[::2]:
        assert client.call("leave", "across") == "left"
    others[0].send('42["say","across",2]')
    assert [client.text() for client in members[1::2]] == ['42["said",2]'] * len(members[1::2])
    assert all(client.is_served() for client in clients)
