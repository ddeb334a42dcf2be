"""The names of python-socketio and python-engineio that fanio does not implement.

Owns one table. For each module it has the object that replaces a name, or the text that says what to use instead. The
modules are created when they are imported. A name without a replacement becomes a class or function that raises when
it is called, so that an application may still import it, subclass it and compare with it. A module with a file of its
own is loaded from that file.
"""

from __future__ import annotations

import functools
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
import types
from collections.abc import Sequence
from typing import Any

__all__ = ["MODULES", "find", "install"]

_SYNC = "fanio serves asyncio only: use AsyncServer with ASGIApp, and emit_nowait() from other threads"
_QUEUE = (
    "of the managers there is AsyncRedisManager, which scripts use with write_only=True; its other transports are not"
    " there yet (docs/scaling-out.md)"
)
_WSGI = f"{_SYNC}; WSGI applications fit below as other_asgi_app, by a2wsgi or asgiref"
_TORNADO = "there is ASGI only: use ASGIApp under any ASGI server"
_DRIVER = "there is ASGI only, and no other driver: wrap the server in ASGIApp"
_CLIENT = "there is no client for Engine.IO alone: use AsyncClient or Client of fanio"

#: By module: its names, each with its replacement ("module:name") or the text that says what to use instead.
MODULES: dict[str, dict[str, str]] = {
    "fanio.admin": {"InstrumentedServer": _SYNC},
    "fanio.async_aiopika_manager": {"AsyncAioPikaManager": _QUEUE},
    "fanio.async_pubsub_manager": {"AsyncPubSubManager": _QUEUE},
    "fanio.base_namespace": {
        "BaseClientNamespace": "fanio.base_namespace:BaseNamespace",
        "BaseServerNamespace": "fanio.async_namespace:AsyncNamespace",
    },
    "fanio.kafka_manager": {"KafkaManager": _QUEUE},
    "fanio.kombu_manager": {"KombuManager": _QUEUE},
    "fanio.manager": {"Manager": f"{_SYNC}; its manager is AsyncManager"},
    "fanio.middleware": {"Middleware": _WSGI, "WSGIApp": _WSGI},
    "fanio.namespace": {"Namespace": f"{_SYNC}; its class is AsyncNamespace"},
    "fanio.pubsub_manager": {"PubSubManager": _QUEUE},
    "fanio.redis_manager": {"RedisManager": _QUEUE, "parse_redis_sentinel_url": _QUEUE},
    "fanio.server": {"Server": _SYNC},
    "fanio.tornado": {"get_tornado_handler": _TORNADO},
    "fanio.zmq_manager": {"ZmqManager": _QUEUE},
    "fanio.engineio.async_client": {"AsyncClient": _CLIENT},
    "fanio.engineio.async_drivers": {},
    "fanio.engineio.async_drivers._websocket_wsgi": {"SimpleWebSocketWSGI": _DRIVER},
    "fanio.engineio.async_drivers.aiohttp": {
        "WebSocket": _DRIVER,
        "create_route": _DRIVER,
        "make_response": _DRIVER,
        "translate_request": _DRIVER,
    },
    "fanio.engineio.async_drivers.asgi": {
        "ASGIApp": "fanio.engineio.asgi:ASGIApp",
        "WebSocket": _DRIVER,
        "make_response": _DRIVER,
        "translate_request": _DRIVER,
    },
    "fanio.engineio.async_drivers.eventlet": {"EventletThread": _DRIVER, "WebSocketWSGI": _DRIVER},
    "fanio.engineio.async_drivers.gevent": {"Thread": _DRIVER, "WebSocketWSGI": _DRIVER},
    "fanio.engineio.async_drivers.gevent_uwsgi": {"Thread": _DRIVER, "uWSGIWebSocket": _DRIVER},
    "fanio.engineio.async_drivers.sanic": {
        "WebSocket": _DRIVER,
        "create_route": _DRIVER,
        "make_response": _DRIVER,
        "translate_request": _DRIVER,
    },
    "fanio.engineio.async_drivers.threading": {"DaemonThread": _DRIVER},
    "fanio.engineio.async_drivers.tornado": {"get_tornado_handler": _TORNADO},
    "fanio.engineio.base_client": {"BaseClient": _CLIENT},
    "fanio.engineio.base_socket": {"BaseSocket": "fanio.engineio.async_socket:AsyncSocket"},
    "fanio.engineio.client": {"Client": _CLIENT},
    "fanio.engineio.middleware": {"Middleware": _WSGI, "WSGIApp": _WSGI},
    "fanio.engineio.server": {"Server": _SYNC},
    "fanio.engineio.socket": {"Socket": _SYNC},
    "fanio.engineio.static_files": {
        "content_types": "fanio._doors.static:CONTENT_TYPES",
        "get_static_file": "ASGIApp serves static_files itself",
    },
}
_DRIVERS = "fanio.engineio.async_drivers"
#: The package that exports a module's names, if it is not the module's own package.
_EXPORTED = {f"{_DRIVERS}.tornado": "fanio.engineio"}
_FUNCTIONS = {
    "create_route",
    "get_static_file",
    "get_tornado_handler",
    "make_response",
    "parse_redis_sentinel_url",
    "translate_request",
}


def find(package: str, name: str) -> Any:
    """Return the object for an attribute of a package: an object of one of its modules, or a module.

    python-socketio's packages import some of their modules, so ``engineio.payload`` works without an import of it.
    Here that works for all modules.

    Raises:
        AttributeError: When python-socketio has no such name either.
    """
    for module, names in MODULES.items():
        owner = _EXPORTED.get(module) or module.rpartition(".")[0]
        if name in names and package == owner and package != _DRIVERS:
            found = importlib.import_module(module)
            return getattr(found, name, None) or _stand_in(name, names[name])
    module = f"{package}.{name}"
    if name.isidentifier() and not name.startswith("__") and importlib.util.find_spec(module) is not None:
        return importlib.import_module(module)
    msg = f"module {package!r} has no attribute {name!r}"
    raise AttributeError(msg)


def stand_in(module: str, name: str) -> Any:
    """Return the object for a name that is missing in a module with a file of its own.

    Raises:
        AttributeError: When python-socketio has no such name either.
    """
    text = MODULES.get(module, {}).get(name)
    if text is None:
        msg = f"module {module!r} has no attribute {name!r}"
        raise AttributeError(msg)
    return _stand_in(name, text)


def _stand_in(name: str, text: str) -> Any:
    if ":" in text and text.startswith("fanio."):
        module, _, attribute = text.partition(":")
        return getattr(importlib.import_module(module), attribute)
    message = f"fanio has no {name}: {text}"

    def refuse(*_args: Any, **_kwargs: Any) -> None:
        raise NotImplementedError(message)

    if name in _FUNCTIONS:
        refuse.__name__, refuse.__doc__ = name, message
        return refuse
    return type(name, (), {"__init__": refuse, "__doc__": message})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Creates the modules of the table that have no file."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in MODULES:
            return None
        is_package = any(name.startswith(f"{fullname}.") for name in MODULES)
        return importlib.machinery.ModuleSpec(fullname, self, origin=__file__, is_package=is_package)

    def exec_module(self, module: types.ModuleType) -> None:
        for name, text in MODULES[module.__name__].items():
            setattr(module, name, _stand_in(name, text))
        if module.__spec__ is not None and module.__spec__.submodule_search_locations is not None:
            module.__dict__["__getattr__"] = functools.partial(find, module.__name__)


def install() -> None:
    """Make the modules importable. The finder comes last, so modules with a file are found first."""
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.append(_Finder())
