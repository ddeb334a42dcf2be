"""The parameters of the application's functions."""

from __future__ import annotations

import functools
import sys

import pytest

from fanio._handlers.handler import Handler
from fanio._signature import parameters_of


def test_parameters_by_name():
    assert list(parameters_of(lambda sid, *, data: None)) == ["sid", "data"]


def test_builtin_that_does_not_say():
    assert parameters_of(type) is None


@pytest.mark.skipif(sys.version_info < (3, 14), reason="evaluates annotations where they are written")
def test_names_for_type_checkers_only_are_no_error():
    program = """
async def connect(sid: Sid, environ: Environ): ...

class Chat:
    async def __call__(self, sid: Sid, reason: chat.Reason | None = None): ...
"""
    names = {}
    exec(compile(program, "program", "exec", dont_inherit=True), names)
    functions = [names["connect"], names["Chat"](), functools.partial(names["connect"], "sid")]
    assert [Handler(function).positional for function in functions] == [2, 2, 1]
