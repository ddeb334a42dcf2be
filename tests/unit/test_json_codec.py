"""Values are encoded as python-socketio encodes them, and decoded again."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import json
import uuid

import orjson
import pytest
from socketio.packet import EVENT, Packet

from fanio._codec.json_codec import JsonCodec

Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 (what applications send)


class Half(float):
    pass


class Text(str):
    pass


class Number(enum.IntEnum):
    ONE = 1


def encode(payload, **options):
    return JsonCodec(**options).encode(payload)


TABLE = [
    "",
    "é\u2028\U0001f600",
    "\ud800",
    0,
    -1.5,
    2**63,
    2**70,
    True,
    None,
    [],
    {},
    {"a": [1, {"b": None}]},
    {2: "int", None: "none", True: "bool", 1.5: "float"},
    Point(1, 2),
    {"p": Point(1, [2])},
    Half(0.5),
    Text("text"),
    Number.ONE,
    (1, (2, (3,))),
    b"",
    b"\x00\xff",
    bytearray(b"abc"),
    {"a": b"1", "b": [b"2", {"c": b"3"}]},
    {1: b"key that is no text"},
    [Point(b"in a namedtuple", 1)],
    [[[b"deep"]], 2**70],
]


@pytest.mark.parametrize("value", TABLE, ids=repr)
def test_value_is_sent_as_by_python_socketio(value):
    plain = to_lists(value)
    encoded = Packet(EVENT, data=["e", plain]).encode()
    text, *blobs = encoded if isinstance(encoded, list) else [encoded]
    theirs = json.loads(text[text.index("[") :])
    data, attachments = encode(["e", value])
    assert json.loads(data) == theirs
    assert (attachments or []) == [bytes(blob) for blob in blobs]


def to_lists(value):
    """python-socketio refuses bytes in a nested tuple, which ours takes."""
    if isinstance(value, tuple):
        return [to_lists(item) for item in value]
    if isinstance(value, list):
        return [to_lists(item) for item in value]
    return {key: to_lists(item) for key, item in value.items()} if isinstance(value, dict) else value


def test_bytes_in_tuples_and_views_are_attachments():
    data, attachments = encode(["e", (memoryview(b"abc")[1:], [b"d"])])
    assert json.loads(data) == ["e", [{"_placeholder": True, "num": 0}, [{"_placeholder": True, "num": 1}]]]
    assert attachments == [b"bc", b"d"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: float("-inf")}, [2**70, (float("nan"),)]])
def test_what_json_cannot_say_is_null(value):
    data, _ = encode(["e", value])
    assert b"null" in data
    json.loads(data, parse_constant=lambda name: pytest.fail(name))


def test_a_failed_first_try_leaves_no_attachment_behind():
    data, attachments = encode(["e", b"one", {1: b"two"}, float("nan")])
    assert attachments == [b"one", b"two"]
    assert json.loads(data)[2] == {"1": {"_placeholder": True, "num": 1}}


@dataclasses.dataclass
class Row:
    name: str
    raw: bytes


def test_types_orjson_knows_are_sent_with_and_without_it():
    day, number = datetime.date(2024, 1, 2), uuid.UUID(int=1)
    for value in (day, number, [day, {1: number}]):
        data, _ = encode([value, {1: 1}])
        assert b"2024-01-02" in data or b"00000000-0000" in data
    data, attachments = encode([Row("a", b"x"), {1: 1}])
    assert json.loads(data)[0] == {"name": "a", "raw": {"_placeholder": True, "num": 0}}
    assert attachments == [b"x"]


@pytest.mark.parametrize("value", [object(), {b"key": 1}, {(1, 2): 3}, {1, 2}])
def test_what_has_no_json_form_raises(value):
    with pytest.raises(TypeError):
        encode(["e", value])


def test_a_value_that_contains_itself_raises():
    loop: list = [1]
    loop.append(loop)
    with pytest.raises((ValueError, RecursionError)):
        encode(loop)


def test_too_many_attachments_raise():
    assert len(encode(["e", *[b"x"] * 10])[1] or []) == 10
    with pytest.raises(ValueError, match="more than 10 bytes objects"):
        encode(["e", *[b"x"] * 11])
    assert len(encode(["e", *[b"x"] * 11], max_attachments=11)[1] or []) == 11


class Module:
    """A json argument that shows that it was used."""

    @staticmethod
    def dumps(value, separators):
        return json.dumps(["mine", value], separators=separators)

    @staticmethod
    def loads(text):
        return ["mine", *json.loads(text)]


def test_given_module_does_both_ways():
    codec = JsonCodec(Module)
    data, attachments = codec.encode(["e", b"x"])
    assert json.loads(data) == ["mine", ["e", {"_placeholder": True, "num": 0}]]
    assert attachments == [b"x"]
    assert codec.loads(b"[1]") == ["mine", 1]


def test_bare_orjson_as_module_works():
    assert JsonCodec(orjson).encode([{1: 2}])[0] == b'[{"1":2}]'


def test_object_without_attachments():
    assert JsonCodec().encode_object({"a": 1}) == b'{"a":1}'
    with pytest.raises(TypeError):
        JsonCodec().encode_object({"a": b"x"})


@pytest.mark.parametrize("text", [b"", b"[", b"[1]x", b"\xff", b"[" * 100_000])
def test_bad_json_is_a_value_error(text):
    with pytest.raises(ValueError):
        JsonCodec().loads(text)


@pytest.mark.parametrize("text", [b"[NaN]", b'["\\ud800"]', b"[1e400]"])
def test_what_only_the_standard_module_takes_is_taken(text):
    assert len(JsonCodec().loads(text)) == 1


def test_deep_data_that_orjson_refuses_is_taken():
    value = JsonCodec().loads(b"[" * 700 + b"]" * 700)
    assert isinstance(value, list)
    assert JsonCodec().encode([value])[0] == b"[" * 701 + b"]" * 701


def test_attachments_are_put_in_their_places():
    args = JsonCodec().decode(b'["e",{"a":[0]},1]', [b"x", b"y"], [([1, "a", 0], 1), ([2], 0)])
    assert args == ["e", {"a": [b"y"]}, b"x"]


@pytest.mark.parametrize("path", [[5], [1, "no", 0], [0, "x"], []])
def test_a_place_that_does_not_exist_is_a_value_error(path):
    with pytest.raises(ValueError):
        JsonCodec().decode(b'["e",{"a":1}]', [b"x"], [(path, 0)])


@pytest.mark.parametrize("text", [b"{}", b"1", b'"e"', b"null"])
def test_arguments_that_are_no_array_are_a_value_error(text):
    with pytest.raises(ValueError):
        JsonCodec().decode(text, None, None)


def test_integers_past_64_bits_stay_integers():
    codec = JsonCodec()
    assert codec.loads(b"[123456789012345678901234567890]") == [123456789012345678901234567890]
    with pytest.raises(ValueError):
        codec.loads(b"[" * 100_000 + b"1" * 20)
