"""The kinds of example that python-socketio comes with, by its own client."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import require_module
from fixtures.stream import get

if TYPE_CHECKING:
    from collections.abc import Callable

    from fixtures.server import Pool, Server

pytestmark = pytest.mark.differs("node", reason="runs no Python")
SECONDS = 15


class Client:
    """python-socketio's simple client, which keeps what it does not want now for later."""

    def __init__(self, server: Server, **options: Any) -> None:
        import socketio

        self._client = socketio.SimpleClient()
        self._client.connect(server.url, wait_timeout=SECONDS, **options)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()

    def emit(self, event: str, data: Any = None) -> None:
        """Emits."""
        self._client.emit(event, data)

    def until(self, wanted: Callable[[list[Any]], Any]) -> list[Any]:
        """Hears until something is so."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            event = self._client.receive(timeout=SECONDS)
            if wanted(event):
                return event
        pytest.fail("not heard")


def says(text: str) -> Callable[[list[Any]], bool]:
    """An event whose first argument has this as data."""
    return lambda event: event[0] == "reply" and event[1]["data"] == text


def wait_for_output(server: Server, text: str) -> None:
    """Waits until the server has written something."""
    deadline = time.monotonic() + SECONDS
    while text not in server.output():
        assert time.monotonic() < deadline, server.output()
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def clients() -> None:
    """python-socketio's client."""
    require_module("socketio", "requests", "websocket")


TRANSPORTS = pytest.mark.parametrize(
    "transports", [["polling"], ["websocket"], None], ids=["polling", "websocket", "both"]
)


@TRANSPORTS
def test_rooms_and_a_background_task(pool: Pool, transports: Any) -> None:
    server = pool.get("kind_rooms")
    options: dict[str, Any] = {"transports": transports}
    with Client(server, **options) as one, Client(server, **options) as two:
        one.until(says("Connected"))
        two.until(lambda event: event[1]["data"] == "tick" and event[1]["count"] > 2)
        one.emit("one", {"data": "only me"})
        one.until(says("only me"))
        one.emit("all", {"data": "everybody"})
        two.until(says("everybody"))
        two.emit("join", {"room": "r"})
        two.until(says("Entered room: r"))
        one.emit("room", {"room": "r", "data": "to the room"})
        two.until(says("to the room"))
        one.emit("close", {"room": "r"})
        two.until(says("Room r is closing."))
        before = server.output().count("reason: server disconnect")
        two.emit("leave server")
        deadline = time.monotonic() + SECONDS
        while server.output().count("reason: server disconnect") == before:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@TRANSPORTS
def test_fiddle(pool: Pool, transports: Any) -> None:
    server = pool.get("kind_fiddle")
    with Client(server, auth={"token": "my-token"}, transports=transports) as client:
        assert client.until(lambda event: event[0] == "hello") == ["hello", 1, 2, {"hello": "you"}]
    assert "connected auth={'token': 'my-token'}" in server.output()
    wait_for_output(server, "disconnected client disconnect")


def test_latency(pool: Pool) -> None:
    with Client(pool.get("kind_latency")) as client:
        for _ in range(20):
            client.emit("ping_from_client")
            assert client.until(lambda event: True) == ["pong_from_server"]


@pytest.mark.parametrize("name", ["kind_fastapi", "kind_litestar"])
def test_beside_a_framework(pool: Pool, name: str) -> None:
    require_module("fastapi", "litestar")
    server = pool.get(name)
    response = get(server, "/hello")
    assert (response.status, json.loads(response.body)) == (200, {"hello": "world"})
    with Client(server) as client:
        assert client.until(lambda event: True)[0] == "hello"
    wait_for_output(server, "disconnected from")


@TRANSPORTS
def test_mounted_in_fastapi(pool: Pool, transports: Any) -> None:
    require_module("fastapi")
    server = pool.get("kind_fastapi")
    with Client(server, socketio_path="/ws", transports=transports, auth={"a": 1}) as client:
        assert client.until(lambda event: True) == ["hello", "mounted", "/ws/", {"a": 1}]
    wait_for_output(server, "disconnected from mounted")
