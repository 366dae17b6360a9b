"""Each print profile beside an oracle that shares no code with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from runstone.core import canonical
from runstone.core.printing import PROFILES, Profile, Stream, print_json, print_pieces
from runstone.errors import RunstoneError

from . import strategies

SAFE = 2**53 - 1
HOLDS_EVERYTHING = {
    "zero": -0.0,
    "numbers": [0, -1, 1.0, 0.1, 1e16, 1e15, 1e-4, 1e-5, 1e-6, 1.5e-5, 3e-7, 1e100, 123456789.125, SAFE, -SAFE],
    "text": '\b\t\n\f\r\x00\x1f\x7f\x80"\\/é\u2028\U0001f600',
    "é": {"empty": {}, "none": [], "nested": [[], {}, [[1]]]},
    "\ue000": None,
    "\U0001f600": True,
    "A": False,
}


@pytest.fixture(scope="module", autouse=True, params=["piece by piece", "whole"])
def way(request: pytest.FixtureRequest) -> Iterator[None]:
    """Everything here holds for both ways of printing."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "whole":
            canonical.warm()
        else:
            patch.setattr(Profile, "whole", lambda *_: None)
        yield


def decimal_text(value: float) -> str:
    """`compact-utf8` from the words of its row: `.0` on integral floats, decimal for exponents −5 to 15."""
    sign, digits, _ = Decimal(repr(value)).as_tuple()
    number = Decimal(repr(abs(value)))
    exponent = number.adjusted() if value else 0
    minus = "-" if sign else ""
    if -5 <= exponent <= 15:
        text = format(number, "f")
        return minus + (text if "." in text else text + ".0")
    mantissa = "".join(map(str, digits)).rstrip("0")
    point = "." + mantissa[1:] if len(mantissa) > 1 else ""
    return f"{minus}{mantissa[0]}{point}e{'+' if exponent > 0 else '-'}{abs(exponent)}"


def rendered(value: Any, *, indent: str, number: Callable[[float], str], text: Callable[[str], str], order: Any) -> str:
    """JSON written bottom-up, by joining; the kernel writes top-down, in pieces."""

    def render(value: Any, line: str) -> str:
        inner = line + indent
        if isinstance(value, dict):
            keys = sorted(value, key=order) if order else list(value)
            items = [f"{text(key)}{': ' if indent else ':'}{render(value[key], inner)}" for key in keys]
            return "{" + inner + ("," + inner).join(items) + line + "}" if items else "{}"
        if isinstance(value, list):
            items = [render(item, inner) for item in value]
            return "[" + inner + ("," + inner).join(items) + line + "]" if items else "[]"
        if isinstance(value, bool) or value is None:
            return json.dumps(value)
        if isinstance(value, int):
            return str(value)
        return number(value) if isinstance(value, float) else text(value)

    return render(value, "\n" if indent else "")


def utf8_text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def rfc_number(value: float) -> str:
    return rfc8785.dumps(value).decode()


ORACLES: dict[str, Callable[[Any], bytes]] = {
    "jcs": rfc8785.dumps,
    "pretty-ascii": lambda value: (
        rendered(value, indent="  ", number=rfc_number, text=json.dumps, order=lambda key: key) + "\n"
    ).encode(),
    "py-compact-ascii": lambda value: json.dumps(value, sort_keys=True, separators=(",", ":")).encode(),
    "py-compact-utf8": lambda value: json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode(),
    "py-pretty-utf8": lambda value: json.dumps(value, indent=2, ensure_ascii=False).encode(),
    "compact-utf8": lambda value: rendered(value, indent="", number=decimal_text, text=utf8_text, order=None).encode(),
}


def test_every_profile_has_an_oracle() -> None:
    """A new profile needs a row here."""
    assert ORACLES.keys() == PROFILES.keys()


@pytest.mark.parametrize("profile", ORACLES)
def test_a_value_of_everything(profile: str) -> None:
    """Controls, empty containers, every number form and every plane are printed as the oracle prints them."""
    assert print_json(HOLDS_EVERYTHING, profile) == ORACLES[profile](HOLDS_EVERYTHING)


@pytest.mark.parametrize("profile", ["jcs", "pretty-ascii"])
@given(strategies.json_values)
def test_kernel_profiles(profile: str, value: Any) -> None:
    """Profiles of the kernel's own documents print what their oracle prints."""
    assert print_json(value, profile) == ORACLES[profile](value)


@pytest.mark.parametrize("profile", ["py-compact-ascii", "py-compact-utf8", "py-pretty-utf8", "compact-utf8"])
@given(strategies.foreign_values)
@example([2, 2.0, -0.0, 10**25])
def test_foreign_profiles(profile: str, value: Any) -> None:
    """Profiles of other people's hashes print what their oracle prints, integers of any size included."""
    assert print_json(value, profile) == ORACLES[profile](value)


@given(strategies.doubles)
@example(1e-5)
@example(-1.25e-5)
@example(9.999e-5)
@example(1e-6)
@example(1e15)
@example(1e16)
@example(-0.0)
def test_numbers_of_every_profile_read_back(value: float) -> None:
    """No profile loses a bit of a double."""
    for profile in PROFILES:
        read = float(print_json(value, profile))
        assert read == value


def test_the_words_of_the_format_page() -> None:
    """The numbers that the format page spells out."""
    spelled = {
        ("jcs", 1e-7): "1e-7",
        ("jcs", 1e21): "1e+21",
        ("jcs", 2.0): "2",
        ("py-compact-utf8", 3e-7): "3e-07",
        ("py-compact-utf8", 1e16): "1e+16",
        ("py-compact-utf8", 2.0): "2.0",
        ("py-compact-utf8", -0.0): "-0.0",
        ("py-compact-utf8", 1e-5): "1e-05",
        ("compact-utf8", 1e16): "1e+16",
        ("compact-utf8", 1e-6): "1e-6",
        ("compact-utf8", 1e-5): "0.00001",
        ("compact-utf8", 1e15): "1000000000000000.0",
    }
    assert {row: print_json(row[1], row[0]).decode() for row in spelled} == spelled


@pytest.mark.parametrize("profile", PROFILES)
@given(items=st.lists(strategies.json_values, max_size=4))
def test_a_stream_prints_as_the_list_of_its_items(profile: str, items: list[Any]) -> None:
    """Whoever reads a document cannot tell a stream from a list, empty or not, wherever it stands."""
    streamed = {"a": Stream(lambda: iter(items)), "b": [Stream(lambda: items)]}
    assert print_json(streamed, profile) == print_json({"a": items, "b": [items]}, profile)


def test_what_is_in_memory_is_printed_whole(request: pytest.FixtureRequest) -> None:
    """The quick way is taken at all, by every profile that has one, also inside of a value that holds a stream."""
    quick = request.node.callspec.params["way"] == "whole"
    for name, profile in PROFILES.items():
        assert (profile.whole({"a": ["b"]}) is not None) is (quick and name != "jcs")
        assert profile.whole({"a": Stream(list)}) is None
        assert profile.whole([10**30]) is None


def test_a_stream_is_made_while_it_is_printed() -> None:
    """The first pieces leave before the last items exist; no piece holds more than some kilobytes."""
    made = 0

    def items() -> Iterator[str]:
        nonlocal made
        for _ in range(10_000):
            made += 1
            yield "x" * 90

    pieces = print_pieces(Stream(items), "jcs")
    sizes = [len(next(pieces))]
    assert made < 200
    sizes += map(len, pieces)
    assert max(sizes) < 10_000
    assert sum(sizes) == 10_000 * 93 + 1


def test_a_stream_can_be_printed_again() -> None:
    """Each print asks for the items anew."""
    value = Stream(lambda: iter([1, 2]))
    assert print_json(value, "jcs") == print_json(value, "jcs") == b"[1,2]"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), b"", (1,), {1}, object(), {1: 2}, {1: 2, "a": 3}, {None: 1}, 10**5000],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_form_is_refused(profile: str, value: Any) -> None:
    """No profile prints NaN, bytes, other types or keys that are not text: `not_json`."""
    with pytest.raises(RunstoneError) as caught:
        print_json([value], profile)
    assert caught.value.code == "not_json"


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("value", ["\ud800", {"\udfff": 1}], ids=ascii)
def test_half_a_surrogate_pair_is_refused(profile: str, value: Any) -> None:
    """Also where the profile could escape it: nobody could read it back."""
    with pytest.raises(RunstoneError) as caught:
        print_json([value], profile)
    assert caught.value.code == "lone_surrogate"


@pytest.mark.parametrize("profile", ["jcs", "pretty-ascii"])
@pytest.mark.parametrize("value", [SAFE + 1, -SAFE - 1, 10**400])
def test_kernel_profiles_have_no_big_integers(profile: str, value: int) -> None:
    """What canonical JSON cannot hold is refused, never rounded in silence."""
    with pytest.raises(RunstoneError) as caught:
        print_json(value, profile)
    assert caught.value.code == "not_json"
