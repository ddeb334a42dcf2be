"""A server with the wire app. After each test it must still run, and serve another client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from fixtures.oracle import ORACLE
from fixtures.polling import polling
from fixtures.websocket import connected

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixtures.server import Pool, Server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The wire is Node's: python-socketio is no oracle for it."""
    for item in items:
        if ORACLE == "python-socketio" and "conformance" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason="python-socketio's wire differs in details"))


class Serve(Protocol):
    """Starts, or finds running, a server with these options of `AsyncServer`."""

    def __call__(self, **options: Any) -> Server:
        """Returns the server."""


@pytest.fixture
def serve(pool: Pool) -> Iterator[Serve]:
    """Servers for a test; each is looked at when the test is over."""
    used: list[Server] = []

    def start(**options: Any) -> Server:
        server = pool.get("wire", options)
        used.append(server)
        return server

    yield start
    for server in used:
        assert_well(server)


@pytest.fixture
def server(serve: Serve) -> Server:
    """A server with all options at their defaults."""
    return serve()


def assert_well(server: Server) -> None:
    """The server lives, nothing in it panicked, and another client is served."""
    tail = server.output()[-4000:]
    assert server.is_running(), tail
    assert "panicked" not in tail, tail
    opens = polling if server.options.get("transports") == ["polling"] else connected
    with opens(server) as client:
        assert client.is_served()
