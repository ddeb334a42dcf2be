"""JSON: the wire form of values that are not plain JSON, and the values that come back."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import enum
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

from parity.cases import case

if TYPE_CHECKING:
    from parity.cases import Talk
    from parity.world import World


class Point(NamedTuple):
    x: Any
    y: Any


class Level(enum.IntEnum):
    LOW = 1


class Colour(str, enum.Enum):
    RED = "red"


class Plain(enum.Enum):
    ONE = "one"


class Number(int):
    pass


class Ratio(float):
    pass


class Text(str):
    __slots__ = ()


class Table(dict):  # type: ignore[type-arg]
    pass


class Row(list):  # type: ignore[type-arg]
    pass


def deep(levels: int) -> Any:
    """Lists in lists."""
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def emitting(sio: Any, values: dict[str, Any]) -> Talk:
    """Emits each value on demand, or says which exception that raised."""

    @sio.event
    async def give(sid: str, name: str) -> str:
        try:
            await sio.emit("given", values[name], to=sid)
        except Exception as error:
            return type(error).__name__
        return "sent"

    def talk(world: World) -> None:
        client = world.client()
        for name in values:
            client.emit("give", name, ack=1)
            client.until_ack(1)

    return talk


def echoing(sio: Any, texts: list[str]) -> Talk:
    """Says of each JSON text what Python value the handler gets."""

    @sio.event
    async def show(sid: str, *args: Any) -> str:
        return ascii(args)

    def talk(world: World) -> None:
        world.raw = True
        client = world.client()
        for text in texts:
            client.send(f'421["show",{text}]')
            client.fence()

    return talk


@case()
def numbers_out(sio: Any, socketio: Any) -> Talk:
    values = [0, -0.0, 0.1, 1e16, 1e-7, 1.7976931348623157e308, 2**53, 2**63 - 1, 2**63, 2**64, -(2**63), -(2**70)]
    return emitting(sio, {repr(value): value for value in values})


@case()
def numbers_in(sio: Any, socketio: Any) -> Talk:
    texts = ["0", "-0", "0.1", "1e2", "1E400", "9007199254740993", "18446744073709551616", "-9223372036854775809"]
    return echoing(sio, [*texts, "1" * 60])


@case()
def integers_past_one_hundred_digits(sio: Any, socketio: Any) -> Talk:
    inner = echoing(sio, ["1" * 101])

    def talk(world: World) -> None:
        try:
            inner(world)
        except (AssertionError, EOFError):
            world.write("a < (closed)")

    return talk


@case()
def not_a_number_out(sio: Any, socketio: Any) -> Talk:
    return emitting(sio, {"nan": float("nan"), "inf": float("inf"), "deep": {"x": [1, float("-inf")]}})


@case()
def not_a_number_in(sio: Any, socketio: Any) -> Talk:
    inner = echoing(sio, ["NaN", "Infinity"])

    def talk(world: World) -> None:
        try:
            inner(world)
        except (AssertionError, EOFError):
            world.write("a < (closed)")

    return talk


@case()
def keys_that_are_no_text(sio: Any, socketio: Any) -> Talk:
    return emitting(
        sio,
        {
            "int": {1: "a", -2: "b"},
            "float": {1.5: "a"},
            "none": {None: 1},
            "bool": {True: 1, False: 2},
            "nested": {"x": [{7: {8: 9}}]},
            "big": {2**70: 1},
            "tuple": {(1, 2): 3},
            "enum": {Colour.RED: 1},
        },
    )


@case()
def subclasses(sio: Any, socketio: Any) -> Talk:
    return emitting(
        sio,
        {
            "namedtuple": {"p": Point(1, 2)},
            "int": Number(7),
            "float": Ratio(1.5),
            "str": Text("x"),
            "dict": Table(a=1),
            "list": Row([1]),
            "ordered": collections.OrderedDict(b=1, a=2),
            "defaultdict": collections.defaultdict(int, a=1),
            "intenum": Level.LOW,
            "strenum": Colour.RED,
            "deep": [{"x": Number(1), "y": (Ratio(2.5), Point(3, Text("z")))}],
        },
    )


@case()
def values_json_has_no_form_for(sio: Any, socketio: Any) -> Talk:
    return emitting(sio, {"set": {1}, "object": object(), "complex": 1j, "type": int, "range": range(2)})


@dataclasses.dataclass
class Pair:
    x: int
    y: int


@case()
def values_orjson_has_a_form_for(sio: Any, socketio: Any) -> Talk:
    return emitting(
        sio,
        {
            "datetime": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
            "date": datetime.date(2026, 1, 2),
            "uuid": uuid.UUID(int=1),
            "dataclass": Pair(1, 2),
            "enum": Plain.ONE,
        },
    )


@case()
def text_out(sio: Any, socketio: Any) -> Talk:
    return emitting(
        sio, {"accents": "é ü ß", "emoji": "😀", "controls": "\x00\x1f\x7f", "quotes": '"\\/', "line": "\u2028"}
    )


@case()
def lone_surrogates_out(sio: Any, socketio: Any) -> Talk:
    return emitting(sio, {"lone": "a\ud800b", "pair": "\ud83d\ude00", "key": {"\udfff": 1}})


@case()
def text_in(sio: Any, socketio: Any) -> Talk:
    return echoing(sio, ['"é"', r'"\u00e9"', r'"\ud83d\ude00"', r'"\u0000"', r'"\/"'])


@case()
def lone_surrogates_in(sio: Any, socketio: Any) -> Talk:
    return echoing(sio, [r'"\ud800"'])


@case()
def repeated_keys_in(sio: Any, socketio: Any) -> Talk:
    return echoing(sio, ['{"a":1,"a":2}', '{"":1}', '{"__proto__":1}'])


@case()
def nesting_out(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def give(sid: str, levels: int) -> str:
        try:
            await sio.emit("given", deep(levels), to=sid)
        except Exception as error:
            return type(error).__name__
        return "sent"

    def talk(world: World) -> None:
        client = world.client()
        for levels in (100, 254, 300):
            client.emit("give", levels, ack=1)
            client.until_ack(1)

    return talk


@case()
def a_value_that_holds_itself(sio: Any, socketio: Any) -> Talk:
    loop: list[Any] = []
    loop.append(loop)
    return emitting(sio, {"loop": loop})


@case()
def nesting_in(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def measure(sid: str, value: Any) -> int:
        levels = 0
        while value:
            value, levels = value[0], levels + 1
        return levels + 1

    def talk(world: World) -> None:
        client = world.client()
        for levels in (100, 300, 800):
            client.send(f'421["measure",{"[" * levels}{"]" * levels}]')
            client.fence()

    return talk


@case()
def form_of_the_text(sio: Any, socketio: Any) -> Talk:
    @sio.event
    async def give(sid: str) -> None:
        await sio.emit("given", {"a": ["é", 1.0, 1e22], "b": {}}, to=sid)

    def talk(world: World) -> None:
        world.raw = True
        client = world.client()
        client.emit("give")
        client.fence()

    return talk
