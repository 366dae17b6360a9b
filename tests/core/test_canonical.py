"""Canonical JSON is RFC 8785, whichever of the two encoders wrote it."""

from __future__ import annotations

import builtins
import errno
import json
import math
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from runstone.core import canonical, quick
from runstone.core.limits import MAX_DEPTH
from runstone.errors import RunstoneError

from . import strategies

SAFE = 2**53 - 1

warm: Callable[[Any], bytes] = quick.canonical


def cold(value: Any) -> bytes:
    return canonical.canonical_text(value).encode()


ENCODERS = pytest.mark.parametrize("encode", [cold, warm], ids=["cold", "warm"])

# RFC 8785, appendix B: IEEE 754 bits and ECMAScript text
APPENDIX_B = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}

NOT_JSON = [
    math.inf,
    -math.inf,
    math.nan,
    SAFE + 1,
    -SAFE - 1,
    10**400,
    b"bytes",
    (1, 2),
    {1, 2},
    object(),
    1j,
    type("Text", (str,), {})("text"),
    type("Count", (int,), {})(1),
    type("Real", (float,), {})(1.5),
    type("Object", (dict,), {})(),
    type("Array", (list,), {})(),
]


def double(bits: str) -> float:
    value: float = struct.unpack(">d", bytes.fromhex(bits))[0]
    return value


@ENCODERS
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_vectors_of_the_rfc(shared: Path, encode: Callable[[Any], bytes], name: str) -> None:
    """Each input of the published vectors gives the published bytes."""
    folder = shared / "vectors" / "jcs"
    value = json.loads((folder / "input" / f"{name}.json").read_bytes())
    expected = bytes.fromhex((folder / "outhex" / f"{name}.txt").read_text())
    assert encode(value) == expected


@ENCODERS
@pytest.mark.parametrize(("bits", "text"), APPENDIX_B.items())
def test_the_numbers_of_appendix_b(encode: Callable[[Any], bytes], bits: str, text: str) -> None:
    """Each double of RFC 8785's appendix B has the text that stands beside it."""
    assert encode(double(bits)) == text.encode()


@ENCODERS
@pytest.mark.parametrize("value", NOT_JSON, ids=repr)
@pytest.mark.parametrize("place", [lambda value: value, lambda value: [value], lambda value: {"a": value}])
def test_what_has_no_form_is_refused(encode: Callable[[Any], bytes], value: Any, place: Callable[[Any], Any]) -> None:
    """NaN, infinities, big integers, subclasses and other types raise `not_json`, wherever they stand."""
    with pytest.raises(RunstoneError) as caught:
        encode(place(value))
    assert caught.value.code == "not_json"


@ENCODERS
def test_the_refusal_names_the_place(encode: Callable[[Any], bytes]) -> None:
    """`details.path` is a JSON Pointer to the value that has no form, with `~` and `/` escaped."""
    with pytest.raises(RunstoneError) as caught:
        encode({"a/b": [1, {"c~d": b""}]})
    assert caught.value.details["path"] == "/a~1b/1/c~0d"


@ENCODERS
@pytest.mark.parametrize("key", [1, None, True, 1.5, b"k", ("k",), type("Text", (str,), {})("k")], ids=repr)
def test_a_key_that_is_not_text_is_refused(encode: Callable[[Any], bytes], key: Any) -> None:
    """No key is turned into text here: that is the recorder's door."""
    with pytest.raises(RunstoneError) as caught:
        encode({"a": {key: 1}})
    assert (caught.value.code, caught.value.details["path"]) == ("not_json", "/a")


@ENCODERS
@pytest.mark.parametrize("value", ["\ud800", "a\udfff", ["\udc00x"], {"\ud800": 1}, {"k": "\udbff\ud800"}], ids=ascii)
def test_half_a_surrogate_pair_is_refused(encode: Callable[[Any], bytes], value: Any) -> None:
    """A lone surrogate has no UTF-8: in text and in keys it raises `lone_surrogate`."""
    with pytest.raises(RunstoneError) as caught:
        encode(value)
    assert caught.value.code == "lone_surrogate"


@ENCODERS
@pytest.mark.parametrize("wrap", [lambda inner: [inner], lambda inner: {"k": inner}], ids=["array", "object"])
def test_nesting_ends_at_the_limit(encode: Callable[[Any], bytes], wrap: Callable[[Any], Any]) -> None:
    """64 levels have a form; the 65th raises `too_deep`."""
    value: Any = 1
    for _ in range(MAX_DEPTH):
        value = wrap(value)
    assert encode(value)
    with pytest.raises(RunstoneError) as caught:
        encode(wrap(value))
    assert caught.value.code == "too_deep"


@ENCODERS
def test_a_cycle_is_refused(encode: Callable[[Any], bytes]) -> None:
    """A value that contains itself raises `too_deep`, not a RecursionError."""
    value: list[Any] = []
    value.append({"again": value})
    with pytest.raises(RunstoneError) as caught:
        encode(value)
    assert caught.value.code == "too_deep"


@ENCODERS
def test_keys_stand_in_utf16_order(encode: Callable[[Any], bytes]) -> None:
    """U+1F600 is a surrogate pair and sorts before U+E000, though its code point is higher."""
    assert encode({"\ue000": 1, "\U0001f600": 2, "z": 3}) == '{"z":3,"\U0001f600":2,"\ue000":1}'.encode()


@ENCODERS
def test_control_characters_are_escaped_in_their_short_form(encode: Callable[[Any], bytes]) -> None:
    """`\\b \\t \\n \\f \\r` are short, other controls `\\u00xx` in lower case; DEL, `/`, U+2028 stay."""
    value = '\b\t\n\f\r\x00\x1f"\\/\x7f\u2028'
    assert encode(value) == '"\\b\\t\\n\\f\\r\\u0000\\u001f\\"\\\\/\x7f\u2028"'.encode()


@ENCODERS
def test_the_value_is_not_changed(encode: Callable[[Any], bytes]) -> None:
    """Encoding copies where it must; the caller's lists and dicts stay as they were."""
    value = {"b": [1.0, {"x": 1e-7}], "a": 1e300}
    before = json.dumps(value)
    encode(value)
    assert json.dumps(value) == before


@given(strategies.json_values)
@example({"\U00010000": 1, "\uffff": 2, "a": {"\ue000": [], "\U0001f600": {}}})
@example([1e15, 1e16, 1e21, 1e-4, 9.999e-5, 1e-6, 1e-7, -1e15, -1e-4, -0.0])
def test_both_encoders_give_the_same_bytes(value: Any) -> None:
    """What orjson helps to write is what the plain rule writes."""
    assert warm(value) == cold(value)


@given(strategies.json_values)
def test_another_implementation_gives_the_same_bytes(value: Any) -> None:
    """The package `rfc8785` agrees on every value."""
    assert warm(value) == rfc8785.dumps(value)


@given(strategies.doubles)
def test_number_text_is_the_shortest_that_reads_back(value: float) -> None:
    """The text of a double reads as that double, and both encoders and `rfc8785` agree on it."""
    text = canonical.number_text(value)
    assert float(text) == value
    assert text.encode() == warm(value) == rfc8785.dumps(value)


@given(st.dictionaries(strategies.odd_text, st.none()), st.randoms(use_true_random=False))
def test_bytes_do_not_depend_on_the_order_of_insertion(value: dict[str, None], random: Any) -> None:
    """Two dicts with the same members in another order have the same bytes."""
    items = list(value.items())
    random.shuffle(items)
    assert warm(dict(items)) == warm(value)


def test_a_process_that_encodes_much_warms_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `WARM_BYTES` of text the fast encoder is built, and nothing is seen of it in the bytes."""
    monkeypatch.setattr(canonical, "_fast", None)
    monkeypatch.setattr(canonical, "_cold_bytes", 0)
    value = {"text": "x" * 1000, "number": 1e16}
    first = canonical.canonical_bytes(value)
    assert canonical._fast is None
    for _ in range(canonical.WARM_BYTES // len(first)):
        assert canonical.canonical_bytes(value) == first
    assert canonical._fast is not None
    assert canonical.canonical_bytes(value) == first


def test_an_encoder_that_was_given_out_early_warms_up_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who keeps the function from the first kilobytes has the fast one from the moment that there is one."""
    monkeypatch.setattr(canonical, "_fast", None)
    encode = canonical.encoder()
    assert encode({"a": 1.0}, 1) == b'{"a":1}'
    monkeypatch.setattr(canonical, "_fast", lambda value, depth: b"fast")
    assert encode({"a": 1.0}, 1) == b"fast"


def test_a_short_process_never_loads_orjson() -> None:
    """The first kilobytes are encoded without importing orjson: it costs a short process 16 ms."""
    code = "import sys; from runstone.core.canonical import canonical_bytes; canonical_bytes({'a': 1.5}); "
    code += "print('orjson' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


WATCHED = """
import sys

def watch(frame, event, called):
    global inside
    if getattr(called, "__name__", "") in ("create_dynamic", "exec_dynamic") and is_orjson(frame):
        inside += {"c_call": 1, "c_return": -1, "c_exception": -1}[event]
    elif event == "call" and inside:
        print(frame.f_code.co_filename, frame.f_code.co_name)

def is_orjson(frame):
    return frame is not None and ("orjson" in frame.f_code.co_filename or is_orjson(frame.f_back))

inside = 0
sys.setprofile(watch)
"""


@pytest.mark.parametrize(
    ("code", "runs"), [("import runstone.core.quick", False), ("import orjson", True)], ids=["ours", "bare"]
)
def test_no_signal_handler_comes_in_while_orjson_sets_itself_up(code: str, runs: bool) -> None:
    """Its init imports modules and dies of an exception in one: when Runstone loads it, no Python runs there."""
    shown = subprocess.run([sys.executable, "-c", WATCHED + code], capture_output=True, text=True, check=True)
    assert bool(shown.stdout) is runs, shown.stdout


def test_a_process_out_of_descriptors_encodes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the fast encoder cannot be opened now the plain one goes on, and it is tried again later."""
    monkeypatch.setattr(canonical, "_fast", None)
    monkeypatch.setattr(canonical, "_cold_bytes", 0)
    value = {"text": "x" * canonical.WARM_BYTES}
    imported = builtins.__import__

    def full(name: str, *args: Any) -> Any:
        if name == "runstone.core.quick":
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        return imported(name, *args)

    with monkeypatch.context() as now:
        now.setattr(builtins, "__import__", full)
        assert canonical.canonical_bytes(value) == canonical.canonical_text(value).encode()
    assert not canonical.is_warm()
    canonical.canonical_bytes(value)
    assert canonical.is_warm()


@pytest.mark.parametrize(
    ("path", "text"), [([], ""), (["a"], "/a"), (["a/b", "m~n", ""], "/a~1b/m~0n/"), (["~1"], "/~01")]
)
def test_pointers_follow_rfc_6901(path: list[str], text: str) -> None:
    """`~` becomes `~0` and `/` becomes `~1`, in this order."""
    assert canonical.pointer(path) == text


# a second implementation: ECMAScript itself

_NODE_NUMBERS = """
const lines = require("fs").readFileSync(0, "latin1").trim().split("\\n");
const view = new DataView(new ArrayBuffer(8));
console.log(lines.map(bits => { view.setBigUint64(0,
    BigInt("0x" + bits)); return JSON.stringify(view.getFloat64(0)); }).join("\\n"));
"""
_NODE_STRINGS = """
const values = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(values.map(value => JSON.stringify(value)).join("\\n"));
"""
_NODE_OBJECTS = """
const text = require("fs").readFileSync(0, "utf8");
const canonical = value => Array.isArray(value) ? "[" + value.map(canonical).join(",") + "]"
  : value !== null && typeof value === "object"
    ? "{" + Object.keys(value).sort().map(key => JSON.stringify(key) + ":" + canonical(value[key])).join(",") + "}"
    : JSON.stringify(value);
process.stdout.write(JSON.parse(text).map(canonical).join("\\n"));
"""


def node(script: str, given: bytes) -> list[str]:
    program = shutil.which("node")
    if program is None:
        pytest.skip("no Node")
    shown = subprocess.run([program, "-e", script], input=given, capture_output=True, check=True)
    return shown.stdout.decode().removesuffix("\n").split("\n")


@pytest.fixture(scope="module")
def many_doubles() -> list[float]:
    """Ten thousand doubles: borders of each spelling with their neighbours, then bits drawn from a fixed seed."""
    from random import Random

    random = Random(8785)
    near = [
        strategies._beside(power, step, digit) for power in range(-9, 24) for step in (-1, 0, 1) for digit in (1, 5, 9)
    ]
    drawn = [strategies._double(random.getrandbits(64)) for _ in range(6000)]
    plain = [random.uniform(-1, 1) * 10.0 ** random.randint(-12, 24) for _ in range(4000)]
    return [*near, *drawn, *plain]


def test_ecmascript_writes_the_same_numbers(many_doubles: list[float]) -> None:
    """`JSON.stringify` of Node gives the text of `number_text` for each double."""
    bits = "\n".join(struct.pack(">d", value).hex() for value in many_doubles)
    assert node(_NODE_NUMBERS, bits.encode()) == [canonical.number_text(value) for value in many_doubles]


def test_ecmascript_writes_the_same_strings() -> None:
    """`JSON.stringify` escapes what the canonical form escapes, for every plane and every control character."""
    values = [
        chr(code) for code in (*range(0x300), 0x2027, 0x2028, 0x2029, 0xD7FF, 0xE000, 0xFEFF, 0xFFFF, 0x10000, 0x10FFFF)
    ]
    assert node(_NODE_STRINGS, json.dumps(values).encode()) == [warm(value).decode() for value in values]


def test_ecmascript_sorts_keys_alike() -> None:
    """`Array.prototype.sort` on keys is the order of the canonical form."""
    names = [
        "",
        "a",
        "B",
        "10",
        "9",
        "é",
        "\x7f",
        "\x80",
        "\ud7ff",
        "\ue000",
        "\uffff",
        "\U00010000",
        "\U0010ffff",
        "aa",
        "\n",
    ]
    values = [dict.fromkeys(names[start:] + names[:start], start) for start in range(len(names))]
    assert node(_NODE_OBJECTS, json.dumps(values).encode()) == [warm(value).decode() for value in values]
