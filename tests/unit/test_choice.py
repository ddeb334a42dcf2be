"""Which doors may be used."""

from __future__ import annotations

import pytest

import fanio
from fanio._options.door import chosen, is_allowed


def test_the_environment_goes_before_the_program(monkeypatch):
    assert chosen("accept") == "accept"
    monkeypatch.setenv("FANIO_DOOR", "bridge")
    assert chosen("accept") == "bridge"
    monkeypatch.setenv("FANIO_DOOR", "accept")
    assert chosen("bridge") == "accept"


def test_a_door_that_does_not_exist_is_named(monkeypatch, fake):
    with pytest.raises(ValueError, match="door: expected one of accept, takeover, bridge, got 'fast'"):
        fanio.AsyncServer(door="fast")
    monkeypatch.setenv("FANIO_DOOR", "none")
    with pytest.raises(ValueError, match="FANIO_DOOR: expected"):
        fanio.AsyncServer()


def test_slower_doors_than_the_chosen_one_are_allowed():
    assert [is_allowed(door, "takeover") for door in ("accept", "takeover", "bridge")] == [False, True, True]
