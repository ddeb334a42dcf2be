"""The wire options: defaults, forms, what the core gets, what is refused."""

from __future__ import annotations

import ast
import decimal
import fractions
import inspect
import itertools
from pathlib import Path

import pytest

import fanio
from fanio import _core, engineio
from fanio._options import keys
from fanio._options.server import WireOptions
from fanio._options.values import fastest_door, is_door_allowed


def core(**options):
    return WireOptions(**options).core()


def test_defaults_are_those_of_python_socketio():
    expected = {
        "ping_grace": 0.0,
        "ping_interval": 25.0,
        "ping_timeout": 20.0,
        "max_http_buffer_size": 1_000_000,
        "allow_upgrades": True,
        "transports": ["polling", "websocket"],
        "cookie": None,
        "cors": "same",
        "cors_credentials": True,
        "http_compression": True,
        "compression_threshold": 1024,
        "connect_timeout": 45.0,
        "upgrade_timeout": 10.0,
        "max_attachments": 10,
        "trusted_proxies": [],
        "admission": False,
    }
    assert {name: core()[name] for name in expected} == expected


def test_the_core_knows_every_option():
    _core.Server(core())
    _core.Server(core(cookie={"name": "io", "x": lambda: 1}, cors_allowed_origins=["http://a"], shards=2))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (False, None),
        (None, None),
        (True, (1024, 6)),
        ({}, (1024, 6)),
        ({"threshold": 0}, (0, 6)),
        ({"level": 1, "threshold": 10}, (10, 1)),
    ],
)
def test_compression(given, expected):
    assert core(per_message_deflate=given)["per_message_deflate"] == expected
    _core.Server(core(per_message_deflate=given))


@pytest.mark.parametrize("given", [{"window": 12}, {"threshold": -1}, {"level": 0}, {"level": 10}])
def test_compression_that_does_not_exist_is_refused(given):
    with pytest.raises(ValueError, match="per_message_deflate: expected threshold"):
        core(per_message_deflate=given)


def test_interval_with_grace_is_their_sum():
    assert core(ping_interval=(10, 5))["ping_interval"] == 10.0
    assert core(ping_interval=(10, 5))["ping_grace"] == 5.0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("*", "*"),
        (["*"], "*"),
        (["http://a", "*"], "*"),
        ([], "off"),
        ("http://a", ["http://a"]),
        (("http://a", "http://b"), ["http://a", "http://b"]),
        (lambda origin: True, "ask"),
        ("null", ["null"]),
        ("http://localhost:3000", ["http://localhost:3000"]),
        ("http://[::1]:80", ["http://[::1]:80"]),
        (["capacitor://localhost", "chrome-extension://abc", "file://"], ...),
        ({"https://b\u00fccher.example"}, ["https://b\u00fccher.example"]),
    ],
)
def test_origins(given, expected):
    options = core(cors_allowed_origins=given)
    assert options["cors"] == (given if expected is ... else expected)
    assert options["admission"] is callable(given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("io", ("io", "; Path=/; SameSite=Lax")),
        ({"name": "io"}, ("io", "")),
        ({"name": "io", "path": "/x", "httpOnly": True, "Secure": False}, ("io", "; path=/x; httpOnly")),
        ({"name": "io", "x": lambda: 1}, ("io", "")),
    ],
)
def test_cookies(given, expected):
    assert core(cookie=given)["cookie"] == expected


@pytest.mark.parametrize("cookie", [None, False, ""])
def test_no_cookie(cookie):
    assert core(cookie=cookie)["cookie"] is None


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("ping_interval", None, TypeError),
        ("ping_interval", "25", TypeError),
        ("ping_interval", b"25", TypeError),
        ("ping_interval", True, TypeError),
        ("ping_interval", 25j, TypeError),
        ("ping_interval", (1, 2, 3), ValueError),
        ("ping_interval", (1, "x"), TypeError),
        ("ping_interval", ("1", 1), TypeError),
        ("ping_timeout", "soon", TypeError),
        ("ping_timeout", -1, ValueError),
        ("ping_timeout", 10**400, ValueError),
        ("connect_timeout", float("nan"), ValueError),
        ("max_http_buffer_size", None, TypeError),
        ("max_http_buffer_size", "1000000", TypeError),
        ("max_http_buffer_size", 10**30, ValueError),
        ("max_http_buffer_size", -1, ValueError),
        ("max_http_buffer_size", 1.5, ValueError),
        ("max_http_buffer_size", float("nan"), ValueError),
        ("max_http_buffer_size", float("inf"), ValueError),
        ("max_queue_bytes", "much", TypeError),
        ("max_queue_packets", 0, ValueError),
        ("compression_threshold", None, TypeError),
        ("allow_upgrades", "false", TypeError),
        ("http_compression", "no", TypeError),
        ("cors_credentials", [], TypeError),
        ("cookie", True, TypeError),
        ("cookie", {"path": "/"}, TypeError),
        ("cors_allowed_origins", True, TypeError),
        ("cors_allowed_origins", "a.example", ValueError),
        ("cors_allowed_origins", ["https://a.example", "localhost:3000"], ValueError),
        ("cors_allowed_origins", "https://a.example/", ValueError),
        ("cors_allowed_origins", "https://*.a.example", ValueError),
        ("cors_allowed_origins", "https://a.example, https://b.example", ValueError),
        ("cors_allowed_origins", "", ValueError),
        ("transports", 5, TypeError),
        ("trusted_proxies", 5, TypeError),
        ("trusted_proxies", "proxy.example", ValueError),
        ("per_message_deflate", "yes", TypeError),
        ("per_message_deflate", {"level": "6"}, ValueError),
        ("per_message_deflate", {"threshold": 1.5}, ValueError),
    ],
)
def test_a_wrong_value_is_named(name, value, error):
    with pytest.raises(error, match=f"^{name}: expected .*, got "):
        core(**{name: value})


def test_cookie_attributes_are_made_anew():
    values = iter(["a", "b"])
    options = WireOptions(cookie={"name": "io", "x": lambda: next(values)})
    assert options.core()["admission"] is True
    assert [options.cookie_attributes(), options.cookie_attributes()] == ["; x=a", "; x=b"]


@pytest.mark.parametrize("cookie", ["a\r\nb", {"name": "io", "path": "a\nb"}])
def test_cookie_cannot_break_the_line(cookie):
    with pytest.raises(ValueError):
        core(cookie=cookie)


def test_transports():
    assert core(transports="websocket")["transports"] == ["websocket"]
    assert core(transports=("websocket", "polling"))["transports"] == ["websocket", "polling"]
    for given in (["smoke"], ["polling", "webtransport"], "webtransport", [], [5]):
        with pytest.raises(ValueError, match=r"No valid transports .* expected some of polling, websocket, got "):
            core(transports=given)


@pytest.mark.parametrize(
    ("given", "expected"),
    [("*", "*"), (["*"], "*"), ("10.0.0.1", ["10.0.0.1"]), (["10.0.0.1", "::1"], ["10.0.0.1", "::1"])],
)
def test_trusted_proxies(given, expected):
    assert core(trusted_proxies=given)["trusted_proxies"] == expected
    with pytest.raises(ValueError):
        core(trusted_proxies=["proxy.example"])


@pytest.mark.parametrize(("given", "expected"), [(lambda o: o == "ok", 1), (lambda o, e: e["a"] == o, 2)])
def test_origin_function_gets_what_it_takes(given, expected):
    options = WireOptions(cors_allowed_origins=given)
    assert options.accepts("ok", lambda: {"a": "ok"}) is True
    assert options.accepts("bad", lambda: {"a": "ok"}) is False


def test_unknown_option_is_named_with_the_nearest(fake):
    with pytest.warns(UserWarning, match="unknown option 'ping_intervall' .did you mean 'ping_interval'"):
        fanio.AsyncServer(ping_intervall=3)


def test_options_without_meaning_here_are_taken(fake):
    fanio.AsyncServer(engineio_logger=True, monitor_clients=True, async_mode="asgi", serializer="default")


@pytest.mark.parametrize("options", [{"async_mode": "aiohttp"}, {"serializer": "pickle"}])
def test_options_that_are_not_supported_are_refused(fake, options):
    with pytest.raises(ValueError):
        fanio.AsyncServer(**options)


def test_limits_of_slow_clients():
    given = core()
    assert given["max_queue_bytes"] == 64 << 20
    assert given["max_queue_packets"] is None
    assert (given["max_queue_age"], given["high_water_mark"]) == (30.0, 256 << 10)
    assert given["max_total_queue_bytes"] == 256 << 20
    assert given["max_total_unread_bytes"] == 64 << 20
    assert (given["write_timeout"], given["send_buffer"], given["not_sent_low_water"]) == (10.0, None, 131_072)
    assert core(max_queue_bytes=None)["max_queue_bytes"] is None
    assert core(max_queue_age=None)["max_queue_age"] is None
    _core.Server(
        core(
            max_queue_age=None,
            max_queue_bytes=None,
            max_queue_packets=None,
            max_total_queue_bytes=None,
            send_buffer=65_536,
        )
    )


@pytest.mark.parametrize(
    "options",
    [
        {"max_queue_age": -1},
        {"high_water_mark": -1},
        {"max_queue_bytes": 0},
        {"max_queue_packets": -1},
        {"send_buffer": 0},
        {"slow_clients": "drop"},
    ],
)
def test_invalid_limits_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        core(**options)


def test_numbers_of_other_kinds_are_numbers():
    assert core(ping_interval=fractions.Fraction(1, 2))["ping_interval"] == 0.5
    assert core(ping_interval=decimal.Decimal("0.5"))["ping_interval"] == 0.5
    assert core(max_http_buffer_size=1e6)["max_http_buffer_size"] == 1_000_000
    assert core(allow_upgrades=0)["allow_upgrades"] is False


@pytest.mark.parametrize("name", ["always_connect", "async_handlers"])
def test_the_servers_own_switches_are_switches(fake, name):
    with pytest.raises(TypeError, match=f"^{name}: expected True or False, got 'no'"):
        fanio.AsyncServer(**{name: "no"})


def test_an_option_that_is_set_later_is_checked_too(fake):
    sio = fanio.AsyncServer()
    with pytest.raises(TypeError, match="ping_interval"):
        sio.eio.ping_interval = "25"
    with pytest.raises(ValueError, match="cors_allowed_origins"):
        sio.eio.cors_allowed_origins = ["a.example"]
    assert (sio.eio.ping_interval, sio.eio.cors_allowed_origins) == (25, None)


def documented(kind):
    """The text below each key of a class, by key."""
    tree = ast.parse(Path(keys.__file__).read_text())
    body = next(node.body for node in tree.body if getattr(node, "name", "") == kind.__name__)
    return {
        key.target.id: text.value.value
        for key, text in itertools.pairwise(body)
        if isinstance(key, ast.AnnAssign) and isinstance(text, ast.Expr)
    }


def test_every_option_has_a_key_that_says_its_default():
    defaults = {"always_connect": False, "async_mode": None, "engineio_logger": False, "monitor_clients": None}
    defaults |= {"serializer": "default"}
    defaults |= {name: option.default for name, option in WireOptions.__dataclass_fields__.items() if option.init}
    texts = documented(keys.MoreOptions) | documented(keys.ServerOptions)
    assert set(texts) == set(defaults) == set(keys.ServerOptions.__annotations__)
    for name, default in defaults.items():
        is_number = isinstance(default, int) and not isinstance(default, bool)
        shown = f"{default:,}" if is_number else f'"{default}"' if isinstance(default, str) else repr(default)
        assert texts[name].endswith(f" {shown}."), name


def test_an_engineio_server_takes_the_other_options_too():
    named = inspect.signature(engineio.AsyncServer).parameters
    names = {name for name, option in WireOptions.__dataclass_fields__.items() if option.init}
    assert set(documented(keys.MoreOptions)) == names - set(named)


def test_the_environment_variable_replaces_the_option_door(monkeypatch):
    assert fastest_door("accept") == "accept"
    monkeypatch.setenv("FANIO_DOOR", "bridge")
    assert fastest_door("accept") == "bridge"
    monkeypatch.setenv("FANIO_DOOR", "accept")
    assert fastest_door("bridge") == "accept"


def test_a_door_that_does_not_exist_is_named(monkeypatch, fake):
    with pytest.raises(ValueError, match="door: expected one of accept, takeover, bridge, got 'fast'"):
        fanio.AsyncServer(door="fast")
    monkeypatch.setenv("FANIO_DOOR", "none")
    with pytest.raises(ValueError, match="FANIO_DOOR: expected"):
        fanio.AsyncServer()


def test_slower_doors_than_the_chosen_one_are_allowed():
    assert [is_door_allowed(door, "takeover") for door in ("accept", "takeover", "bridge")] == [False, True, True]
