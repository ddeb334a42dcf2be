"""After a graceful stop of the server, the clients of every library reconnect: on every transport, also in mid-upgrade.

Most libraries other than JavaScript's do not reconnect when a close packet answers their poll. So the last
poll is answered with what waits, or a noop. The next poll finds no server, or one that does not know the
session.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from fixtures.peers import NAMES, Peer
from fixtures.relay import Relay

if TYPE_CHECKING:
    from fixtures.server import Pool

TRANSPORTS = ["polling", "websocket", "any"]
SENDS_BYTES = [name for name in NAMES if not name.startswith("rust")]

pytestmark = pytest.mark.differs("node", "python-socketio", reason="close the poll with a close packet")


def tries_of(name: str, transport: str) -> int:
    """How often a client may try: Java's and Rust's sometimes stop for good when the server ends in mid-upgrade."""
    return 3 if transport == "any" and name.startswith(("java", "rust")) else 1


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_client_comes_back_when_its_server_does(pool: Pool, name: str, transport: str) -> None:
    come_back(pool, name, transport, tries_of(name, transport))


def come_back(pool: Pool, name: str, transport: str, tries: int) -> None:
    try:
        come_back_once(pool, name, transport)
    except AssertionError:
        if tries == 1:
            raise
        come_back(pool, name, transport, tries - 1)


def come_back_once(pool: Pool, name: str, transport: str) -> None:
    server = pool.start("wire")
    with Peer(name, transport, server.url) as peer:
        peer.wait_for("connect")
        # Those that upgrade are about to: they begin when they are connected.
        if transport != "any":
            peer.wait_for("event hello")
        server.stop()
        again = pool.start("wire", run={"port": server.port})
        try:
            peer.wait_for("connect")
            peer.wait_for("event hello")
        finally:
            again.stop()


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("name", NAMES)
async def test_a_client_goes_to_the_server_that_takes_over(pool: Pool, name: str, transport: str) -> None:
    await go_over(pool, name, transport, tries_of(name, transport))


async def go_over(pool: Pool, name: str, transport: str, tries: int) -> None:
    try:
        await go_over_once(pool, name, transport)
    except AssertionError:
        if tries == 1:
            raise
        await go_over(pool, name, transport, tries - 1)


async def go_over_once(pool: Pool, name: str, transport: str) -> None:
    old = await asyncio.to_thread(pool.start, "wire")
    new = await asyncio.to_thread(pool.start, "wire")
    async with Relay(old.port) as relay:
        with Peer(name, transport, relay.url) as peer:
            await asyncio.to_thread(peer.wait_for, "event hello")
            relay.target = new.port
            await asyncio.to_thread(old.stop)
            await asyncio.to_thread(peer.wait_for, "connect")
            await asyncio.to_thread(peer.wait_for, "event hello")
    await asyncio.to_thread(new.stop)


@pytest.mark.parametrize("transport", ["polling", "websocket"])
@pytest.mark.parametrize("name", SENDS_BYTES)
def test_a_client_comes_back_after_a_message_that_is_too_large(pool: Pool, name: str, transport: str) -> None:
    if (name, transport) == ("java", "websocket"):
        pytest.skip("Java's client heeds no close frame: it comes back when a ping is late, as with Node's server")
    server = pool.get("wire", {"max_http_buffer_size": 20_000})
    with Peer(name, transport, server.url, "30000") as peer:
        peer.wait_for("connect")
        peer.wait_for("disconnect")
        peer.wait_for("connect")


@pytest.mark.parametrize("size", [1, 56, 57, 58, 59, 4000])
@pytest.mark.parametrize("name", ["java", "js", "socketio.async", "fanio.async"])
def test_bytes_come_over_polling(pool: Pool, name: str, size: int) -> None:
    server = pool.get("wire")
    with Peer(name, "polling", server.url, str(size)) as peer:
        peer.wait_for(f"bytes {size}")
