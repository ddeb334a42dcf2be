"""The other client classes without a server: signatures, and misuse."""

from __future__ import annotations

import inspect
import threading

import pytest
import socketio

import fanio
from fanio import exceptions

METHODS = {
    "Client": [
        *("call", "connect", "disconnect", "emit", "event", "get_sid", "on", "register_namespace", "send"),
        *("shutdown", "sleep", "start_background_task", "transport", "wait"),
    ],
    "ClientNamespace": ["call", "disconnect", "emit", "send", "trigger_event"],
    "SimpleClient": ["call", "connect", "disconnect", "emit", "receive"],
    "AsyncSimpleClient": ["call", "connect", "disconnect", "emit", "receive"],
}


def parameters(function):
    """Names and defaults; keyword-only ones are ours alone."""
    ours = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    found = inspect.signature(function).parameters.values()
    return [(each.name, each.default) for each in found if each.kind not in ours]


@pytest.mark.parametrize(("name", "method"), [(name, method) for name in METHODS for method in METHODS[name]])
def test_methods_have_python_socketios_arguments(name, method):
    ours, theirs = getattr(getattr(fanio, name), method), getattr(getattr(socketio, name), method)
    assert parameters(ours) == parameters(theirs)
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


def test_the_constructor_has_python_socketios_arguments():
    assert parameters(fanio.Client.__init__) == parameters(socketio.Client.__init__)


@pytest.mark.parametrize("name", list(METHODS))
def test_every_public_name_of_theirs_is_there(name):
    theirs = {each for each in dir(getattr(socketio, name)) if not each.startswith("_")}
    assert not theirs - set(dir(getattr(fanio, name)))


def test_emit_before_the_first_connect_is_misuse():
    before = threading.active_count()
    client = fanio.Client()
    with pytest.raises(exceptions.BadNamespaceError, match="/x is not a connected namespace"):
        client.emit("event", namespace="/x")
    client.wait()
    client.disconnect()
    assert threading.active_count() == before


def test_namespaces_are_of_the_clients_kind():
    with pytest.raises(ValueError, match="expected a ClientNamespace"):
        fanio.Client().register_namespace(fanio.AsyncClientNamespace("/x"))
