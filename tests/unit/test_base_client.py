"""The methods of both clients that never wait: handlers and attributes."""

from __future__ import annotations

import pytest

import fanio


@pytest.fixture(params=[fanio.AsyncClient, fanio.Client])
def client(request):
    """A client of each kind, not connected."""
    return request.param()


def test_handlers_are_registered_in_three_ways(client):
    @client.event
    def one():
        pass

    @client.event(namespace="/x")
    def two():
        pass

    @client.on("three")
    def named():
        pass

    client.on("*", print, namespace="/x")
    assert client.handlers == {"/": {"one": one, "three": named}, "/x": {"two": two, "*": print}}


def test_attributes_before_the_first_connection(client):
    assert not client.connected
    assert not client.recovered
    assert (client.sid, client.get_sid(), client.transport()) == (None, None, None)
    assert (client.namespaces, client.failed_namespaces) == ({}, [])
    assert client.reserved_events == ["connect", "connect_error", "disconnect", "__disconnect_final"]
    assert client.reason.CLIENT_DISCONNECT == "client disconnect"


def test_options_of_reconnection_may_change(client):
    client.reconnection_delay = 3
    client.reconnection_attempts = 2
    client.reconnection = False
    assert (client.reconnection_delay, client.reconnection_attempts, client.reconnection) == (3, 2, False)
