"""Every call of a public async method of python-socketio and python-engineio also works here.

Names, order, kinds and defaults of arguments are compared, and the attributes of an instance. One table
has the differences on purpose, with reasons. A row that is no longer true fails too.
"""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

import fanio

FLAGS = "more arguments, by name alone: except_room, volatile, conflate, compress"
ASGI = "there is ASGI only, so its three arguments have their names"
CORE = "the core connects and disconnects clients: nobody would call it"
SENT = "packets are sent and taken by the core"
INSIDE = "the inside of another implementation"

#: (class, name): why it is not the same.
DIFFERENCES = {
    ("socketio.AsyncServer", "emit"): FLAGS,
    ("socketio.AsyncServer", "send"): FLAGS,
    ("socketio.AsyncServer", "handle_request"): ASGI,
    ("socketio.AsyncNamespace", "emit"): FLAGS,
    ("socketio.AsyncNamespace", "send"): FLAGS,
    ("socketio.AsyncManager", "basic_disconnect"): CORE,
    ("socketio.AsyncManager", "connect"): CORE,
    ("socketio.AsyncManager", "pre_connect"): CORE,
    ("socketio.AsyncManager", "pre_disconnect"): CORE,
    ("socketio.AsyncManager", "pending_connect"): CORE,
    ("socketio.AsyncManager", "pending_disconnect"): CORE,
    ("socketio.AsyncManager", "server"): "there once it belongs to one",
    ("socketio.AsyncNamespace", "server"): "there once it is registered",
    ("engineio.AsyncServer", "handle_request"): ASGI,
    ("engineio.AsyncServer", "sequence_number"): "ids are random as a whole",
    ("engineio.AsyncServer", "log_message_keys"): INSIDE,
    ("engineio.AsyncServer", "service_task_event"): "the shards watch the clients",
    ("engineio.AsyncServer", "service_task_handle"): "the shards watch the clients",
    ("engineio.packet.Packet", "encode_cache"): "packets are encoded once by the core",
}
#: Theirs; ours is the same name in fanio. With how an instance is made, for its attributes.
CLASSES: dict[str, Any] = {
    "socketio.ASGIApp": lambda kind, module: kind(module.AsyncServer()),
    "socketio.AsyncManager": lambda kind, _module: kind(),
    "socketio.AsyncNamespace": lambda kind, _module: kind("/n"),
    "socketio.AsyncServer": lambda kind, _module: kind(),
    "socketio.exceptions.ConnectionRefusedError": lambda kind, _module: kind("no"),
    "socketio.exceptions.SocketIOError": lambda kind, _module: kind(),
    "socketio.packet.Packet": lambda kind, _module: kind(),
    "engineio.ASGIApp": lambda kind, module: kind(module.AsyncServer()),
    "engineio.AsyncServer": lambda kind, _module: kind(),
    "engineio.packet.Packet": lambda kind, _module: kind(),
    "engineio.payload.Payload": lambda kind, _module: kind(),
}


def find(path: str, package: str) -> tuple[Any, Any]:
    """Returns a class of one of the packages, and the package."""
    module, _, name = path.partition(".")[2].rpartition(".")
    top = importlib.import_module(package)
    return getattr(importlib.import_module(f"{package}.{module}") if module else top, name), top


def pair(path: str) -> tuple[Any, Any, Any, Any]:
    """Returns their class and instance, and ours."""
    pytest.importorskip("socketio")
    theirs, their_module = find(path, path.partition(".")[0])
    ours, our_module = find(path, "fanio" if path.startswith("socketio") else "fanio.engineio")
    make = CLASSES[path]
    return theirs, make(theirs, their_module), ours, make(ours, our_module)


def shape(function: Any) -> list[tuple[str, str, Any]]:
    """Returns what matters of a signature to a caller; unknown keywords are taken by both."""
    parameters = inspect.signature(function).parameters.values()
    return [(one.name, one.kind.name, one.default) for one in parameters]


def difference(name: str, theirs: Any, ours: Any, instance: Any) -> str | None:
    """Returns how a name is not the same; None when it is."""
    if not hasattr(instance, name) and not hasattr(ours, name):
        return "missing"
    their_own, our_own = getattr(theirs, name, None), getattr(ours, name, None)
    if not callable(their_own) or isinstance(their_own, type):
        return None
    if inspect.iscoroutinefunction(their_own) != inspect.iscoroutinefunction(our_own):
        return "awaited by one only"
    if shape(their_own) != shape(our_own):
        return f"{inspect.signature(their_own)} is not {inspect.signature(our_own)}"
    return None


@pytest.mark.parametrize("path", CLASSES)
def test_the_same_call_works(path: str) -> None:
    theirs, their_instance, ours, our_instance = pair(path)
    names = {name for name in (*dir(theirs), *dir(their_instance)) if not name.startswith("_")} | {"__init__"}
    names -= set(dir(Exception)) - {"__init__"}
    found = {name: difference(name, theirs, ours, our_instance) for name in sorted(names)}
    told = {name for kind, name in DIFFERENCES if kind == path}
    assert {name: how for name, how in found.items() if how is not None and name not in told} == {}
    assert {name for name in told if found.get(name) is None} == set(), "these are the same by now"


def test_reasons_are_the_same() -> None:
    theirs = pytest.importorskip("socketio").AsyncServer.reason
    for name in dir(theirs):
        if name.isupper():
            assert getattr(fanio.AsyncServer.reason, name) == getattr(theirs, name)


def test_exceptions_have_the_same_tree() -> None:
    theirs = pytest.importorskip("socketio").exceptions
    for name in dir(theirs):
        kind = getattr(theirs, name)
        if isinstance(kind, type):
            bases = [base.__name__ for base in kind.__mro__]
            assert [base.__name__ for base in getattr(fanio.exceptions, name).__mro__] == bases
