"""Random data gives the same result with our JSON and with the standard module, in both directions."""

from __future__ import annotations

import enum
import json
import math
import random

import pytest

from fanio._codec.json_codec import JsonCodec

TEXTS = ["", "a", "é☃😀", "\ud800", "\udfff\ud800", '"\\/\b\n\r\t\0\x1f\x7f', "\u2028", "x" * 300, "_placeholder"]
NUMBERS = [
    *(0, 1, -1, 2**31, 2**53, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64 - 1, 2**64, -(2**63) - 1, 10**30, -(10**99)),
    *(0.0, -0.0, 0.1, 1e300, -1e-300, 5e-324, 1.7976931348623157e308, 1e16, 123456789.123456789),
]
STRANGE = [math.nan, math.inf, -math.inf]


class Color(enum.IntEnum):
    RED = 2


class Text(str):
    pass


class Number(float):
    pass


def leaf(rng, finite):
    kind = rng.randrange(6)
    if kind == 0:
        return rng.choice(TEXTS)
    if kind == 1:
        return rng.choice(NUMBERS if finite else NUMBERS + STRANGE)
    if kind == 2:
        return rng.choice([None, True, False, Color.RED, Text("t"), Number(0.5)])
    if kind == 3:
        return rng.getrandbits(rng.choice([8, 62, 63, 64, 65, 200])) * rng.choice([1, -1])
    if kind == 4:
        return rng.uniform(-1, 1) * 10 ** rng.randrange(-20, 20)
    return "".join(
        chr(rng.choice([rng.randrange(128), rng.randrange(0x10000), 0x1F600])) for _ in range(rng.randrange(6))
    )


def value(rng, depth, finite=False):
    if depth == 0 or rng.random() < 0.3:
        return leaf(rng, finite)
    items = [value(rng, depth - 1, finite) for _ in range(rng.randrange(5))]
    kind = rng.randrange(4)
    if kind == 0:
        return tuple(items)
    if kind == 1:
        return items
    if kind == 2:
        return {rng.choice([1, 1.5, None, True, 2**70, "1", "k", rng.random()]): item for item in items}
    return {rng.choice(TEXTS): item for item in items}


def null_for_nan(found):
    """What the standard module's text means where NaN is null."""
    if isinstance(found, float) and not math.isfinite(found):
        return None
    if isinstance(found, dict):
        return {key: null_for_nan(item) for key, item in found.items()}
    return [null_for_nan(item) for item in found] if isinstance(found, list) else found


def exact(found):
    """A form that tells 1 from 1.0 and from True."""
    return json.dumps(found, sort_keys=True)


@pytest.mark.parametrize("seed", range(20))
def test_what_we_write_means_what_the_standard_module_writes(seed):
    rng, codec = random.Random(seed), JsonCodec()
    for _ in range(200):
        payload = ["e", value(rng, rng.randrange(6))]
        data, attachments = codec.encode(payload)
        assert attachments is None
        theirs = null_for_nan(json.loads(json.dumps(payload)))
        assert exact(json.loads(data.decode())) == exact(theirs), payload


@pytest.mark.parametrize("seed", range(20))
def test_what_we_read_is_what_the_standard_module_reads(seed):
    rng, codec = random.Random(seed), JsonCodec()
    for _ in range(200):
        payload = value(rng, rng.randrange(6))
        text = json.dumps(payload, ensure_ascii=rng.random() < 0.7, indent=rng.choice([None, 1]))
        data = text.encode(errors="surrogatepass")
        try:
            data.decode()
        except UnicodeDecodeError:
            # The core lets no such text through.
            continue
        assert exact(codec.loads(data)) == exact(json.loads(text)), text


@pytest.mark.parametrize("seed", range(10))
def test_damaged_text_is_refused_by_both_or_read_alike(seed):
    rng, codec = random.Random(seed), JsonCodec()
    for _ in range(300):
        text = list(json.dumps(value(rng, 3)))
        for _ in range(rng.randrange(1, 4)):
            text.insert(rng.randrange(len(text) + 1), rng.choice('[]{},:"\\0-+.eE\0 \ufeffNaI1'))
        text = "".join(text)
        try:
            theirs = exact(json.loads(text))
        except ValueError:
            with pytest.raises(ValueError):
                codec.loads(text.encode())
        else:
            assert exact(codec.loads(text.encode())) == theirs, text


@pytest.mark.parametrize("text", ["[1]", '{"a":"b"}', "7"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-16", "utf-8-sig"])
def test_other_encodings_are_no_json(text, encoding):
    with pytest.raises(ValueError):
        JsonCodec().loads(text.encode(encoding))


@pytest.mark.parametrize("depth", [100, 254, 255, 900, 1024, 1025, 100_000])
def test_depth_is_taken_or_refused_never_fatal(depth):
    data = b"[" * depth + b"]" * depth
    try:
        found = JsonCodec().loads(data)
    except ValueError:
        assert depth > 254
    else:
        assert isinstance(found, list)
    deep: list = []
    for _ in range(min(depth, 1025)):
        deep = [deep]
    try:
        assert JsonCodec().encode([deep])[0].startswith(b"[[")
    except (RecursionError, ValueError, TypeError):
        assert depth > 254


def test_integers_of_any_length_are_refused_or_exact():
    for digits in (18, 19, 20, 100, 4300):
        assert JsonCodec().loads(b"[" + b"7" * digits + b"]") == [int("7" * digits)]
    with pytest.raises(ValueError):
        JsonCodec().loads(b"[" + b"7" * 5000 + b"]")
