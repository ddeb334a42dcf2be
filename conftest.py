"""``pytest --benchmark``: measures what is in ``benches``. Without it each benchmark runs once, as a test."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the option."""
    parser.addoption("--benchmark", action="store_true", help="run the benchmarks of benches/, measured")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Turns pytest-benchmark on, and runs only benchmarks when no path is named."""
    if not config.getoption("--benchmark"):
        return
    config.option.benchmark_disable = False
    config.option.benchmark_only = True
    if config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        config.args[:] = [str(config.rootpath / "benches")]
