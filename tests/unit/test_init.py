"""The package's names."""

from __future__ import annotations

import re
from pathlib import Path

import fanio

ROOT = Path(__file__).parents[2]


def test_every_public_name_exists():
    assert all(hasattr(fanio, name) for name in fanio.__all__)


def test_version_is_that_of_the_crates():
    assert f'version = "{fanio.__version__}"' in (ROOT / "Cargo.toml").read_text()


def test_each_module_has_its_test_file():
    modules = {path.stem.strip("_") for path in (ROOT / "python/fanio").glob("*.py")} - {"main", "admin"}
    tests = {re.sub("^test_", "", path.stem) for path in Path(__file__).parent.glob("test_*.py")}
    assert modules <= tests
