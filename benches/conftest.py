"""Clients on socket pairs, closed after each benchmark."""

from __future__ import annotations

import pytest

from benches.pairs import FanioMsgpackPairs, FanioPairs, PythonSocketIOPairs

KINDS = {"fanio": FanioPairs, "fanio, msgpack": FanioMsgpackPairs, "python-socketio": PythonSocketIOPairs}


@pytest.fixture
def connect():
    """A function that makes a library's server with so many clients."""
    made = []

    def make(library, clients):
        pairs = KINDS[library](clients)
        made.append(pairs)
        return pairs

    yield make
    for pairs in made:
        pairs.close()
