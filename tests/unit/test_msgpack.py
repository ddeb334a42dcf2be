"""The msgpack codec against JavaScript's parser and python-socketio's, in both directions."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import math
import sys
import uuid

import msgpack
import pytest

import fanio
from fanio._codec.codec import make_codec
from fanio._codec.msgpack import ExtType, MsgpackCodec

UTC = datetime.timezone.utc
DAY = datetime.datetime(2024, 5, 6, 7, 8, 9, 123000, tzinfo=UTC)
Point = collections.namedtuple("Point", "x y")  # noqa: PYI024 (what applications send)


class Half(float):
    pass


class Text(str):
    pass


class Number(enum.IntEnum):
    ONE = 1


@dataclasses.dataclass
class Row:
    name: str
    raw: bytes


def again(value, **options):
    codec = MsgpackCodec(**options)
    data, attachments = codec.encode([value])
    assert attachments is None
    [found] = codec.decode(data, None, None)
    return found


TABLE = [
    None,
    True,
    0,
    -1,
    2**63,
    2**64 - 1,
    -(2**63),
    0.5,
    math.inf,
    "",
    "é\u2028\U0001f600",
    b"",
    b"\x00\xff",
    [],
    {},
    {"a": [1, {"b": b"1"}]},
    {2: "int", None: "none", 1.5: "float"},
    [[[b"deep"]], "x" * 70_000, b"y" * 70_000],
]


@pytest.mark.parametrize("value", TABLE, ids=lambda value: repr(value)[:30])
def test_values_come_back_and_are_written_as_by_python_socketio(value):
    assert again(value) == value
    assert MsgpackCodec().encode_object(value) == msgpack.dumps(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2,)), [1, [2]]),
        (Point(1, [2]), [1, [2]]),
        (Half(0.5), 0.5),
        (Text("text"), "text"),
        (Number.ONE, 1),
        (collections.OrderedDict(a=1), {"a": 1}),
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"abc")[1:], b"bc"),
        (Row("a", b"x"), {"name": "a", "raw": b"x"}),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (datetime.date(2024, 1, 2), "2024-01-02"),
        ("\ud800", "?"),
    ],
    ids=repr,
)
def test_other_values_become_what_msgpack_has(value, expected):
    assert again(value) == expected


def test_dates_are_javascripts():
    packed = MsgpackCodec().encode_object(DAY)
    assert packed == b"\xd7\x00" + (1714979289123).to_bytes(8, "big")
    for value in (DAY, datetime.datetime(1900, 1, 1, tzinfo=UTC), datetime.datetime(9999, 12, 31, tzinfo=UTC)):
        assert again(value) == value
    local = datetime.datetime(2024, 5, 6, 7, 8, 9)
    assert again(local) == local.astimezone(UTC)


@pytest.mark.parametrize(
    "when",
    [
        datetime.datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC),
        datetime.datetime(2024, 5, 6, 7, 8, 9, 123456, tzinfo=UTC),
        datetime.datetime(1901, 5, 6, 7, 8, 9, 5, tzinfo=UTC),
        datetime.datetime(2600, 1, 1, tzinfo=UTC),
    ],
    ids=str,
)
def test_timestamps_of_msgpack_are_read(when):
    packed = msgpack.dumps(msgpack.Timestamp.from_datetime(when))
    assert MsgpackCodec().loads(packed) == when


def test_a_date_past_pythons_range_stays_an_extension():
    for packed in (b"\xd7\x00" + b"\x7f" * 8, b"\xc7\x0c\xff" + b"\x00" * 4 + b"\x7f" * 8):
        assert isinstance(MsgpackCodec().loads(packed), ExtType)


def test_undefined_is_none():
    assert MsgpackCodec().loads(b"\x92\xd4\x00\x00\x81\xa1a\xd4\x00\x00") == [None, {"a": None}]


def test_unknown_extensions_come_and_go():
    found = again(msgpack.ExtType(5, b"x"))
    assert found == ExtType(5, b"x") == msgpack.ExtType(5, b"x")
    assert repr(found) == "ExtType(code=5, data=b'x')"
    assert hash(found) == hash(ExtType(5, b"x"))
    assert again(found) == found


def test_the_hooks_of_python_socketio_are_honoured():
    def dumps_default(value):
        if isinstance(value, complex):
            return msgpack.ExtType(1, str(value).encode())
        if isinstance(value, datetime.datetime):
            return "a date"
        msg = f"no {value!r}"
        raise TypeError(msg)

    seen = []
    hooks = {"dumps_default": dumps_default, "ext_hook": lambda code, data: seen.append((code, data)) or "hook"}
    assert again([1j, DAY, None], **hooks) == ["hook", "a date", None]
    assert seen == [(1, b"1j")]
    assert MsgpackCodec(**hooks).loads(b"\xd4\x00\x00") is None
    with pytest.raises(TypeError):
        again({1, 2}, **hooks)


@pytest.mark.parametrize("value", [object(), {1, 2}, 2**64, -(2**63) - 1, {frozenset(): 1}], ids=repr)
def test_what_has_no_msgpack_form_raises(value):
    with pytest.raises(TypeError):
        again(value)


def test_a_value_that_contains_itself_raises():
    loop: list = [1]
    loop.append(loop)
    with pytest.raises(TypeError):
        again(loop)


@pytest.mark.parametrize("data", [b"", b"\x91", b"\xc1", b"\xa2\xc3\x28", b"\x81\x80\x01", b"\xdd\xff\xff\xff\xff"])
def test_bad_msgpack_is_a_value_error(data):
    with pytest.raises(ValueError):
        MsgpackCodec().loads(data)


def test_arguments_that_are_no_array_are_a_value_error():
    with pytest.raises(ValueError):
        MsgpackCodec().decode(b"\x80", None, None)


def test_a_missing_library_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "ormsgpack", None)
    with pytest.raises(ImportError, match=r"pip install 'fanio\[msgpack\]'"):
        fanio.AsyncServer(serializer="msgpack")


def test_an_unknown_serializer_is_named():
    with pytest.raises(ValueError, match="'default', 'msgpack' or a packet class"):
        make_codec("pickle", None, 10)
