"""The reasons have python-socketio's names and texts."""

from __future__ import annotations

from socketio import AsyncServer

from fanio import Reason


def test_reasons_of_python_socketio_are_all_there():
    theirs = {name: value for name, value in vars(AsyncServer.reason).items() if name.isupper()}
    assert theirs
    assert {name: getattr(Reason, name) for name in theirs} == theirs
