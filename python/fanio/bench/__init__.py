"""``fanio bench`` measures any Socket.IO server from one process.

``app`` is a server with the handlers that the load generator needs (``fanio run fanio.bench.app:app``). ``driver`` runs
the load generator, which is written in Rust (``rust/load``). ``command`` is the command line.
"""

from __future__ import annotations

from fanio.bench.driver import MODES, BenchError, run

__all__ = ["MODES", "BenchError", "run"]
