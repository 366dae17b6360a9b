"""Declared values in base64 that has line ends."""

from __future__ import annotations

from base64 import b64encode
from random import Random

import pytest
from tests.engine.scenes import written

import runstone
from runstone.core.canonical import canonical_bytes
from runstone.core.redaction.redactor import Redactor
from runstone.engine.search import Search

from . import planted

GAPS = ("\n", "\r\n", "\n    ", "\\n", "\\r\\n")


def encoded(value: str, before: int, width: int, gap: str) -> str:
    data = Random(before).randbytes(before) + value.encode() + Random(width).randbytes(90)
    text = b64encode(data).decode()
    return gap.join(text[at : at + width] for at in range(0, len(text), width)) + gap


def left(redactor: Redactor, text: str) -> list[str]:
    """What of the value is still there, once line ends are taken away."""
    joined = text.replace("\\r", "").replace("\\n", "").translate(dict.fromkeys(map(ord, "\r\n ")))
    return [half.decode() for half in redactor.known.halves if len(half) >= 12 and half.decode() in joined]


@pytest.mark.parametrize("gap", GAPS, ids=ascii)
@pytest.mark.parametrize("width", [60, 64, 76])
@pytest.mark.parametrize("size", [20, 47, 400])
def test_a_line_end_hides_no_value(size: int, width: int, gap: str) -> None:
    """Wherever it stands in it, of mail and of PEM, as it is and escaped; what is found once is not found again."""
    value = planted.drawn(Random(size), planted.LETTERS, size)
    redactor = Redactor({value: "declared"})
    for before in range(0, 62, 9):
        for shift in range(3):
            text = "head" + gap + encoded(value, before + shift, width, gap) + "end"
            clean, hits = redactor.text(text)
            assert (set(hits), left(redactor, clean)) == ({"declared"}, [])
            assert (clean.startswith("head"), clean.endswith("end")) == (True, True)
            assert redactor.text(clean) == (clean, [])
            assert redactor.gate.looks(canonical_bytes(text))


@pytest.mark.parametrize("gap", GAPS[:3], ids=ascii)
@pytest.mark.parametrize("before", range(26, 50, 2))
def test_a_value_comes_through_a_stream_line_by_line(before: int, gap: str) -> None:
    """The line in which it may have begun is held back."""
    value = planted.drawn(Random(5), planted.LETTERS, 30)
    store = runstone.open("memory:")
    with store.run("kind", run_id="r", secrets=[value]) as run:
        for line in f"before\n{encoded(value, before, 64, gap)}after\n".splitlines(keepends=True):
            run.stream("stdout", line.encode())
    log = store.get("r").file("run.log").decode()
    assert left(run.redactor, log) == []
    assert ("[REDACTED:declared]" in log, log.startswith("before\n")) == (True, True)


def test_other_base64_stays_and_does_not_wait() -> None:
    """A certificate beside a declared value."""
    value = planted.drawn(Random(6), planted.LETTERS, 30)
    other = encoded("x" * 400, 300, 64, "\n")
    redactor = Redactor({value: "declared"})
    assert redactor.text(other) == (other, [])
    store = runstone.open("memory:")
    with store.run("kind", secrets=[value]) as run:
        lines = other.splitlines(keepends=True)
        for line in lines:
            run.stream("stdout", line.encode())
        assert written(run).count(b'"stream"') > len(lines) * 0.6


def test_a_file_is_searched_over_its_lines() -> None:
    """A divided value among others lines of a long file."""
    value = planted.drawn(Random(7), planted.LETTERS, 200)
    redactor = Redactor({value: "declared"})
    data = ("line\n" * 30_000 + encoded(value, 31, 76, "\r\n") + "line\n" * 30_000).encode()
    clean = b"".join(Search(redactor).cleaned(data[at : at + 65_536] for at in range(0, len(data), 65_536)))
    assert left(redactor, clean.decode()) == []
    assert clean.count(b"line\n") == 60_000
