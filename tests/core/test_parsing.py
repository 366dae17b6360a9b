"""Strict reading: what is good comes back exactly, what is not is refused with its place."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runstone.core.canonical import canonical_bytes
from runstone.core.limits import MAX_DEPTH
from runstone.core.parsing import (
    MAX_NUMBER_LENGTH,
    _has_long_number,
    load,
    parse_canonical,
    parse_json,
    prove_json,
    try_canonical,
)
from runstone.core.printing import print_json
from runstone.errors import RunstoneError

from . import strategies

PARSERS = pytest.mark.parametrize("parse", [parse_canonical, parse_json])


def refusal(parse: Callable[..., Any], data: bytes, **options: Any) -> RunstoneError:
    with pytest.raises(RunstoneError) as caught:
        parse(data, **options)
    return caught.value


# (bytes, code, offset, line, column): the first fault, the same for both parsers
REFUSED: list[tuple[bytes, str, int, int, int]] = [
    # nothing, or no value
    (b"", "invalid_json", 0, 1, 1),
    (b" ", "invalid_json", 1, 1, 2),
    (b"nul", "invalid_json", 0, 1, 1),
    (b"True", "invalid_json", 0, 1, 1),
    (b"'a'", "invalid_json", 0, 1, 1),
    (b"NaN", "invalid_json", 0, 1, 1),
    (b"Infinity", "invalid_json", 0, 1, 1),
    (b'{"a":NaN}', "invalid_json", 5, 1, 6),
    (b"/* no */1", "invalid_json", 0, 1, 1),
    # containers
    (b"[", "invalid_json", 1, 1, 2),
    (b"[1", "invalid_json", 2, 1, 3),
    (b"[1,", "invalid_json", 3, 1, 4),
    (b"[1,]", "invalid_json", 3, 1, 4),
    (b"[,1]", "invalid_json", 1, 1, 2),
    (b"[1 2]", "invalid_json", 3, 1, 4),
    (b"{", "invalid_json", 1, 1, 2),
    (b'{"a"', "invalid_json", 4, 1, 5),
    (b'{"a":', "invalid_json", 5, 1, 6),
    (b'{"a":1', "invalid_json", 6, 1, 7),
    (b'{"a":1,}', "invalid_json", 7, 1, 8),
    (b"{a:1}", "invalid_json", 1, 1, 2),
    (b"{1:1}", "invalid_json", 1, 1, 2),
    (b'{"a" 1}', "invalid_json", 5, 1, 6),
    (b"]", "invalid_json", 0, 1, 1),
    (b"[}", "invalid_json", 1, 1, 2),
    # duplicate keys, also when they are spelled apart
    (b'{"a":1,"a":2}', "duplicate_key", 7, 1, 8),
    (b'{"a":1,"\\u0061":2}', "duplicate_key", 7, 1, 8),
    (b'[{"b":{"k":1,"k":1}}]', "duplicate_key", 13, 1, 14),
    (b'{"a":1,\n"a":2}', "duplicate_key", 8, 2, 1),
    # trailing bytes
    (b"1 2", "trailing_bytes", 2, 1, 3),
    (b"{}{}", "trailing_bytes", 2, 1, 3),
    (b"null\0", "trailing_bytes", 4, 1, 5),
    (b"[]\n\nx", "trailing_bytes", 4, 3, 1),
    # numbers
    (b"01", "invalid_json", 0, 1, 1),
    (b"-01", "invalid_json", 0, 1, 1),
    (b"-", "invalid_json", 0, 1, 1),
    (b"+1", "invalid_json", 0, 1, 1),
    (b".5", "invalid_json", 0, 1, 1),
    (b"1.", "invalid_json", 0, 1, 1),
    (b"1e", "invalid_json", 0, 1, 1),
    (b"1e+", "invalid_json", 0, 1, 1),
    (b"[1.e3]", "invalid_json", 1, 1, 2),
    (b"0x10", "trailing_bytes", 1, 1, 2),
    (b"1_000", "trailing_bytes", 1, 1, 2),
    ("\u0661".encode(), "invalid_json", 0, 1, 1),
    ("1\u0661".encode(), "trailing_bytes", 1, 1, 2),
    ("\u00b2".encode(), "invalid_json", 0, 1, 1),
    (b"1e400", "not_json", 0, 1, 1),
    (b"[-1e400]", "not_json", 1, 1, 2),
    (b"1" * 5000, "too_large", 0, 1, 1),
    (b"[0." + b"1" * 5000 + b"]", "too_large", 1, 1, 2),
    (b"1" * (MAX_NUMBER_LENGTH + 1), "too_large", 0, 1, 1),
    # strings
    (b'"', "invalid_json", 0, 1, 1),
    (b'"a', "invalid_json", 0, 1, 1),
    (b'"a\n"', "invalid_json", 2, 1, 3),
    (b'"\x00"', "invalid_json", 1, 1, 2),
    (b'"\x1f"', "invalid_json", 1, 1, 2),
    (b'"\\x41"', "invalid_json", 1, 1, 2),
    (b'"\\u12"', "invalid_json", 1, 1, 2),
    (b'"\\u+123"', "invalid_json", 1, 1, 2),
    (b'"\\U0041"', "invalid_json", 1, 1, 2),
    (b'"\\', "invalid_json", 1, 1, 2),
    # surrogates
    (b'"\\ud800"', "lone_surrogate", 1, 1, 2),
    (b'"\\udc00"', "lone_surrogate", 1, 1, 2),
    (b'"a\\ud800b"', "lone_surrogate", 2, 1, 3),
    (b'"\\ud800\\ud800"', "lone_surrogate", 1, 1, 2),
    (b'"\\udc00\\ud800"', "lone_surrogate", 1, 1, 2),
    (b'{"\\udfff":1}', "lone_surrogate", 2, 1, 3),
    # bytes that are not UTF-8, and the mark that some put before it
    (b"\xff", "invalid_utf8", 0, 1, 1),
    (b'"a\xc3"', "invalid_utf8", 2, 1, 3),
    (b'"\xed\xa0\x80"', "invalid_utf8", 1, 1, 2),
    (b'"\xc0\x80"', "invalid_utf8", 1, 1, 2),
    (b'{"a":1,\n "b":"\xf5"}', "invalid_utf8", 14, 2, 7),
    (b"\xef\xbb\xbf{}", "invalid_json", 0, 1, 1),
    (b"\xff\xfe{\0}\0", "invalid_utf8", 0, 1, 1),
    # depth
    (b"[" * 65 + b"]" * 65, "too_deep", 64, 1, 65),
    (b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep", 320, 1, 321),
    (b"[" * 100_000, "too_deep", 64, 1, 65),
    (b"[" * 100_000 + b"]" * 100_000, "too_deep", 64, 1, 65),
    (b'{"a":' * 100_000, "too_deep", 320, 1, 321),
    # the column counts characters, the offset bytes
    ('"é\U0001f600" x'.encode(), "trailing_bytes", 9, 1, 6),
]


@PARSERS
@pytest.mark.parametrize(
    ("data", "code", "offset", "line", "column"), REFUSED, ids=[repr(row[0][:20]) + row[1] for row in REFUSED]
)
def test_a_refusal_says_what_and_where(
    parse: Callable[..., Any], data: bytes, code: str, offset: int, line: int, column: int
) -> None:
    """Every refusal has a code, the offset in bytes, and line and column from 1."""
    fault = refusal(parse, data)
    assert (fault.code, fault.details) == (code, {"offset": offset, "line": line, "column": column})


# bytes that are JSON, and how their one spelling begins to differ
NOT_CANONICAL: list[tuple[bytes, int]] = [
    (b" 1", 0),
    (b"1 ", 1),
    (b"{}\n", 2),
    (b'{"a": 1}', 5),
    (b'{"b":1,"a":2}', 2),
    (b"1.0", 1),
    (b"1e3", 1),
    (b"-0", 0),
    (b"-0.0", 0),
    (b"1e-7 ", 4),
    (b"0.0000001", 0),
    (b"10000000000000000000000", 1),
    (b"9007199254740993", 15),
    (b"0.1000000000000000055511151231257827", 3),
    (b'"\\u0061"', 1),
    (b'"\\/"', 1),
    (b'"\\u000A"', 2),
    (b'"\\u001F"', 6),
    (b'"\\ud83d\\ude00"', 1),
    ('{"\ue000":1,"\U0001f600":2}'.encode(), 2),
]


@pytest.mark.parametrize(("data", "offset"), NOT_CANONICAL)
def test_another_spelling_is_not_canonical(data: bytes, offset: int) -> None:
    """Spacing, order, number forms and needless escapes are refused at the first byte that differs."""
    fault = refusal(parse_canonical, data)
    assert (fault.code, fault.details["offset"]) == ("not_canonical", offset)
    assert fault.details["line"] == 1
    assert fault.details["column"] == offset + 1


def test_an_integer_beyond_every_double_is_refused_with_its_place() -> None:
    """A number token of 400 digits is no double; the refusal says where it stands."""
    fault = refusal(parse_canonical, b'{"a":\n' + b"9" * 400 + b"}")
    assert (fault.code, fault.details) == ("not_json", {"offset": 6, "line": 2, "column": 1})


@PARSERS
def test_the_size_limit_is_checked_before_a_byte_is_read(parse: Callable[..., Any]) -> None:
    """`limit` bytes are read, one more is `too_large`, whatever they hold."""
    assert parse(b'"1234"', limit=6) == "1234"
    fault = refusal(parse, b"\xff" * 7, limit=6)
    assert (fault.code, fault.details["limit"], fault.details["found"]) == ("too_large", 6, 7)


@PARSERS
@pytest.mark.parametrize("brackets", [(b"[", b"]"), (b'{"a":', b"}")], ids=["array", "object"])
def test_the_deepest_value_that_is_read(parse: Callable[..., Any], brackets: tuple[bytes, bytes]) -> None:
    """64 levels are read."""
    begin, end = brackets
    depth, value = 0, parse(begin * MAX_DEPTH + b"1" + end * MAX_DEPTH)
    while value != 1:
        depth, value = depth + 1, value["a"] if isinstance(value, dict) else value[0]
    assert depth == MAX_DEPTH


def test_brackets_in_text_are_not_depth() -> None:
    """Only nesting counts, not how many brackets there are."""
    text = "[{" * 1000
    assert parse_json(json.dumps([text, [[]] * 100]).encode()) == [text, [[]] * 100]


def test_foreign_numbers_keep_their_kind() -> None:
    """`parse_json` keeps `2` and `2.0` apart, and integers at any size up to the longest token."""
    big = "9" * MAX_NUMBER_LENGTH
    value = parse_json(f"[2,2.0,-0,-0.0,1e2,{big}]".encode())
    assert list(map(type, value)) == [int, float, int, float, float, int]
    assert math.copysign(1, value[3]) == -1
    assert value[5] == int(big)
    longest = "0." + "1" * (MAX_NUMBER_LENGTH - 2)
    assert parse_json(longest.encode()) == parse_json(f'["\\u0041",{longest}]'.encode())[1] == float(longest)


def test_the_longest_number_does_not_depend_on_its_neighbours() -> None:
    """The limit on a number's length holds on the fast path and beside text that needs the scanner."""
    number = b"1" * (MAX_NUMBER_LENGTH + 1)
    assert [refusal(parse_json, data).code for data in (b"[" + number + b"]", b'["\\u0041",' + number + b"]")] == [
        "too_large",
        "too_large",
    ]


def test_a_number_of_canonical_json_is_a_double() -> None:
    """1e17 is spelled with 18 digits and comes back as a double; 2^53-1 is still an integer."""
    assert parse_canonical(b"100000000000000000") == 1e17
    assert type(parse_canonical(b"100000000000000000")) is float
    assert parse_canonical(b"9007199254740991") == 2**53 - 1


@given(strategies.json_values)
@example(1e17)
@example([-1e20, 123456789012345680000.0, 1e21, 5e-324])
@example({"\U0001f600": {"\ue000": "\\u0061"}})
def test_canonical_bytes_come_back(value: Any) -> None:
    """What was written is read, as the same value, and writes the same bytes again."""
    data = canonical_bytes(value)
    read = parse_canonical(data)
    assert read == value
    assert canonical_bytes(read) == data


canonical_texts = strategies.json_values.map(canonical_bytes)
spliced = st.builds(lambda text, at, put: text[:at] + put + text[at:], canonical_texts, st.integers(0, 30), st.binary())
pieces_of_texts = st.sampled_from([b"1", b"1,2", b"[1", b"2]", b'"a', b'b"', b" 1", b"1 ", b"", b"1.0", b"1e-7", b"-0"])


@given(st.lists(st.one_of(canonical_texts, canonical_texts, spliced, pieces_of_texts), max_size=4))
@example([b'{"a":[{}', b"{}]}"])
@example([b"1", b"2,3"])
@example([b"[]", b"[]"])
@example([b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1)])
@example(['{"\ue000":1,"\U0001f600":2}'.encode(), b"1"])
@example(['{"\U0001f600":1,"\ue000":2}'.encode(), b"1"])
@example([b"9007199254740991", b"100000000000000000"])
def test_many_texts_are_read_as_each_alone(texts: list[bytes]) -> None:
    """What is read at once is what is read of each; where one is refused, so are all."""
    expected: list[Any] | None = []
    for text in texts:
        try:
            expected = None if expected is None else [*expected, parse_canonical(text)]
        except RunstoneError:
            expected = None
    found = try_canonical(texts)
    assert found is None or repr(found) == repr(expected)
    if expected is not None and not any(map(_has_long_number, texts)):
        assert repr(found) == repr(expected)


@given(strategies.json_values)
@example([1e17, {"a": -1e18}])
def test_load_reads_what_was_proved_as_parsing_does(value: Any) -> None:
    """The reader that checks nothing gives the same value as the one that checks everything."""
    data = canonical_bytes(value)
    assert repr(load(data)) == repr(parse_canonical(data))


@pytest.mark.parametrize(
    "data", [b"9007199254740993", b"-9007199254740993", b"[[],9007199254740993]", b'{"a":12345678901234567}']
)
def test_load_reads_an_integer_beyond_every_double_as_a_double(data: bytes) -> None:
    """Wherever it stands; digits within text or behind a point are none."""
    assert repr(load(data)) == repr(json.loads(data, parse_int=float))
    same = b'["1234567890123456","a12345678901234567",0.12345678901234567,7]'
    assert repr(load(same)) == repr(json.loads(same))


def test_load_goes_over_to_orjson_once_that_pays() -> None:
    """A process that reads much imports it; one that reads little does not."""
    code = (
        "import sys\n"
        "from runstone.core.parsing import load, WARM_BYTES\n"
        "line = b'[1,\"' + b'x' * 1000 + b'\"]'\n"
        "one = load(line), 'orjson' in sys.modules\n"
        "for _ in range(WARM_BYTES // 1000 + 1): last = load(line)\n"
        "print(one[1], 'orjson' in sys.modules, one[0] == last)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True"]


@pytest.mark.parametrize("data", ["", "{", '{"a":}', '{"a" 1}', '["x', "nope"])
def test_load_refuses_alike_without_orjson(data: str) -> None:
    """What is no JSON, as somebody wrote into a journal, is a `ValueError` there, too."""
    code = (
        "import sys\n"
        "from runstone.core.parsing import load\n"
        "try: load(sys.argv[1].encode())\n"
        "except ValueError as exc: print('refused', 'orjson' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, data], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "refused False\n"), done.stderr


def test_load_reads_alike_without_orjson() -> None:
    """In a process that has not imported orjson CPython's scanner reads the same values."""
    code = (
        "import sys\n"
        "from runstone.core.parsing import load\n"
        "for line in sys.stdin.buffer: print(ascii(load(line)))\n"
        "print('orjson' in sys.modules)\n"
    )
    values = [None, True, 1, 1.5, -0.25, 1e17, [1e20, {"b": ["\u00e9\U0001f600", "\n\x00"]}], {"a": {}}, "x" * 20]
    given = b"".join(canonical_bytes(value) + b"\n" for value in values)
    shown = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, check=True)
    assert shown.stdout.decode().splitlines() == [
        *(ascii(parse_canonical(canonical_bytes(value))) for value in values),
        "False",
    ]


@given(
    strategies.foreign_values,
    st.sampled_from(["py-compact-ascii", "py-compact-utf8", "py-pretty-utf8", "compact-utf8"]),
)
def test_foreign_print_comes_back(value: Any, profile: str) -> None:
    """`parse_json(print(x)) == x` in every foreign profile, kinds of numbers included."""
    assert exactly(parse_json(print_json(value, profile))) == exactly(value)


def exactly(value: Any) -> Any:
    """`value` so that `==` tells 2 from 2.0 and 0.0 from -0.0."""
    if isinstance(value, dict):
        return {key: exactly(item) for key, item in value.items()}
    return [exactly(item) for item in value] if isinstance(value, list) else repr(value)


CODES = {
    "invalid_json", "invalid_utf8", "duplicate_key", "lone_surrogate", "trailing_bytes", "too_deep", "too_large",
    "not_json", "not_canonical",
}  # fmt: skip


def fault_of(parse: Callable[[bytes], Any], data: bytes) -> RunstoneError | None:
    try:
        parse(data)
    except RunstoneError as fault:
        return fault
    return None


json_pieces = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\\u", b"d800", b"\\udc00", b"null", b"true", b"-", b"1",
            b"0", b".",
         b"e", b"E+", b"9" * 20, b"1e400", b" ", b"\n", b'"a"', b'"a":', b"\xff", b"\xc3", b"\xa9", b"\x00",
         b"\xef\xbb\xbf"]
    ),
    max_size=30,
).map(b"".join)  # fmt: skip

broken = st.builds(
    lambda value, at, what: canonical_bytes(value)[:at] + what + canonical_bytes(value)[at + 1 :],
    strategies.json_values,
    st.integers(0, 60),
    st.one_of(st.binary(max_size=2), json_pieces),
)


@PARSERS
@given(data=st.one_of(st.binary(max_size=60), json_pieces, broken))
@example(data=b"9" * 309)
@example(data=b"-" + b"9" * 400)
@example(data=b"1" * 4301)
@example(data=b"[" * 3000 + b"1")
def test_only_the_typed_error_escapes(parse: Callable[[bytes], Any], data: bytes) -> None:
    """No bytes make a parser raise anything but a `RunstoneError` that has its place."""
    fault = fault_of(parse, data)
    assert fault is None or (fault.code in CODES and fault.details.keys() == {"offset", "line", "column"})


@given(st.one_of(json_pieces, broken))
def test_the_standard_library_agrees_on_what_is_json(data: bytes) -> None:
    """What `parse_json` reads, `json` reads as the same value; what `json` refuses, `parse_json` refuses."""
    try:
        value = parse_json(data)
    except RunstoneError:
        return
    assert repr(json.loads(data.decode())) == repr(value)


@given(st.one_of(json_pieces, broken))
def test_canonical_is_a_part_of_json(data: bytes) -> None:
    """What `parse_canonical` reads prints as the same bytes, and `parse_json` reads it too."""
    try:
        value = parse_canonical(data)
    except RunstoneError:
        return
    assert canonical_bytes(value) == data
    parse_json(data)


@given(st.one_of(json_pieces, broken))
@example(data=b'{"a":1,"a":2}')
@example(data=b'[{"a":NaN}]')
@example(data=b"1e999")
def test_a_proof_refuses_what_parsing_does(data: bytes) -> None:
    """With the same fault and place; escapes aside, which are left to the other parser."""
    if b"\\u" not in data:
        assert str(fault_of(prove_json, data)) == str(fault_of(parse_json, data))


def test_a_proof_knows_no_limit_of_depth_or_length() -> None:
    """A text that no run could hold may have unique keys and finite numbers all the same."""
    prove_json(b"[" * 200 + b"9" * 4000 + b"]" * 200)
    assert refusal(prove_json, b"[" * 200 + b'{"a":1,"a":2}' + b"]" * 200).code == "too_deep"
