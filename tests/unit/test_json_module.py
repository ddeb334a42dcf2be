"""What `json=` accepts."""

from __future__ import annotations

import json
from types import SimpleNamespace

import orjson
import pytest
from fake_core import until

from fanio._codec.json_codec import JsonCodec
from fanio._codec.json_module import functions


def compact(obj):
    return json.dumps(obj, separators=(",", ":"))


def wrapped(obj, **options):
    return json.dumps(obj, **options)


@pytest.mark.parametrize(
    "module",
    [
        json,
        SimpleNamespace(dumps=compact, loads=json.loads),
        SimpleNamespace(dumps=wrapped, loads=json.loads),
        SimpleNamespace(dumps=orjson.dumps, loads=orjson.loads),
        SimpleNamespace(dumps=staticmethod(wrapped), loads=staticmethod(json.loads)),
        SimpleNamespace(encode=lambda value: compact(value).encode(), decode=json.loads),
    ],
    ids=["module", "plain", "keywords", "builtin", "static", "msgspec"],
)
def test_modules_and_objects_are_accepted(module):
    codec = JsonCodec(module)
    data, attachments = codec.encode(["e", {"a": b"x"}])
    assert (data, attachments) == (b'["e",{"a":{"_placeholder":true,"num":0}}]', [b"x"])
    assert codec.loads(b'{"a":[1]}') == {"a": [1]}
    assert codec.encode_object({"a": 1}) == b'{"a":1}'


def test_builtins_that_do_not_tell_their_arguments_are_tried_once():
    calls = []

    class Dumps:
        __signature__ = "none"

        def __init__(self, *, strict):
            self.strict = strict

        def __call__(self, *args, **options):
            calls.append(options)
            if self.strict and options:
                raise TypeError
            return "[]"

    for strict in (False, True):
        dumps, _ = functions(SimpleNamespace(dumps=Dumps(strict=strict), loads=json.loads))
        dumps(["e"])
        assert bool(calls[-1]) is not strict


@pytest.mark.parametrize("module", [SimpleNamespace(), SimpleNamespace(dumps=compact), 7, "json"])
def test_anything_else_says_what_was_expected(module):
    with pytest.raises(TypeError, match="dumps and loads"):
        functions(module)


def test_errors_of_any_kind_are_value_errors():
    def loads(text):
        raise KeyError(text)

    with pytest.raises(ValueError):
        JsonCodec(SimpleNamespace(dumps=compact, loads=loads)).loads(b"[]")


async def test_each_server_has_its_own_module(serve):
    def mine(obj, **options):
        return json.dumps(["mine", obj[1]], **options)

    for module, event in ((None, b'["e","x"]'), (SimpleNamespace(dumps=mine, loads=json.loads), b'["mine","x"]')):
        sio, core = serve(json=module)
        core.connect()
        await until(lambda core=core: core.of("accept"))
        await sio.emit("e", "x")
        assert core.of("emit")[0][1] == event
