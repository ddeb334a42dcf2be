"""Makes fanio importable as ``socketio`` and ``engineio``, for applications that import those.

Owns the hook in the import system. The module objects are fanio's own, so a class is the same object whichever name it
is imported by.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import os
import sys
import types
from collections.abc import Sequence
from pathlib import Path

__all__ = ["VARIABLE", "install_as_socketio", "install_if_told", "tell_children"]

#: If this environment variable is set, importing fanio installs the hook.
VARIABLE = "FANIO_AS_SOCKETIO"

_PACKAGES = {"socketio": "fanio", "engineio": "fanio.engineio"}


class _Alias(importlib.abc.Loader):
    """Loads a module that exists already."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return self._module

    def exec_module(self, module: types.ModuleType) -> None:
        # The import system has replaced the module's spec with one for the other name.
        module.__spec__ = self._spec


class _Finder(importlib.abc.MetaPathFinder):
    """Finds fanio's modules for the names of python-socketio and python-engineio."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        ours = _ours(fullname)
        if ours is None:
            return None
        try:
            module = importlib.import_module(ours)
        except ModuleNotFoundError as error:
            if error.name != ours:
                raise
            msg = f"fanio stands for {fullname.partition('.')[0]} and has no module {fullname!r}"
            raise ModuleNotFoundError(msg, name=fullname) from None
        return importlib.machinery.ModuleSpec(fullname, _Alias(module))


def _ours(name: str) -> str | None:
    package, dot, rest = name.partition(".")
    return _PACKAGES[package] + dot + rest if package in _PACKAGES else None


def install_as_socketio() -> None:
    """Make ``import socketio`` and ``import engineio``, and their submodules, give fanio's modules.

    Call it before anything imports these packages; ``fanio run --as-socketio`` and
    ``python -m fanio exec --as-socketio`` do so. Calling it again has no effect.

    Raises:
        RuntimeError: When the real packages are loaded already; the message names the modules that use them.
    """
    for name, ours in _PACKAGES.items():
        loaded = sys.modules.get(name)
        if loaded is not None and loaded.__name__ != ours:
            users = ", ".join(_users(loaded)) or "a module that is gone"
            msg = f"{name} is loaded already, imported by {users}: call install_as_socketio() before"
            raise RuntimeError(msg)
    if not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder())


def install_if_told() -> None:
    """Install the hook if the environment variable is set."""
    if os.environ.get(VARIABLE):
        install_as_socketio()


def tell_children() -> None:
    """Install the hook in every Python process that this one starts: workers, reloaders, commands."""
    os.environ[VARIABLE] = "1"
    folder = str(Path(__file__).parent / "children")
    others = [entry for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep) if entry != folder]
    os.environ["PYTHONPATH"] = os.pathsep.join([folder, *filter(None, others)])


def _users(package: types.ModuleType) -> list[str]:
    """Return the modules outside a package that have the package, or an object of it, as a global name."""
    prefix = f"{package.__name__}."

    def is_its(value: object) -> bool:
        owner = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
        return owner == package.__name__ or str(owner).startswith(prefix)

    found = []
    for name, module in list(sys.modules.items()):
        own = name == package.__name__ or name.startswith(prefix)
        if not own and any(is_its(value) for value in list(vars(module).values())):
            found.append(name)
    # engineio comes last: it is loaded because another module has loaded socketio.
    return sorted(found, key=lambda name: (name.partition(".")[0] in _PACKAGES, name))
