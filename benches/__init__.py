"""How numbers are made: micro-benchmarks here, whole servers in ``load``. See README.md."""
