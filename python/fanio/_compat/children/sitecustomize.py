"""Run by the Python processes that a program under ``--as-socketio`` starts, before anything of theirs.

Their ``import socketio`` gives fanio's too: that of workers, reloaders and commands, which import the
program anew. fanio itself is not imported before that, and not in an environment that has no fanio.
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


class _Later(importlib.abc.MetaPathFinder):
    """Puts fanio's own finder in its place, when it is first asked for one of the names."""

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


def _run_the_hidden_one() -> None:
    """Run the environment's own ``sitecustomize``, which this one stands before."""
    folder = os.path.dirname(os.path.abspath(__file__))
    others = [entry for entry in sys.path if os.path.abspath(entry) != folder]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


if os.environ.get("FANIO_AS_SOCKETIO"):
    sys.meta_path.insert(0, _Later())
_run_the_hidden_one()
