"""SimpleClient without a server."""

from __future__ import annotations

import pytest

import fanio
from fanio import exceptions


def test_a_simple_client_without_a_connection_says_so():
    client = fanio.SimpleClient()
    for use in (lambda: client.emit("x"), lambda: client.call("x"), client.receive):
        with pytest.raises(exceptions.DisconnectedError):
            use()
    assert client.sid is None
    assert client.transport == ""
    client.disconnect()
