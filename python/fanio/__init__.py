"""fanio: a Socket.IO server and client with python-socketio's API and a core in Rust.

Re-exports the public names. The modules without an underscore are public; packages with one are internal.
"""

from __future__ import annotations

from typing import Any

from fanio import exceptions
from fanio._compat import absent
from fanio._compat.impersonation import install_as_socketio, install_if_told
from fanio._handlers.table import NO_ACK
from fanio.asgi import ASGIApp
from fanio.async_client import AsyncClient
from fanio.async_manager import AsyncManager
from fanio.async_namespace import AsyncClientNamespace, AsyncNamespace
from fanio.async_redis_manager import AsyncRedisManager
from fanio.async_server import AsyncServer
from fanio.async_simple_client import AsyncSimpleClient
from fanio.client import Client
from fanio.exceptions import ConnectionRefusedError  # noqa: A004 (python-socketio's name)
from fanio.loop import new_event_loop
from fanio.metrics import MetricsApp
from fanio.namespace import ClientNamespace
from fanio.reason import Reason
from fanio.run import run
from fanio.simple_client import SimpleClient

__all__ = [
    "NO_ACK",
    "ASGIApp",
    "AsyncClient",
    "AsyncClientNamespace",
    "AsyncManager",
    "AsyncNamespace",
    "AsyncRedisManager",
    "AsyncServer",
    "AsyncSimpleClient",
    "Client",
    "ClientNamespace",
    "ConnectionRefusedError",
    "MetricsApp",
    "Reason",
    "SimpleClient",
    "exceptions",
    "install_as_socketio",
    "new_event_loop",
    "run",
]

__version__ = "0.1.0"

absent.install()
# uvicorn's worker processes import the event loop, and with it this module, before the application.
install_if_told()


def __getattr__(name: str) -> Any:
    """Return a stand-in for a name that only python-socketio has; using it raises and says what to use instead."""
    return absent.find(__name__, name)
