"""Random lives of clients: each connect handler that accepts is followed by exactly one disconnect handler.

Clients join namespaces, leave them, send events, come back, change the transport and break off, at once or
with pauses, while the server's handlers wait, refuse, raise and disconnect them.
"""

from __future__ import annotations

import json
import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import ORACLE
from fixtures.polling import Polling
from fixtures.server import check_exit
from fixtures.websocket import Client, WebSocket

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="looks into fanio's server")

CLIENTS = 400
THREADS = 12
NAMESPACES = ("/", "/class", "/plain")
ENDS = (None, None, None, "false", "refuse", "raise", "cancel", "kick", "kick itself")
PATIENCE = 30.0

SERVERS: dict[str, tuple[str, dict[str, Any]]] = {
    "accept": ("accept", {}),
    "takeover": ("takeover", {}),
    "bridge": ("bridge", {}),
    "packet class": ("accept", {"serializer": "plain"}),
    "always connect": ("accept", {"always_connect": True}),
    "one after the other": ("accept", {"async_handlers": False}),
    "several shards": ("takeover", {"shards": 3}),
}


@dataclass
class Life:
    """What one client sends, and how it ends."""

    dice: random.Random
    joined: set[str] = field(default_factory=set)

    def packets(self) -> list[str]:
        """Some packets, which keep to the protocol."""
        return [self.packet() for _ in range(self.dice.randint(1, 6))]

    def packet(self) -> str:
        """One packet."""
        namespace = self.dice.choice(NAMESPACES)
        name = "" if namespace == "/" else f"{namespace},"
        if namespace not in self.joined:
            self.joined.add(namespace)
            return f"40{name}{json.dumps(self.plan())}"
        if self.dice.random() < 0.5:
            self.joined.discard(namespace)
            return f"41{name}"
        what = self.dice.choices(("nothing", "kick", "kill"), (20, 3, 1))[0]
        return f'42{name}{self.dice.choice(("", 7))}["event","{what}"]'

    def plan(self) -> dict[str, Any]:
        """What a connect handler does."""
        dice = self.dice
        return {
            "wait": dice.choice((0, 0, 1, 5, 15)),
            "end": dice.choice(ENDS),
            "after": dice.choice((0, 1, 10)),
            "later": dice.choice((None, None, 0, 5, 30)),
        }

    def pause(self) -> None:
        """Lets the server do some of it, or nothing."""
        if self.dice.random() < 0.5:
            time.sleep(self.dice.choice((0, 0.001, 0.005, 0.03)))

    def offend(self) -> str:
        """A packet that breaks the protocol."""
        return self.dice.choice(("4x", "44{}", "40", '42/nowhere,["event","x"]'))


def live(server: Server, seed: int) -> None:
    """One client from its handshake to its end; the server may end it before."""
    life = Life(random.Random(seed))
    transport = life.dice.choice((on_websocket, on_websocket, on_polling, while_upgrading))
    # The server has closed: its answer is another one then, or none.
    with suppress(OSError, EOFError, AssertionError, ValueError):
        transport(server, life)


def on_websocket(server: Server, life: Life) -> None:
    """WebSocket from the start; ends without a word, with a close packet, or with an offence."""
    with Client(server) as client:
        speak(client, life)


def speak(websocket: WebSocket, life: Life) -> None:
    """Sends until the end."""
    for _ in range(life.dice.randint(1, 3)):
        for packet in life.packets():
            websocket.send(packet)
        life.pause()
    last = life.dice.choice((None, "1", life.offend()))
    if last is not None:
        websocket.send(last)
        life.pause()


def on_polling(server: Server, life: Life) -> None:
    """Polling; some only vanish, which the server notices by its ping."""
    with Polling(server) as session:
        for _ in range(life.dice.randint(1, 3)):
            session.send(*life.packets())
            life.pause()
            if life.dice.random() < 0.3:
                session.get()
        last = life.dice.choice((None, "1", "1", life.offend()))
        if last is None:
            session.start_get()
        else:
            session.post(last)


def while_upgrading(server: Server, life: Life) -> None:
    """Packets before, between and after the steps of an upgrade, at any of which the client may end."""
    with Polling(server) as session, session.probe() as websocket:
        last_step = life.dice.randint(0, 3)
        session.send(*life.packets())
        if last_step > 0:
            websocket.send("2probe")
            session.send(*life.packets())
        if last_step > 1:
            assert websocket.text() == "3probe"
            websocket.send("5")
        if last_step > 2:
            speak(websocket, life)
        elif life.dice.random() < 0.5:
            session.post("1")


def report(control: Client) -> dict[str, Any]:
    """What the server has counted."""
    control.send('42/control,1["report"]')
    while not (packet := control.text()).startswith("43/control,1["):
        if packet == "2":
            control.send("3")
    found: dict[str, Any] = json.loads(packet[len("43/control,1") :])[0]
    return found


def settled(control: Client) -> dict[str, Any]:
    """The report once every client is gone and its handlers have run."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found = report(control)
        if not found["kept"] or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


@pytest.mark.parametrize("transport", [Client, Polling])
@pytest.mark.parametrize("door", ["accept", "takeover", "bridge"])
def test_a_server_that_stops_runs_the_handlers_of_clients_that_connect(
    pool: Pool, door: str, transport: type[Client | Polling]
) -> None:
    server = pool.start("lifecycles", environ={"FANIO_DOOR": door})
    try:
        with transport(server) as session:
            session.send('40{"wait":300,"tell":1}')
            while "connecting" not in server.output():
                time.sleep(0.01)
            check_exit(server)
    finally:
        server.stop()
    assert server.output().count("pair 1 1: server shutdown, []") == 1


def test_a_connect_handler_may_take_longer_than_the_time_to_join(pool: Pool) -> None:
    server = pool.get("lifecycles", {"connect_timeout": 0.2})
    with Client(server) as client:
        client.send('40{"wait":300,"tell":1}')
        client.close_code()
        deadline = time.monotonic() + PATIENCE
        while "pair" not in server.output() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert server.output().count("pair 1 1: connect timeout, []") == 1


@pytest.mark.parametrize("name", SERVERS)
def test_connect_and_disconnect_handlers_come_in_pairs(pool: Pool, name: str) -> None:
    door, options = SERVERS[name]
    timing = {"ping_interval": 1, "ping_timeout": 1}
    server = pool.get("lifecycles", timing | options, environ={"FANIO_DOOR": door})
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda number: live(server, number), range(CLIENTS)))
    with Client(server) as control:
        control.connect("/control")
        found = settled(control)
    assert found["faults"] == []
    assert found["unpaired"] == []
    assert found["kept"] == {}
    assert found["accepted"] == found["left"]
    assert min(found["accepted"], found["refused"], found["events"]) > CLIENTS / 10, found
    output = server.output()
    assert "panicked" not in output
    raised = set(re.findall(r"^\w[\w.]*(?:Error|Exception)\b.*", output, re.MULTILINE))
    assert raised == {"ValueError: on purpose"}
    assert output.count("Traceback") == output.count("ValueError: on purpose")
