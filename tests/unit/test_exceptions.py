"""The exceptions' tree and what a refused client gets."""

from __future__ import annotations

import builtins

import pytest
from socketio import exceptions as theirs

from fanio import exceptions as ours


@pytest.mark.parametrize("args", [(), ("no",), (1,), ("no", {"a": 1}), ("no", 1, 2)])
def test_refusal_has_the_arguments_of_python_socketio(args):
    assert ours.ConnectionRefusedError(*args).error_args == theirs.ConnectionRefusedError(*args).error_args


OWN = {"AckLostError", "BufferFullError", "MissingServersError"}


@pytest.mark.parametrize("name", sorted(set(ours.__all__) - OWN))
def test_tree_is_that_of_python_socketio(name):
    names = [base.__name__ for base in getattr(ours, name).__mro__]
    assert names == [base.__name__ for base in getattr(theirs, name).__mro__]
    assert not issubclass(getattr(ours, name), getattr(builtins, name, ()))


def test_applications_that_catch_python_socketios_exceptions_catch_ours():
    assert issubclass(ours.AckLostError, (ours.TimeoutError,))
    assert issubclass(ours.AckLostError, (ours.DisconnectedError,))
    assert issubclass(ours.BufferFullError, ours.BadNamespaceError)
    assert issubclass(ours.MissingServersError, ours.TimeoutError)
