"""The parity cases; `CASES` has each by its name. A case shows one fact.

A case is a function that registers handlers on a server, and returns a function for the raw client. The
server's process uses the first, and the tests' process the second.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

SUBJECTS = (
    "connecting",
    "dispatch",
    "events",
    "acks",
    "jsontext",
    "binary",
    "emitting",
    "sessions",
    "leaving",
    "coming_and_going",
    "failing",
    "changing",
    "unknown",
)

Talk = Callable[[Any], None]
SetUp = Callable[[Any, Any], Talk]


@dataclass
class Case:
    """One program.

    Args:
        name: The function's.
        set_up: Registers handlers on a server, given the library too; returns the client's half.
        options: The arguments of `AsyncServer`.
    """

    name: str
    set_up: SetUp
    options: dict[str, Any]


CASES: dict[str, Case] = {}


def case(**options: Any) -> Callable[[SetUp], SetUp]:
    """Registers a case whose server has these options."""

    def register(set_up: SetUp) -> SetUp:
        name = set_up.__name__
        assert name not in CASES, name
        CASES[name] = Case(name, set_up, options)
        return set_up

    return register


def load() -> dict[str, Case]:
    """All cases."""
    for subject in SUBJECTS:
        importlib.import_module(f"parity.cases.{subject}")
    return CASES
