"""Engine.IO: each connect handler that lets a client in is followed by exactly one disconnect handler."""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from fixtures.oracle import ORACLE
from fixtures.stream import Stream, get
from fixtures.websocket import UPGRADE

if TYPE_CHECKING:
    from fixtures.server import Pool, Server

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="looks into fanio's server")

CLIENTS = 300
THREADS = 12
ENDS = ("accept", "accept", "accept", "kick", "false", "raise", "cancel")
PATIENCE = 30.0


def live(server: Server, seed: int) -> None:
    """A handshake whose client leaves before, or some time after, it is answered."""
    dice = random.Random(seed)
    transport, wait = dice.choice(("polling", "websocket")), dice.choice((0, 5, 30))
    target = f"/engine.io/?EIO=4&transport={transport}&wait={wait}&end={dice.choice(ENDS)}"
    with suppress(OSError, EOFError), Stream(server) as stream:
        stream.request("GET", target, *(UPGRADE if transport == "websocket" else ()))
        if dice.random() < 0.3:
            stream.response()
        time.sleep(dice.choice((0, 0.001, 0.01, 0.05)))


def settled(server: Server) -> dict[str, Any]:
    """The report once every client is gone."""
    deadline = time.monotonic() + PATIENCE
    while True:
        found: dict[str, Any] = get(server, "/report").json
        if not found["kept"] or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


@pytest.mark.parametrize("door", ["accept", "takeover", "bridge"])
def test_connect_and_disconnect_handlers_come_in_pairs(pool: Pool, door: str) -> None:
    options = {"ping_interval": 1, "ping_timeout": 1}
    server = pool.get("lifecycles_engine", options, environ={"FANIO_DOOR": door})
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(lambda number: live(server, number), range(CLIENTS)))
    found = settled(server)
    assert (found["faults"], found["unpaired"], found["kept"]) == ([], [], 0)
    assert min(found["accepted"], found["refused"]) > CLIENTS / 10, found
