"""AsyncClient without a server: its signature, its options, its misuse."""

from __future__ import annotations

import asyncio
import inspect
import linecache
import math
import typing
import warnings

import pytest
import socketio

import fanio
from fanio import exceptions
from fanio._client.options import ClientOptions, SimpleClientOptions

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
    known = set(fanio._client.settings.Settings.__dataclass_fields__)
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


@pytest.mark.parametrize(
    "url",
    [
        "nonsense", "ftp://127.0.0.1", "http://", "", "http://[::1", "http://host:99999", "http://host:port",
        "http://\udcff.example", "http://" + "ü" * 80, "//host", "http://[g::1]:1",
    ],
)  # fmt: skip
@pytest.mark.parametrize("as_function", [False, True])
async def test_a_malformed_url_cannot_be_connected_to(url, as_function):
    client, heard = fanio.AsyncClient(), []
    client.on("connect_error", heard.append)
    # As python-socketio raises.
    with pytest.raises(exceptions.ConnectionError, match="url: expected http://"):
        await client.connect((lambda: url) if as_function else url)
    assert [repr(url) in text for text in heard] == [True]
    await asyncio.wait_for(client.wait(), 5)


async def test_a_url_that_is_no_text_is_misuse():
    for url in (None, 3, b"http://host"):
        with pytest.raises(TypeError, match="url: expected a URL"):
            await fanio.AsyncClient().connect(url)


async def test_unknown_transports_are_misuse():
    with pytest.raises(ValueError, match="No valid transports provided"):
        await fanio.AsyncClient().connect("http://127.0.0.1:1", transports=["carrier pigeon"])


@pytest.mark.parametrize("header", [{"X": "a\r\nB: c"}, {"X\n": "a"}])
async def test_headers_cannot_smuggle_others(header):
    with pytest.raises(ValueError, match="line break"):
        await fanio.AsyncClient().connect("http://127.0.0.1:1", headers=header)


class Own(fanio.AsyncClient):
    """A class of the application's between its line and the client's."""

    def __init__(self, **options):
        super().__init__(**options)


@pytest.mark.parametrize("make", [fanio.AsyncClient, fanio.Client])
def test_unknown_options_warn_with_the_nearest_at_the_callers_line(make):
    line = inspect.currentframe().f_lineno + 2
    with pytest.warns(UserWarning, match="unknown option 'request_timeot' .did you mean 'request_timeout'") as caught:
        make(request_timeot=1)
    assert [(each.filename, each.lineno) for each in caught] == [(__file__, line)]


async def test_unknown_options_of_simple_clients_warn_where_they_connect():
    async def connect(make):
        with pytest.raises(exceptions.ConnectionError):
            await make(ssl_verfy=False).connect("nonsense")

    for make in (fanio.AsyncSimpleClient, fanio.SimpleClient):
        with pytest.warns(UserWarning, match="did you mean 'ssl_verify'") as caught:
            await connect(make)
        assert [each.filename for each in caught] == [__file__]


def test_a_class_of_the_applications_is_the_caller():
    with pytest.warns(UserWarning, match="unknown option 'x'") as caught:
        Own(x=1)
    assert "super().__init__" in linecache.getline(caught[0].filename, caught[0].lineno)


WRONG = {
    TypeError: [
        ("request_timeout", "5"), ("request_timeout", None), ("request_timeout", True), ("retries", "3"),
        ("max_buffer_packets", "many"), ("max_queue_bytes", None), ("ack_timeout", "1"), ("upgrade", "no"),
        ("try_all_transports", None), ("proxy", 8080), ("uds", 3), ("websocket_extra_options", 3),
        ("reconnection", "yes"), ("reconnection_attempts", "3"), ("reconnection_delay", "1"),
        ("reconnection_delay_max", None), ("randomization_factor", "x"), ("handle_sigint", "no"), ("logger", "x"),
    ],
    ValueError: [
        ("request_timeout", 0), ("request_timeout", math.inf), ("request_timeout", math.nan), ("retries", -1),
        ("retries", 1.5), ("max_attachments", 0), ("ack_timeout", -1), ("serializer", "x"),
        ("proxy", "socks5://proxy"), ("proxy", "http://proxy:x"), ("per_message_deflate", {"level": 99}),
        ("reconnection_attempts", -1), ("reconnection_delay", -1), ("reconnection_delay_max", math.nan),
    ],
}  # fmt: skip


@pytest.mark.parametrize(
    ("error", "option", "value"), [(error, *each) for error, found in WRONG.items() for each in found]
)
@pytest.mark.parametrize("make", [fanio.AsyncClient, fanio.Client])
def test_options_of_a_wrong_type_or_out_of_range_are_refused(make, error, option, value):
    with pytest.raises(error, match=option):
        make(**{option: value})


def test_options_as_python_socketio_takes_them():
    fanio.AsyncClient(
        reconnection=1, reconnection_delay=0, reconnection_delay_max=0.5, randomization_factor=2, request_timeout=3,
        websocket_extra_options=None, http_session=None, ssl_verify=False, engineio_logger=True, max_queue_bytes=1e6,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        ({"namespaces": "chat"}, ValueError, "did you mean '/chat'"),
        ({"namespaces": ["/", "chat"]}, ValueError, "did you mean '/chat'"),
        ({"namespaces": []}, ValueError, "namespaces: expected at least one"),
        ({"namespaces": 3}, TypeError, "namespaces: expected"),
        ({"namespaces": ["/", 3]}, TypeError, "namespace"),
        ({"headers": ["X: 1"]}, TypeError, "headers: expected a dictionary"),
        ({"headers": "X: 1"}, TypeError, "headers: expected a dictionary"),
        ({"headers": lambda: ["X: 1"]}, TypeError, "headers: expected a dictionary"),
        ({"socketio_path": None}, TypeError, "socketio_path: expected a path"),
        ({"wait_timeout": "1"}, TypeError, "wait_timeout: expected seconds"),
        ({"wait_timeout": -1}, ValueError, "wait_timeout: expected seconds"),
        ({"transports": 3}, TypeError, "transports: expected"),
    ],
)
async def test_arguments_of_connect_are_checked(arguments, error, match):
    client = fanio.AsyncClient()
    with pytest.raises(error, match=match):
        await client.connect("http://127.0.0.1:1", **arguments)
    # The client is as it was.
    with pytest.raises(exceptions.ConnectionError, match="cannot connect to 127"):
        await client.connect("http://127.0.0.1:1", headers=None, wait_timeout=None)


def test_the_typed_options_are_those_that_are_taken():
    engine = set(fanio._client.settings.Settings.__dataclass_fields__) | {"engineio_logger"}
    assert set(ClientOptions.__annotations__) == engine
    named = {name for name, _, _ in parameters(fanio.AsyncClient.__init__)} - {"self", "kwargs"}
    assert set(typing.get_type_hints(SimpleClientOptions)) == engine | named


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
