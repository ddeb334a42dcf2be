"""Every name of python-socketio and python-engineio can be imported; what is not there says so."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil

import pytest

import fanio
from fanio._compat import absent
from fanio.engineio import AsyncServer

LIBRARIES = [("socketio", "fanio"), ("engineio", "fanio.engineio")]
#: Modules of theirs that are only theirs: the parts of servers and clients, drivers.
INSIDE = {
    "engineio.async_drivers.aiohttp",
    "engineio.async_drivers.eventlet",
    "engineio.async_drivers.gevent",
    "engineio.async_drivers.gevent_uwsgi",
    "engineio.async_drivers._websocket_wsgi",
    "engineio.async_drivers.sanic",
    "engineio.async_drivers.threading",
    "engineio.base_client",
    "engineio.base_socket",
    "engineio.socket",
    # A helper beside this one brings them.
    "socketio.admin",
    "socketio.async_admin",
}


@pytest.mark.parametrize(("theirs", "ours"), LIBRARIES)
def test_every_exported_name_is_here(theirs, ours):
    module = importlib.import_module(ours)
    for name in pytest.importorskip(theirs).__all__:
        assert callable(getattr(module, name)), name


@pytest.mark.parametrize(("theirs", "ours"), LIBRARIES)
def test_every_module_is_here(theirs, ours):
    package = pytest.importorskip(theirs)
    for found in pkgutil.walk_packages(package.__path__, f"{theirs}."):
        if found.name not in INSIDE:
            importlib.import_module(ours + found.name.removeprefix(theirs))


def test_what_is_not_there_says_what_to_use():
    with pytest.raises(NotImplementedError, match=r"no Server: .* use AsyncServer with ASGIApp"):
        fanio.Server(async_mode="threading")
    with pytest.raises(NotImplementedError, match="one process serves all clients"):
        fanio.KafkaManager("kafka://")
    with pytest.raises(NotImplementedError, match="ASGIApp under any ASGI server"):
        fanio.get_tornado_handler(fanio.AsyncServer())
    with pytest.raises(NotImplementedError, match="WSGI applications"):
        fanio.WSGIApp(None)
    with pytest.raises(NotImplementedError, match="no Server"):
        fanio.engineio.Server()


def test_it_can_be_subclassed_and_compared_with():
    class Mine(fanio.PubSubManager):
        pass

    assert not isinstance(fanio.AsyncServer().manager, fanio.PubSubManager)
    with pytest.raises(NotImplementedError):
        Mine()


def test_modules_that_are_other_names():
    assert issubclass(fanio.AsyncServer, importlib.import_module("fanio.base_server").BaseServer)
    assert importlib.import_module("fanio.engineio.async_drivers.asgi").ASGIApp is fanio.engineio.ASGIApp
    assert AsyncServer is fanio.engineio.AsyncServer


def test_other_names_do_not_exist():
    with pytest.raises(AttributeError, match="has no attribute 'Sever'"):
        fanio.Sever  # noqa: B018
    with pytest.raises(ImportError):
        importlib.import_module("fanio.sever")


def test_a_file_goes_before_the_table():
    for module in absent.MODULES:
        spec = importlib.util.find_spec(module)
        assert spec is not None
        if spec.has_location:
            assert module != spec.origin
