"""fanio: a Socket.IO server for Python with a Rust core, made for high fan-out."""

from importlib.metadata import PackageNotFoundError, version

from fanio import exceptions
from fanio.asgi import ASGIApp
from fanio.namespace import AsyncNamespace
from fanio.run import run
from fanio.server import AsyncServer

__all__ = ["ASGIApp", "AsyncNamespace", "AsyncServer", "__version__", "exceptions", "run"]

try:
    __version__ = version("fanio")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "0"
