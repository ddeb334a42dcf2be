"""Runs first in each Python process that an application under ``--as-socketio`` starts.

It makes ``import socketio`` give fanio in workers, reloaders and commands too, which import the application anew.
fanio is imported only at the first ``import socketio`` or ``import engineio``. An environment without fanio works too.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
import types
from collections.abc import Sequence


class _LazyFinder(importlib.abc.MetaPathFinder):
    """Replaces itself with fanio's finder at the first import of one of the names."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname.partition(".")[0] not in ("socketio", "engineio"):
            return None
        sys.meta_path.remove(self)
        try:
            impersonation = importlib.import_module("fanio._compat.impersonation")
        except ImportError:
            return None
        impersonation.install_as_socketio()
        return importlib.util.find_spec(fullname)


def _run_hidden_sitecustomize() -> None:
    """Run the environment's own ``sitecustomize``, which this file hides."""
    folder = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry) != folder]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if os.environ.get("FANIO_AS_SOCKETIO"):
    sys.meta_path.insert(0, _LazyFinder())
_run_hidden_sitecustomize()
