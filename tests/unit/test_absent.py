"""Every name of python-socketio and python-engineio can be imported; what is not there says so."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import subprocess
import sys
import textwrap

import pytest

import fanio
from fanio._compat import absent
from fanio.engineio import AsyncServer

LIBRARIES = [("socketio", "fanio"), ("engineio", "fanio.engineio")]
#: What their modules define for themselves.
INSIDE = {"signal_handler", "async_signal_handler", "_safe_int", "EventBuffer"}


def modules(theirs):
    """The names of all modules of a package."""
    package = pytest.importorskip(theirs)
    return [found.name for found in pkgutil.walk_packages(package.__path__, f"{theirs}.")]


@pytest.mark.parametrize(("theirs", "ours"), LIBRARIES)
def test_every_exported_name_is_here(theirs, ours):
    module = importlib.import_module(ours)
    for name in pytest.importorskip(theirs).__all__:
        assert callable(getattr(module, name)), name


@pytest.mark.parametrize(("theirs", "ours"), LIBRARIES)
def test_every_module_is_here_with_what_it_defines(theirs, ours):
    for name in modules(theirs):
        module = importlib.import_module(ours + name.removeprefix(theirs))
        try:
            other = importlib.import_module(name)
        except ModuleNotFoundError:  # eventlet, gevent and tornado are not installed
            continue
        defined = {key for key, value in vars(other).items() if getattr(value, "__module__", None) == name}
        assert {key for key in defined - INSIDE if not hasattr(module, key)} == set(), name


#: Each module in a process of its own, as importing one makes attributes of others.
ATTRIBUTES = """
import importlib, os, sys, types
import fanio
fanio.install_as_socketio()
import socketio, engineio
for name in sys.argv[1:]:
    child = os.fork()
    if not child:
        top, *rest = name.split(".")
        found = sys.modules[top]
        for step in rest:
            found = getattr(found, step, None)
        is_same = isinstance(found, types.ModuleType) and found is importlib.import_module(name)
        os._exit(0 if is_same else 1)
    if os.waitpid(child, 0)[1]:
        print(name)
"""


@pytest.mark.parametrize("theirs", ["socketio", "engineio"])
def test_every_module_is_an_attribute_without_being_imported(theirs):
    done = subprocess.run(
        [sys.executable, "-c", ATTRIBUTES, *modules(theirs)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_what_is_set_in_a_module_counts(tmp_path):
    script = """
        import fanio
        fanio.install_as_socketio()
        import engineio, socketio
        engineio.payload.Payload.max_decode_packets = 50
        assert fanio.engineio.payload.Payload.max_decode_packets == 50
        engineio.static_files.content_types["x"] = "x/y"
        from fanio._doors.static import find_file
        assert find_file("/a.x", {"/": "/srv"}) == ("/srv/a.x", "x/y")
        assert not hasattr(engineio, "WebSocket") and not hasattr(engineio.async_drivers, "get_tornado_handler")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True, timeout=60)


def test_missing_names_say_what_to_use():
    with pytest.raises(NotImplementedError, match=r"no Server: .* use AsyncServer with ASGIApp"):
        fanio.Server(async_mode="threading")
    with pytest.raises(NotImplementedError, match="there is AsyncRedisManager"):
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
