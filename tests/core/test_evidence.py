"""Evidence: references that lead somewhere, references that do not, and free text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runstone.core.contract import Document, json_document
from runstone.core.evidence import Evidence, json_path_exists, parse_reference
from runstone.core.journal import Journal

from . import strategies
from .journals import check, journal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run.json:$.path", ("run.json", "$.path", None)),
        ("checks.json:$.summary.pass", ("checks.json", "$.summary.pass", None)),
        ("run.log:line:1", ("run.log", None, 1)),
        ("eval/scorecard.json:$.scores[0]", ("eval/scorecard.json", "$.scores[0]", None)),
        ("logs/of/run.log:line:3", ("logs/of/run.log", None, 3)),
        ("run.log:line:999999999999999999", ("run.log", None, 999_999_999_999_999_999)),
        ("artifacts/out/x.csv", ("artifacts/out/x.csv", None, None)),
    ],
)
def test_references(text: str, expected: tuple[str, str | None, int | None]) -> None:
    """A path inside JSON, a line of a log, a kept file."""
    reference = parse_reference(text)
    assert reference is not None
    assert (reference.file, reference.json_path, reference.line) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "rows=5", "all good", "see https://example.org/a.html:line:3", "run.json", "run.json:", "run.json:$",
        "run.json:$.",
        "run.log:line:", "run.log:line:x", "run.log:line:-1", "run.log:line:1.5", "run.log:line:\u0661",
        "run.log:line:" + "9" * 19,
        "log:line:1", "12:30", "artifacts", "note: it worked. Really", "artifacts/a:b",
        "/run.json:$.x", "//run.json:$.x", "run.json/:$.x", "./run.json:$.x", "../run.json:$.x", "a//run.json:$.x",
        "a.d/run:line:1", "src/a.py:line:3", "a/b.csv:$.x",
        "artifacts/a.json:$.x", "run\n.json:$.x", "a\\run.json:$.x", "\ud800.json:$.x",
    ],
    ids=lambda text: ascii(text[:24]),
)  # fmt: skip
def test_free_text_points_at_nothing(text: str) -> None:
    """What only looks like a reference is text, and is left alone."""
    assert parse_reference(text) is None


@given(st.text())
def test_any_text_is_a_reference_or_not(text: str) -> None:
    """Nothing raises."""
    for candidate in (text, f"run.json:$.{text}", f"run.log:line:{text}", f"artifacts/{text}"):
        parse_reference(candidate)


VALUE = {"a": {"b": [10, {"c": None}]}, "x y": 1, "list": [[1], []]}


@pytest.mark.parametrize("path", ["$.a", "$.a.b", "$.a.b[0]", "$.a.b[1].c", "$.x y", "$.list[0][0]", "$.list[1]"])
def test_paths_that_lead_somewhere(path: str) -> None:
    """Members, elements, null: there is something."""
    assert json_path_exists(VALUE, path)


@pytest.mark.parametrize(
    "path",
    ["$.z", "$.a.z", "$.a.b[2]", "$.a.b[-1]", "$.a.b[x]", "$.a.b[]", "$.a[0]", "$.a.b.0", "$.list[0][1]", "$.a.b[0].c",
        "$.", "$.a.",
     "$.a.b[\u0661]", "$.a.b[" + "9" * 5000 + "]"],
    ids=lambda path: ascii(path[:16]),
)  # fmt: skip
def test_paths_that_lead_nowhere(path: str) -> None:
    """Also an index of 5,000 digits, which no list has."""
    assert not json_path_exists(VALUE, path)


@given(strategies.json_values, st.text(st.sampled_from("$.[]01ab-"), max_size=12))
def test_any_path_gets_an_answer(value: Any, path: str) -> None:
    """Hostile evidence in a foreign bundle is judged, never raised about."""
    assert json_path_exists(value, "$." + path) in (True, False)


class Contract:
    """Two documents: one of JSON, one of lines."""

    name = "test"
    version = "1"

    def documents(self, journal: Journal) -> Iterator[Document]:
        yield json_document("run.json", {"path": {"to": [1], "[x]": 1, "[01]": 1, "[0]": 1}}, "pretty-ascii")
        yield json_document("eval/scorecard.json", {"scores": [1]}, "pretty-ascii")
        yield Document("run.log", lambda: iter([b"one\ntwo\n", b"three\n"]))
        yield Document("notes.txt", lambda: iter([b"text"]))


REFERENCES = {
    "run.json:$.path.to[0]": True,
    "run.json:$.path.from": False,
    "run.json:$.path.to[00]": False,
    "run.json:$.path.to[x]": False,
    "run.json:$.path[x]": True,
    "run.json:$.path[01]": True,
    "run.json:$.path[0]": False,
    "eval/scorecard.json:$.scores[0]": True,
    "eval/scorecard.json:$.scores[1]": False,
    "eval/gate.json:$.scores": False,
    "run.log:line:1": True,
    "run.log:line:3": True,
    "run.log:line:4": False,
    "run.log:line:0": False,
    "gone.log:line:1": False,
    "gone.json:$.a": False,
    "notes.txt:$.a": False,
    "artifacts/kept.csv": True,
    "artifacts/gone.csv": False,
    "rows=5": True,
}


@pytest.mark.parametrize(("text", "good"), REFERENCES.items())
def test_what_resolves(text: str, good: bool) -> None:
    """Each kind of reference against what the contract folds and the bundle keeps; free text has nothing to resolve."""
    evidence = Evidence(Contract(), journal(check("rows", "pass", text)), {"artifacts/kept.csv"})
    assert list(evidence.unresolved()) == ([] if good else [("rows", text)])


def test_every_reference_of_every_check_is_looked_at() -> None:
    """In order."""
    facts = [check("a", "pass", *REFERENCES), check("b", "fail"), check("c", "skip", "run.log:line:9")]
    evidence = Evidence(Contract(), journal(*facts), {"artifacts/kept.csv"})
    expected = [("a", text) for text, good in REFERENCES.items() if not good]
    assert list(evidence.unresolved()) == [*expected, ("c", "run.log:line:9")]


@pytest.mark.parametrize(("status", "says"), [("fail", True), ("pass", False)])
def test_a_run_may_say_itself_that_evidence_is_missing(status: str, says: bool) -> None:
    """Then verification notes it and does not fault it."""
    assert Evidence(Contract(), journal(check("evidence_resolves", status)), set()).says_failed is says
    assert not Evidence(Contract(), journal(check("other", "fail")), set()).says_failed
