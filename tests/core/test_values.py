"""The recorder's door: every kind of Python value has one form, and nothing that is handed in raises."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import enum
import io
import math
import sys
import types
import uuid
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes
from runstone.core.events import event_line
from runstone.core.limits import MAX_DEPTH
from runstone.core.values import Foreign, coerce, encoded_bytes, free_key, undecoded
from runstone.errors import RunstoneError

from . import strategies

SAFE = 2**53 - 1
HERE = [["", "coerced"]]


class Colour(enum.Enum):
    RED = "red"
    PAIR = (1, 2)


class Level(enum.IntEnum):
    HIGH = 3


class Word(enum.StrEnum):
    YES = "yes"


class Flags(enum.Flag):
    A = 1
    B = 2


@dataclasses.dataclass
class Point:
    x: int
    y: Any = None
    count: ClassVar[int] = 7


@dataclasses.dataclass(slots=True, frozen=True)
class Seeded:
    kept: str
    seed: dataclasses.InitVar[int]


Pair = collections.namedtuple("Pair", "left right")  # noqa: PYI024  # the untyped one is what callers still use


class Model:
    """As a pydantic model looks from outside."""

    def model_dump(self) -> dict[str, Any]:
        return {"when": dt.date(2026, 1, 2), "n": 1}


def zone(hours: float) -> dt.timezone:
    return dt.timezone(dt.timedelta(hours=hours))


UNCHANGED: list[Any] = [
    None, True, False, 0, -1, SAFE, -SAFE, 0.0, -0.0, 1.5, 5e-324, 1e308, "", "text", "é\U0001f600\u2028\x00", [], {},
    [[], {}],
    {"a": {"b": [1, "2", None]}}, {"": 1, " ": 2, "a$": 3},
]  # fmt: skip

# every row of the format page's section on values
COERCED: list[tuple[Any, Any]] = [
    # bigger integers and Decimal
    (SAFE + 1, "9007199254740992"),
    (-SAFE - 1, "-9007199254740992"),
    (10**50, "1" + "0" * 50),
    (Decimal("1.10"), "1.10"),
    (Decimal("-0"), "-0"),
    (Decimal("NaN"), "NaN"),
    (Decimal("1E+400"), "1E+400"),
    # what is not finite
    (math.nan, "NaN"),
    (math.inf, "Infinity"),
    (-math.inf, "-Infinity"),
    # times
    (dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=dt.UTC), "2026-01-02T03:04:05.000006Z"),
    (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=zone(5.5)), "2026-01-01T21:34:05.000000Z"),
    (dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=zone(-8)), "2026-01-02T11:04:05.000000Z"),
    (dt.datetime(2026, 1, 2, 3, 4, 5), "2026-01-02T03:04:05"),
    (dt.datetime(2026, 1, 2, 3, 4, 5, 600), "2026-01-02T03:04:05.000600"),
    (dt.datetime(1, 1, 1, tzinfo=zone(1)), "0001-01-01T00:00:00+01:00"),
    (dt.datetime(9999, 12, 31, 23, tzinfo=zone(-2)), "9999-12-31T23:00:00-02:00"),
    (dt.date(2026, 1, 2), "2026-01-02"),
    (dt.time(3, 4, 5, 6), "03:04:05.000006"),
    (dt.timedelta(days=1, milliseconds=500), 86400.5),
    (dt.timedelta(seconds=-1), -1.0),
    (dt.timedelta.min, -86399999913600.0),
    (dt.timedelta.min + dt.timedelta(microseconds=1), "-86399999913599.999999"),
    (dt.timedelta(days=10**4, microseconds=5), 864000000.000005),
    (dt.timedelta(days=10**6, microseconds=5), "86400000000.000005"),
    # names
    (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    (Colour.RED, "red"),
    (Colour.PAIR, [1, 2]),
    (Level.HIGH, 3),
    (Word.YES, "yes"),
    (Flags.A | Flags.B, 3),
    (PurePosixPath("/a/b"), "/a/b"),
    (PureWindowsPath("C:\\a\\b"), "C:/a/b"),
    (Path("a") / "b", "a/b"),
    # bytes stay bytes for the redactor, which encodes them
    (b"\x00\xff", b"\x00\xff"),
    (bytearray(b"ab"), b"ab"),
    (memoryview(b"abcd")[::2], b"ac"),
    # containers
    ((1, "a"), [1, "a"]),
    (Pair(1, 2), [1, 2]),
    ({3, 1, 20}, [1, 20, 3]),
    (frozenset({"b", "a", "ä"}), ["a", "b", "ä"]),
    (set(), []),
    ({1, "1", None, True and 2.5}, ["1", 1, 2.5, None]),
    (collections.OrderedDict(b=1, a=2), {"b": 1, "a": 2}),
    (collections.Counter("aab"), {"a": 2, "b": 1}),
    (types.MappingProxyType({"a": 1}), {"a": 1}),
    (collections.UserDict({"a": 1}), {"a": 1}),
    # models
    (Point(1), {"x": 1, "y": None}),
    (Seeded("k", 1), {"kept": "k"}),
    (Model(), {"when": "2026-01-02", "n": 1}),
    # subclasses of plain types are what they are under the subclass
    (type("Text", (str,), {})("t"), "t"),
    (type("Count", (int,), {})(5), 5),
    (type("Real", (float,), {})(math.inf), "Infinity"),
    (type("Items", (list,), {})([1]), [1]),
    # anything else
    (1j, {"$repr": "complex"}),
    (Fraction(1, 3), {"$repr": "Fraction"}),
    (range(3), {"$repr": "range"}),
    (object(), {"$repr": "object"}),
    (object, {"$repr": "type"}),
    (len, {"$repr": "builtin_function_or_method"}),
    (iter([1]), {"$repr": "list_iterator"}),
    (io.StringIO(), {"$repr": "StringIO"}),
    (collections.deque([1]), {"$repr": "deque"}),
    (ValueError("no"), {"$repr": "ValueError"}),
    (Point, {"$repr": "type"}),
    # text that is not Unicode: each byte as U+0000 to U+00FF
    ("a\udcff", "a\xff"),
    ("é\udc80", "Ã©\x80"),
    ("\ud800", "í\xa0\x80"),
]  # fmt: skip


@pytest.mark.parametrize("value", UNCHANGED, ids=repr)
def test_json_stays_as_it_is(value: Any) -> None:
    """What JSON can hold passes, itself, without a mark."""
    new, marks = coerce(value)
    assert (repr(new), marks) == (repr(value), [])


@pytest.mark.parametrize(("value", "expected"), COERCED, ids=lambda value: type(value).__name__)
def test_the_form_of_each_kind_of_value(value: Any, expected: Any) -> None:
    """Each row of the format's table, with a mark at the value's place that says that it was changed."""
    new, marks = coerce(value)
    assert (new, type(new)) == (expected, type(expected))
    assert HERE[0] in marks


@pytest.mark.parametrize(("value", "expected"), COERCED, ids=lambda value: type(value).__name__)
def test_a_value_inside_others_has_the_same_form(value: Any, expected: Any) -> None:
    """The mark's pointer leads to the value."""
    new, marks = coerce({"a/b": [None, value]})
    assert new == {"a/b": [None, expected]}
    assert ["/a~1b/1", "coerced"] in marks
    assert all(pointer.startswith("/a~1b/1") for pointer, _ in marks)


def test_members_of_a_model_carry_their_own_marks() -> None:
    """A dataclass is marked, and so is what had to change inside it."""
    assert coerce(Point(1, Decimal(2))) == ({"x": 1, "y": "2"}, [["/y", "coerced"], ["", "coerced"]])


def test_an_integer_too_long_for_decimal_text_is_hexadecimal() -> None:
    """Beyond Python's limit on digits the value is still whole, in base 16."""
    value = 10**5000 + 7
    assert coerce(value) == (hex(value), HERE)


# keys


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (1, "1"), (-5, "-5"), (True, "true"), (False, "false"), (None, "null"), (1.5, "1.5"), (2.0, "2"),
        (1e21, "1e+21"),
        (math.nan, "NaN"), (-math.inf, "-Infinity"), (10**20, "1" + "0" * 20), (Colour.RED, "red"), (Level.HIGH, "3"),
        (Word.YES, "yes"), ("$x", "$$x"), ("$$", "$$$"), ("$", "$$"), ("\udcff", "\xff"), ("$\udcff", "$$\xff"),
        ((1, 2), "tuple"), (object(), "object"), (b"k", "bytes"), (dt.date(2026, 1, 2), "date"),
    ],
    ids=repr,
)  # fmt: skip
def test_the_text_of_each_kind_of_key(key: Any, name: str) -> None:
    """Keys become text in one way; a user's `$` gets one more; what was changed is marked."""
    assert coerce({key: 0}) == ({name: 0}, [[f"/{name}", "coerced"]])


def test_a_key_of_the_format_cannot_be_forged() -> None:
    """A user's `$bytes`, `$json`, `$repr` and `$redacted` do not read as the format's own."""
    value = dict.fromkeys(("$bytes", "$json", "$repr", "$redacted", "$erasable"), "x")
    new, _ = coerce(value)
    assert set(new) == {f"${name}" for name in value}


def test_a_second_key_of_the_same_text_is_numbered() -> None:
    """Nothing is lost where two keys become one text; the one that moved is marked."""
    new, marks = coerce({"1": "a", 1: "b", "1#2": "c", Level(3): "d", "3": "e"})
    assert new == {"1": "a", "1#2": "b", "1#2#2": "c", "3": "d", "3#2": "e"}
    assert marks == [["/1#2", "coerced"], ["/1#2#2", "coerced"], ["/3", "coerced"], ["/3#2", "coerced"]]


class CountedKeys(dict[str, Any]):
    """Counts how often somebody asks whether a key is there."""

    asked = 0

    def __contains__(self, key: object) -> bool:
        self.asked += 1
        return super().__contains__(key)


def test_many_keys_of_the_same_text_take_linear_time() -> None:
    """The search for a free number goes on where the last one ended, also over numbers that were taken before."""
    taken, numbers = CountedKeys({"key#7": None}), dict[str, int]()
    for _ in range(1000):
        taken[free_key("key", taken, numbers)] = None
    assert list(taken)[-1] == "key#1001"
    assert taken.asked < 3000


# sets


def test_the_order_of_a_set_is_that_of_its_recorded_items() -> None:
    """Sorted by canonical bytes of what is recorded: no hash seed reaches the record, bytes inside tuples included."""
    values = {(b"b", 1), (b"a", 2), b"\xff", b"\x00", "text", 5}
    new, _ = coerce(values)
    recorded = [
        [encoded_bytes(item[0]), item[1]]
        if type(item) is list
        else encoded_bytes(item)
        if type(item) is bytes
        else item
        for item in new
    ]
    assert [canonical_bytes(item) for item in recorded] == sorted(canonical_bytes(item) for item in recorded)
    assert len(new) == len(values)


# numpy and pandas, by how they look: neither is needed to run the tests


def test_a_numpy_scalar_is_its_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever derives from `numpy.generic` is recorded as its Python value; an array is not a scalar."""

    class generic:  # noqa: N801  # numpy's own spelling
        def item(self) -> Any:
            return 2.5

    class ndarray:  # noqa: N801  # numpy's own spelling
        def item(self) -> Any:
            raise ValueError("more than one")

    numpy = types.ModuleType("numpy")
    numpy.generic = type("generic", (generic,), {})  # type: ignore[attr-defined]  # a stand-in for the module
    monkeypatch.setitem(sys.modules, "numpy", numpy)
    assert coerce(numpy.generic()) == (2.5, HERE)
    assert coerce(ndarray()) == ({"$repr": "ndarray"}, HERE)


# cycles and depth


def cyclic_list() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


def cyclic_dict() -> Any:
    value: dict[str, Any] = {}
    value["self"] = value
    return value


def cyclic_point() -> Any:
    value = Point(1)
    value.y = value
    return value


def endless_model() -> Any:
    class Endless:
        def model_dump(self) -> Any:
            return Endless()

    return Endless()


@pytest.mark.parametrize("make", [cyclic_list, cyclic_dict, cyclic_point, endless_model])
def test_a_cycle_is_too_deep(make: Any) -> None:
    """A value without an end raises `too_deep`; the recorder makes a `dropped` event of it."""
    with pytest.raises(RunstoneError) as caught:
        coerce(make())
    assert caught.value.code == "too_deep"


@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"k": inner}], ids=["list", "dict"])
def test_what_passes_the_door_fits_a_line(wrap: Callable[[Any], Any]) -> None:
    """The deepest value that `coerce` accepts can be written inside an event."""
    value: Any = 1
    for _ in range(MAX_DEPTH - 2):
        value, _ = coerce(wrap(value))
    canonical_bytes({"data": {"value": value}})
    with pytest.raises(RunstoneError) as caught:
        coerce(wrap(value))
    assert caught.value.code == "too_deep"


# objects that fight back


class Raises:
    """Raises from every method that somebody could think of calling."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise RuntimeError("repr")

    __str__ = __repr__
    __hash__ = object.__hash__


class LiesAboutItsClass:
    @property
    def __class__(self) -> Any:
        raise RuntimeError("class")


class Meta(type):
    @property
    def __name__(cls) -> str:
        raise RuntimeError("name")


class Nameless(metaclass=Meta):
    pass


class BrokenText(str):
    def __str__(self) -> str:
        raise RuntimeError("str")

    def encode(self, *_: Any, **__: Any) -> bytes:
        raise RuntimeError("encode")


class BrokenCount(int):
    def __int__(self) -> int:
        raise RuntimeError("int")


class BrokenDict(dict[str, Any]):
    def __iter__(self) -> Any:
        raise RuntimeError("iter")

    def items(self) -> Any:
        raise RuntimeError("items")

    keys = items


class BrokenList(list[Any]):
    def __iter__(self) -> Any:
        raise RuntimeError("iter")


class BrokenModel:
    def model_dump(self) -> Any:
        raise ZeroDivisionError

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("eq")

    __hash__ = object.__hash__


class RaisesOurs:
    def model_dump(self) -> Any:
        raise RunstoneError("run_not_found", "from a user's own code")


@dataclasses.dataclass
class Unset:
    x: int = dataclasses.field(init=False)


class BrokenPath(PurePosixPath):
    def as_posix(self) -> str:
        raise OSError("gone")


class BrokenZone(dt.tzinfo):
    def utcoffset(self, _: Any) -> Any:
        raise RuntimeError("zone")


HOSTILE: dict[str, Callable[[], Any]] = {
    "Raises": Raises,
    "LiesAboutItsClass": LiesAboutItsClass,
    "Nameless": Nameless,
    "BrokenText": lambda: BrokenText("x"),
    "BrokenCount": lambda: BrokenCount(1),
    "BrokenDict": lambda: BrokenDict(a=1),
    "BrokenList": lambda: BrokenList([1]),
    "BrokenModel": BrokenModel,
    "RaisesOurs": RaisesOurs,
    "Unset": Unset,
    "BrokenPath": lambda: BrokenPath("a"),
    "datetime": lambda: dt.datetime(2026, 1, 1, tzinfo=BrokenZone()),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_object_whose_methods_raise_is_its_type_name(name: str) -> None:
    """Recording never raises for a value: what cannot be read is named, and the rest of the event stays."""
    new, marks = coerce({"good": 1, "bad": HOSTILE[name]()})
    assert new == {"good": 1, "bad": {"$repr": name}} or (name, new["bad"]) in READABLE_ALL_THE_SAME
    assert marks == [["/bad", "coerced"]]


READABLE_ALL_THE_SAME = [("BrokenText", "x"), ("BrokenDict", {"a": 1})]
"""What Python can read without asking the object."""


@pytest.mark.parametrize("name", ["Raises", "LiesAboutItsClass", "Nameless", "BrokenModel", "RaisesOurs", "BrokenPath"])
def test_a_key_whose_methods_raise_is_its_type_name(name: str) -> None:
    """Nor does it raise for a key."""
    assert coerce({HOSTILE[name](): 1, "good": 2}) == ({name: 1, "good": 2}, [[f"/{name}", "coerced"]])


@pytest.mark.parametrize("key", [BrokenText("x"), BrokenCount(1)], ids=["text", "count"])
def test_a_key_of_a_broken_subclass_is_kept_somehow(key: Any) -> None:
    """A subclass of text or int that raises still gives a key that can be written."""
    new, _ = coerce({key: 1})
    assert list(new.values()) == [1]
    assert canonical_bytes(new)


def test_what_ends_the_program_is_not_swallowed() -> None:
    """KeyboardInterrupt from a value's method is not the value's fault."""

    class Interrupts:
        def model_dump(self) -> Any:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        coerce(Interrupts())


# properties

python_values = st.recursive(
    st.one_of(
        strategies.scalars, st.integers(), st.floats(), st.binary(max_size=5), st.decimals(), st.datetimes(),
        st.uuids(),
        st.dates(), st.timedeltas(), st.text(st.characters(categories=["Cs", "L"])),
        st.sampled_from([Colour.RED, Level.HIGH]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.one_of(strategies.odd_text, st.integers(), st.floats(), st.none(), st.just("$x")), inner,
            max_size=4),
        st.builds(Point, st.integers(), inner),
    ),
    max_leaves=12,
)  # fmt: skip


def recorded(value: Any) -> Any:
    """`value` from `coerce` with its bytes as they are recorded."""
    if type(value) is dict:
        return {key: recorded(item) for key, item in value.items()}
    if type(value) is list:
        return [recorded(item) for item in value]
    return encoded_bytes(value) if type(value) is bytes else value


def find(value: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        name = part.replace("~1", "/").replace("~0", "~")
        value = value[name] if isinstance(value, dict) else value[int(name)]
    return value


@given(python_values)
def test_everything_has_a_canonical_form(value: Any) -> None:
    """Whatever passes the door can be written, and its marks point at places that exist."""
    new, marks = coerce(value)
    assert canonical_bytes(recorded(new))
    for pointer, mark in marks:
        assert mark == "coerced"
        find(new, pointer)


@given(python_values)
def test_what_passed_once_passes_unchanged(value: Any) -> None:
    """The form is a fixed point, apart from the `$` that a user's key gets."""
    new, _ = coerce(value)
    if b'"$' not in canonical_bytes(recorded(new)):
        assert coerce(new) == (new, [])


@given(python_values)
def test_an_unmarked_value_is_the_value(value: Any) -> None:
    """No mark means that nothing was changed."""
    new, marks = coerce({"value": value})
    if not marks:
        assert new == {"value": value}


def test_the_marks_of_a_line_are_sorted_and_distinct() -> None:
    """A line carries its marks by canonical bytes, each once, whatever order they were found in."""
    line = event_line(
        "x.a", b"{}", 1, "2026-01-02T03:04:05.000000Z", [["/b", "coerced"], ["/a", "coerced"], ["/b", "coerced"]]
    )
    assert b'"marks":[["/a","coerced"],["/b","coerced"]]' in line


def test_foreign_json_passes_for_the_redactor() -> None:
    """`Foreign` is the redactor's to print; the door leaves it, unmarked."""
    foreign = Foreign({"a": 2.0}, "py-compact-utf8")
    assert coerce({"plan": foreign}) == ({"plan": foreign}, [])


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        (chr(0xDCFF) + chr(0xDC80), b"\xff\x80"),
        (chr(0xD800) + chr(0xDCFF), b"\xed\xa0\x80\xed\xb3\xbf"),
        (chr(0xDFFF), b"\xed\xbf\xbf"),
    ],
    ids=ascii,
)
def test_undecodable_text_keeps_every_byte(value: str, spelled: bytes) -> None:
    """The form of text that is not Unicode is Latin-1 of its bytes, so the bytes can be had back."""
    assert undecoded(value).encode("latin-1") == spelled


def test_many_changed_values_take_linear_time() -> None:
    """A list of a hundred thousand decimals passes the door; a search through the marks for each would take minutes."""
    new, marks = coerce([Decimal(1)] * 100_000)
    assert (len(new), len(marks)) == (100_000, 100_000)
