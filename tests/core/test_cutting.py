"""Where bytes are cut: no secret, no mark and nothing of a wide text is divided."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.limits import MAX_HELD_OUTPUT_BYTES
from runstone.core.redaction import gate
from runstone.core.redaction.cutting import MIN_OVERLAP_BYTES, Cutter, beginning, ending
from runstone.core.redaction.given import may_stand_below
from runstone.core.redaction.redactor import DECLARED, Redactor
from runstone.core.redaction.zeros import narrowed, widened, without_zeros

from . import planted

WIDE = ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"]
FOUND = planted.secrets(41)
TOKEN = FOUND["github-token"][0].secret
KEY = FOUND["private-key"][0].text
VALUE = planted.drawn(Random(42), planted.LETTERS, 12)
MARK = "[REDACTED:named-secret]"


def test_the_overlap_holds_the_longest_value() -> None:
    """In the longest of its spellings, in UTF-8."""
    assert Cutter(Redactor({VALUE: DECLARED})).overlap_bytes == MIN_OVERLAP_BYTES
    assert Cutter(Redactor({'"ü' * 20_000: DECLARED})).overlap_bytes >= 20_000 * len('\\"\\u00fc')


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("a[REDACTED:x]b", 1, 13),
        ("a[REDACTED:x:0123456789ab]b", 1, 26),
        (f"password={MARK} b", 9, 32),
        (f"{MARK}{MARK}", 0, 23),
        (f"a {TOKEN} b", 2, 2 + len(TOKEN)),
        (f"a password={VALUE} b", 2, 11 + len(VALUE)),
    ],
)
def test_a_cut_stands_behind_what_it_would_divide(text: str, first: int, last: int) -> None:
    """Behind a mark, behind a secret with its name; before the first byte of it, and behind its last, it stays."""
    cutter = Cutter(Redactor())
    for cut in range(first, last + 1):
        assert cutter.after_matches(text.encode(), cut) == (cut if cut in (first, last) else last)


@pytest.mark.parametrize("text", ["a[b", "a[REDACTED:x y", "a[REDACTED:" + "x" * 180 + "]", "", "a clean text"])
def test_what_is_neither_secret_nor_mark_is_cut_anywhere(text: str) -> None:
    """Also what only begins like a mark."""
    cutter = Cutter(Redactor())
    assert [cutter.after_matches(text.encode(), cut) for cut in range(len(text) + 1)] == list(range(len(text) + 1))


@pytest.mark.parametrize("far", [20, 15_000, 40_000, 300_000])
def test_a_secret_far_from_the_ends_is_not_divided(far: int) -> None:
    """Only what stands around a cut is looked at, and that is enough."""
    text = b"xyz " * (far // 4) + TOKEN.encode() + b" xyz" * 20_000
    end = far // 4 * 4 + len(TOKEN)
    cutter = Cutter(Redactor())
    assert {cutter.after_matches(text, cut) for cut in range(end - len(TOKEN) + 1, end + 1, 3)} == {end}


@pytest.mark.parametrize("encoding", WIDE)
def test_wide_text_is_not_divided_either(encoding: str) -> None:
    """A secret or a mark in a line of UTF-16 or UTF-32, whatever stands before it."""
    cutter = Cutter(Redactor())
    for inner in (TOKEN, f"password={MARK}"):
        head, secret = "some words ".encode(encoding), inner.encode(encoding)
        for before in (b"", b"\1", b"\1\2"):
            data = before + head + secret + " more".encode(encoding)
            first = len(before + head)
            for cut in range(first + len(secret) // 2, first + len(secret) - 4, 3):
                plain = without_zeros(data[: cutter.after_matches(data, cut)])
                assert plain.endswith(inner.encode())


@pytest.mark.parametrize("encoding", WIDE)
def test_a_wide_key_is_held_back_whole(encoding: str) -> None:
    """It has line ends, and begins before one of them."""
    head = "a line\n".encode(encoding)
    key = KEY.encode(encoding)
    held = Cutter(Redactor()).safe_end(head + key[: len(key) // 2 // 4 * 4])
    assert without_zeros(head)[:-1] in without_zeros((head + key)[:held])
    assert b"BEGIN" not in without_zeros((head + key)[:held])


@pytest.mark.parametrize("every", [1, 2, 4, 20, 80, 257, 1000])
@pytest.mark.parametrize("size", [0, 1, 256, 257, 514, 100_000])
def test_zeros_go_however_many_there_are(every: int, size: int) -> None:
    """Few and many are taken out in different ways."""
    for first in (0, 1):
        data = bytes(0 if at % every == first % every else 1 + at % 255 for at in range(size))
        assert without_zeros(data) == bytes(byte for byte in data if byte)


@given(st.data())
def test_what_may_reach_over_a_line_is_seen_by_either_way(data: st.DataObject) -> None:
    """With the matcher and without, in any case of letters and with zeros between, as one by one."""
    redactor = Redactor()
    anchors = redactor.gate.ruleset.anchors_over_lines
    cased = st.sampled_from(anchors).flatmap(lambda anchor: st.sampled_from([anchor, anchor.upper(), anchor.title()]))
    pieces = st.lists(cased | st.binary(max_size=6) | cased.map(lambda anchor: anchor[:-1]), max_size=4)
    joint = data.draw(st.sampled_from([b"", b"\0", b"\0\0\0"]))
    text = joint.join(bytes([byte]) for byte in b"".join(data.draw(pieces)))
    expected = any(anchor in text.replace(b"\0", b"").lower() for anchor in anchors)
    slowly, by_matcher = Cutter(redactor), Cutter(redactor)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gate, "has_matcher", lambda _: False)
        found = slowly.spans_lines(text)
        patch.setattr(gate, "has_matcher", lambda _: True)
        assert by_matcher.spans_lines(text) == found
    assert found or not expected


@given(st.binary(max_size=60).map(lambda data: data.translate(bytes(byte & 3 for byte in range(256)))))
def test_places_of_wide_text(data: bytes) -> None:
    """There and back again: directly behind the byte before."""
    for at in range(len(without_zeros(data)) + 1):
        place = widened(data, at)
        assert narrowed(data, place) == at
        assert place == 0 or data[place - 1]


def test_a_line_without_end_is_looked_at_around_its_cut_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the gate proves clean costs the gate; else as much as may wait is read, however much has come."""
    seen: list[int] = []
    found = Redactor.found

    def counted(self: Redactor, text: str, scope: object) -> object:
        seen.append(len(text))
        return found(self, text, scope)  # type: ignore[arg-type]  # handed on as it came

    monkeypatch.setattr(Redactor, "found", counted)
    cutter = Cutter(Redactor())
    clean = b"xyz " * 500_000
    assert cutter.safe_end(clean) == len(clean) - MAX_HELD_OUTPUT_BYTES // 2
    assert seen == []
    assert cutter.safe_end(clean + TOKEN.encode()) < len(clean)
    assert 0 < sum(seen) <= 2 * MAX_HELD_OUTPUT_BYTES


WHOLE = [TOKEN, f"password={VALUE}", KEY, MARK, f"<{VALUE[::-1]}>"]


@pytest.mark.parametrize("whole", WHOLE, ids=["token", "name", "key", "mark", "value"])
def test_no_end_of_a_text_divides_a_secret(whole: str) -> None:
    """Its beginning has all of it, its ending nothing of it, wherever the cut would stand; any other cut stands."""
    redactor = Redactor({VALUE[::-1]: DECLARED})
    text = f"{'é ' * 9_000} {whole} {'é ' * 9_000}"
    first = text.index(whole)
    last = first + len(whole)
    inside = range(first + 2, last - 1, 7)
    assert inside
    for cut in inside:
        assert VALUE not in redactor.text(beginning(redactor, text, cut))[0]
        assert beginning(redactor, text, cut).rstrip(">") == text[:last].rstrip(">")
        assert ending(redactor, text, len(text) - cut).lstrip(">") == text[last:].lstrip(">")
    for cut in (1, first, last, len(text) - 1):
        assert beginning(redactor, text, cut) == text[:cut]
        assert ending(redactor, text, len(text) - cut) == text[cut:]
    assert beginning(redactor, text, len(text)) == ending(redactor, text, len(text)) == text


@pytest.mark.parametrize(
    ("text", "may"),
    [
        ("[db]\npassword", True),
        ("x\n[db] \t\r\n", True),
        ("x\n[" + "s" * 100 + "]" + " " * 16 + "\n", True),
        ("[" + "s" * 100 + "]" + " " * 16 + "\n", True),
        ("[" + "s" * 101 + "]\n", False),
        ("x[db]\n", False),
        ("\r[db]\n", False),
        ("[db]", False),
        ("[db]x\n", False),
        ("a\n  value: 1", True),
        ("value: 1", False),
    ],
)
def test_what_makes_a_value_of_a_line_below(text: str, may: bool) -> None:
    """The heading of a section, at the start or behind a line end, and a line that says `value`."""
    assert may_stand_below(text) is may
