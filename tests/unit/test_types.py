"""Applications can import the type aliases at run time."""

from __future__ import annotations

import json

import orjson

from fanio import types


def test_every_name_exists():
    assert all(hasattr(types, name) for name in types.__all__)


def test_protocol_names_its_functions():
    assert {"dumps", "loads"} <= set(vars(types.JsonModule))
    modules: list[types.JsonModule] = [json, orjson]
    assert all(module.loads(module.dumps([1])) == [1] for module in modules)
