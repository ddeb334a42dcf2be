"""While broadcasts to a room run without pause, all other clients are served."""

from __future__ import annotations

import selectors
import threading
from typing import TYPE_CHECKING

import pytest

from fixtures.polling import polling
from fixtures.websocket import Client, connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conformance.conftest import Serve
    from fixtures.server import Server

pytestmark = pytest.mark.differs("node", "python-socketio", reason="has no such flood")
MEMBERS = 200


class Drain:
    """Reads and forgets what clients get, in a thread, until it is closed."""

    def __init__(self, clients: list[Client]) -> None:
        self.bytes = [0] * len(clients)
        self.selector = selectors.DefaultSelector()
        for number, client in enumerate(clients):
            self.selector.register(client.stream.socket, selectors.EVENT_READ, number)
        self.is_open = True
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        while self.is_open:
            for key, _ in self.selector.select(0.2):
                data = key.fileobj.recv(1 << 20)  # type: ignore[union-attr]
                self.bytes[key.data] += len(data)
                if not data:
                    self.selector.unregister(key.fileobj)

    def close(self) -> None:
        self.is_open = False
        self.thread.join()
        self.selector.close()


@pytest.fixture(params=[1, 2])
def flooded(serve: Serve, request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server, with one shard or two, whose program floods the members of a room."""
    server = serve(shards=request.param, ping_interval=0.5, ping_timeout=60, max_queue_bytes=1 << 30)
    members = [connected(server) for _ in range(MEMBERS)]
    for client in members:
        client.call("join", "flooded")
    drain = Drain(members)
    with connected(server) as speaker:
        speaker.call("flood", "flooded")
        try:
            yield server
        finally:
            made = speaker.call("flood-stop", "flooded")
            drain.close()
            for client in members:
                client.close()
    assert made > 0
    assert min(drain.bytes) > 0


def test_acks_come_between_the_broadcasts(flooded: Server) -> None:
    with connected(flooded) as client:
        made = [client.call("flood", "flooded") for _ in range(30)]
    assert made == sorted(made)
    assert made[0] < made[-1], "the flood went on"


def test_a_new_client_gets_in(flooded: Server) -> None:
    for _ in range(3):
        with connected(flooded) as websocket, polling(flooded) as session:
            assert websocket.is_served()
            assert session.is_served()


def test_heartbeats_go_out(flooded: Server) -> None:
    with connected(flooded) as client:
        for _ in range(3):
            assert client.text() == "2"
            client.send("3")
        assert client.is_served()
