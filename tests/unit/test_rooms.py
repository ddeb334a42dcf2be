"""Any hashable value can be the name of a room, and is returned unchanged."""

from __future__ import annotations

import pytest

from fanio._codec.room_names import RoomNames

ROOMS = ["a", "", "\x00", "\x00i1", "\x00h1", 1, -(2**70), 1.5, ("a", 1), b"bytes", frozenset({1})]


def names(occupied_names=()):
    return RoomNames(lambda: set(occupied_names))


def test_each_room_has_a_name_of_its_own():
    table = names()
    found = [table.new_name(room) for room in ROOMS]
    assert len(set(found)) == len(ROOMS)
    assert [table.room(name) for name in found] == ROOMS
    assert [table.name(room) for room in ROOMS] == found


def test_equal_keys_are_one_room():
    table = names()
    assert len({table.new_name(1), table.new_name(1.0), table.new_name(True)}) == 1


def test_text_cannot_reach_a_room_that_is_no_text():
    table = names()
    name = table.new_name(("a", 1))
    assert table.name(name) != name


def test_a_room_nobody_entered_has_a_name_nobody_has():
    table = names()
    unknown = table.name(("never", "entered"))
    assert unknown not in {table.new_name(room) for room in ROOMS}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("ab", ["ab"]),
        (["a", "b"], ["a", "b"]),
        (("a", "b"), ["a", "b"]),
        ({"a": 1}, ["a"]),
        (iter(["a"]), ["a"]),
        ([], []),
        (7, ["\x00i7"]),
        ([7, "a"], ["\x00i7", "a"]),
    ],
)
def test_one_room_or_several(given, expected):
    assert names().names(given) == expected


def test_unhashable_room_raises():
    with pytest.raises(TypeError):
        names().name([1])


def test_rooms_without_members_are_forgotten():
    occupied_names: set[str] = set()
    table = RoomNames(lambda: occupied_names)
    kept = table.new_name(("kept",))
    occupied_names.add(kept)
    for number in range(10_000):
        table.new_name(("room", number))
    assert len(table._names) <= 1024
    assert table.room(kept) == ("kept",)
    assert table.name(("kept",)) == kept
