"""``fanio bench``: measuring any Socket.IO server from one process.

``app`` is a server with the handlers that the generator asks for (``fanio run fanio.bench.app:app``), ``driver`` runs
the generator of the core and ``command`` is the command line. The generator itself is Rust (``rust/load``).
"""

from __future__ import annotations

from fanio.bench.driver import MODES, BenchError, run

__all__ = ["MODES", "BenchError", "run"]
