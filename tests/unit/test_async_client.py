"""AsyncClient without a server: its signature, its options, its misuse."""

from __future__ import annotations

import asyncio
import inspect
import warnings

import pytest
import socketio

import fanio
from fanio import exceptions

PUBLIC = [
    "call",
    "connect",
    "disconnect",
    "emit",
    "event",
    "get_sid",
    "is_asyncio_based",
    "on",
    "register_namespace",
    "send",
    "shutdown",
    "sleep",
    "start_background_task",
    "transport",
    "wait",
]


def parameters(function):
    """Names, kinds and defaults; keyword-only ones are ours alone."""
    found = inspect.signature(function).parameters.values()
    kept = [each for each in found if each.kind is not each.KEYWORD_ONLY and each.name != "options"]
    return [(each.name, each.kind, each.default) for each in kept]


@pytest.mark.parametrize("name", PUBLIC)
def test_methods_have_python_socketios_arguments(name):
    ours, theirs = getattr(fanio.AsyncClient, name), getattr(socketio.AsyncClient, name)
    assert parameters(ours) == parameters(theirs)
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


def test_the_constructor_has_python_socketios_arguments():
    theirs = inspect.signature(socketio.AsyncClient.__init__).parameters
    ours = inspect.signature(fanio.AsyncClient.__init__).parameters
    assert [(each.name, each.default) for each in ours.values()] == [
        (each.name, each.default) for each in theirs.values()
    ]


def test_every_public_method_of_theirs_is_there():
    missing = {name for name in dir(socketio.AsyncClient) if not name.startswith("_")} - set(dir(fanio.AsyncClient))
    assert not missing


def test_engine_io_options_are_python_engineios():
    import engineio

    theirs = set(inspect.signature(engineio.AsyncClient.__init__).parameters)
    known = set(fanio._client.settings.ClientOptions.__dataclass_fields__)
    assert theirs - {"self", "logger", "json", "handle_sigint"} <= known


@pytest.mark.parametrize("name", ["emit", "send", "call", "disconnect", "trigger_event"])
def test_namespaces_have_python_socketios_arguments(name):
    ours = getattr(fanio.AsyncClientNamespace, name)
    found = [each for each in parameters(ours) if each[1] is not inspect.Parameter.VAR_KEYWORD]
    assert found == parameters(getattr(socketio.AsyncClientNamespace, name))


async def test_emit_before_the_first_connect_is_misuse():
    client = fanio.AsyncClient()
    with pytest.raises(exceptions.BadNamespaceError, match="/x is not a connected namespace"):
        await client.emit("event", namespace="/x")
    with pytest.raises(exceptions.BadNamespaceError):
        await client.call("event")


async def test_what_cannot_connect_says_so_and_leaves_nothing():
    client = fanio.AsyncClient()
    heard = []
    client.on("connect_error", heard.append)
    with pytest.raises(exceptions.ConnectionError, match="cannot connect to 127"):
        await client.connect("http://127.0.0.1:1")
    assert len(heard) == 1
    await asyncio.wait_for(client.wait(), 5)
    assert client.sid is None
    assert client.transport() is None
    await client.disconnect()


@pytest.mark.parametrize("url", ["nonsense", "ftp://127.0.0.1", "http://", ""])
async def test_a_url_that_is_none_is_misuse(url):
    client = fanio.AsyncClient()
    with pytest.raises(ValueError, match="url: expected http://"):
        await client.connect(url)
    await asyncio.wait_for(client.wait(), 5)


async def test_unknown_transports_are_misuse():
    with pytest.raises(ValueError, match="No valid transports provided"):
        await fanio.AsyncClient().connect("http://127.0.0.1:1", transports=["carrier pigeon"])


@pytest.mark.parametrize("header", [{"X": "a\r\nB: c"}, {"X\n": "a"}])
async def test_headers_cannot_smuggle_others(header):
    with pytest.raises(ValueError, match="line break"):
        await fanio.AsyncClient().connect("http://127.0.0.1:1", headers=header)


def test_unknown_options_warn_with_the_nearest():
    with pytest.warns(UserWarning, match="did you mean 'request_timeout'"):
        fanio.AsyncClient(request_timeot=1)


@pytest.mark.parametrize(
    ("option", "value"), [("request_timeout", 0), ("retries", -1), ("max_buffer_packets", "many"), ("serializer", "x")]
)
def test_options_out_of_range_are_refused(option, value):
    with pytest.raises(ValueError, match=option):
        fanio.AsyncClient(**{option: value})


def test_verify_takes_no_nonsense():
    with pytest.raises(TypeError, match="ssl_verify"):
        fanio.AsyncClient(ssl_verify=3)
    with pytest.raises(OSError, match="nowhere"):
        fanio.AsyncClient(ssl_verify="/nowhere.pem")


def test_register_namespace_takes_client_namespaces_only():
    client = fanio.AsyncClient()
    with pytest.raises(ValueError, match="Not a namespace instance"):
        client.register_namespace(fanio.AsyncNamespace("/x"))
    client.register_namespace(fanio.AsyncClientNamespace("/x"))
    assert list(client.namespace_handlers) == ["/x"]


def test_attributes_of_reconnection_may_change():
    client = fanio.AsyncClient(reconnection_delay=2)
    client.reconnection, client.reconnection_attempts, client.reconnection_delay_max = False, 3, 9
    client.randomization_factor = 0
    backoff = client._reconnection.backoff()
    assert [backoff.next() for _ in range(4)] == [2, 4, 8, 9]
    assert not client.reconnection


def test_constructing_needs_no_loop_and_starts_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not fanio.AsyncClient().connected
