"""The message for data that cannot be encoded names the value and its place."""

from __future__ import annotations

import json
import re

import pytest

from fanio._codec.codec import make_codec
from fanio._codec.packet import ACK, EVENT

LOOP: list = [1]
LOOP.append(LOOP)
DEEP: list = []
for _ in range(100_000):
    DEEP = [DEEP]
MODULES = [("default", None), ("default", json), ("msgpack", None)]


def fault(payload, serializer="default", module=None, kind=EVENT):
    codec = make_codec(serializer, module, 2)
    with pytest.raises((TypeError, ValueError, RecursionError)) as caught:
        codec.encode(payload, kind, "/", None)
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize(("serializer", "module"), MODULES)
@pytest.mark.parametrize(
    ("payload", "place", "value"),
    [
        (["e", object()], "argument 1", "<object"),
        (["e", 1, {"a": [0, {"b": {1}}]}], "argument 2['a'][1]['b']", "{1}"),
        (["e", (1, 2j)], "argument 1[1]", "2j"),
        (["e", {"x": b"1", "y": object()}], "argument 1['y']", "<object"),
        (["e", {5: object()}], "argument 1[5]", "<object"),
    ],
)
def test_the_value_and_its_place_are_named(payload, place, value, serializer, module):
    kind, message = fault(payload, serializer, module)
    assert kind is TypeError
    assert message.startswith(f"{place} cannot be sent: {value}")


@pytest.mark.parametrize(("serializer", "module"), MODULES)
def test_the_arguments_of_an_acknowledgement_are_counted_from_one(serializer, module):
    assert fault([object()], serializer, module, ACK)[1].startswith("argument 1 ")


@pytest.mark.parametrize(("serializer", "module"), MODULES)
def test_a_value_that_contains_itself_is_named(serializer, module):
    assert re.fullmatch(r"argument 1\['a'\]\[1\] cannot be sent: .*: it contains itself", fault(["e", {"a": LOOP}])[1])
    assert "it contains itself" in fault(["e", LOOP], serializer, module)[1]


@pytest.mark.parametrize(("serializer", "module"), MODULES)
def test_a_value_that_is_nested_too_deeply_is_described_briefly(serializer, module):
    assert len(fault(["e", DEEP], serializer, module)[1]) < 400


def test_keys_without_a_json_form_name_their_object():
    assert fault(["e", {"a": {(1, 2): 3}}]) == (
        TypeError,
        "argument 1['a'] cannot be sent: {(1, 2): 3}: keys must be str, int, float, bool or None, not tuple",
    )


def test_attachments_that_are_too_many_name_where_they_are():
    assert fault(["e", 1, [b"a", b"b", b"c"]])[1].startswith(
        "argument 2 cannot be sent: [b'a', b'b', b'c']: more than 2"
    )
    # No argument has too many of them alone.
    assert fault(["e", b"a", b"b", b"c"])[1].startswith("more than 2 bytes objects in one packet")


def test_long_values_are_cut():
    assert len(fault(["e", {"key" * 1000: {1} | set(range(10_000))}])[1]) < 300
