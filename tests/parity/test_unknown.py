"""The table of ``cases/unknown.py`` has every public method, and also holds for separate Engine.IO servers."""

from __future__ import annotations

import importlib
import inspect

import pytest

import fanio
from fanio import engineio
from fixtures.oracle import ORACLE, require_module
from parity.cases import unknown

pytestmark = pytest.mark.skipif(ORACLE != "fanio", reason="compares two libraries itself")

TABLES = {
    "socketio.AsyncServer": unknown.of_server,
    "socketio.AsyncNamespace": unknown.of_namespace,
    "socketio.AsyncManager": unknown.of_manager,
    "engineio.AsyncServer": lambda eio, sid, _namespace: unknown.of_engine(eio, sid),
}
#: Of methods whose names are the application's to give, or which only the library calls.
OTHERS = {
    "on": "registers: tests/unit/test_arguments.py",
    "event": "registers",
    "attach": "there is ASGI only",
    "instrument": "the namespace is the admin UI's",
    "connect": "the core connects clients",
    "disconnect": "the core disconnects clients; here it is told of them",
    "pre_connect": "the core connects clients",
    "pre_disconnect": "the core disconnects clients",
    "basic_disconnect": "the core disconnects clients",
    "send_packet": "as send",
}


@pytest.mark.parametrize("name", TABLES)
def test_no_method_is_missing(name):
    module, _, kind = name.partition(".")
    require_module(module)
    theirs = getattr(importlib.import_module(module), kind)
    table = {call.partition(",")[0] for call in TABLES[name](fanio.AsyncNamespace("/"), "sid", "/")}
    for method, function in inspect.getmembers(theirs, inspect.isfunction):
        if not method.startswith("_") and {"sid", "eio_sid", "room", "namespace"} & set(
            inspect.signature(function).parameters
        ):
            assert method in table or method in OTHERS, method


@pytest.mark.parametrize("sid", ["gone", None, 5])
async def test_an_engineio_server_raises_the_same(sid):
    theirs = importlib.import_module("engineio").AsyncServer(async_mode="asgi")
    ours = engineio.AsyncServer()
    for (name, call), other in zip(
        unknown.of_engine(ours, sid).items(), unknown.of_engine(theirs, sid).values(), strict=True
    ):
        assert await unknown.outcome(call) == await unknown.outcome(other), name
