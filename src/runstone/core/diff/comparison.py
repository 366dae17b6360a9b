"""The comparison of two runs: what they are, whether they have the same outcome, and only what differs."""

from __future__ import annotations

from runstone.core.diff.artifacts import artifact_pairs
from runstone.core.diff.content import MAX_CONTENT_BYTES, content_differences
from runstone.core.diff.difference import ABSENT, Difference
from runstone.core.diff.divergence import divergence
from runstone.core.diff.facts import RunFacts
from runstone.core.diff.sections import SECTIONS
from runstone.core.media import media_type

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import Any

    from runstone.core.journal import Journal

    Kept = Callable[[str], bytes]
    """The bytes of a file of the bundle, by its path; asked for small files only."""


class Side:
    """One run of a comparison: what names it (`about`), its journal and facts, the digests of its files by path, and
    what reads them."""

    def __init__(self, about: Mapping[str, Any], journal: Journal, files: Mapping[str, str], kept: Kept) -> None:
        self.about = dict(about)
        self.journal = journal
        self.facts = RunFacts(journal)
        self.files = files
        self.kept = kept


class Comparison:
    """What differs between two runs, `a`, the baseline, and `b`.

    `same` says whether their outcome digests are equal; `differences` holds only what differs, section by section.
    With more candidates than one, `more` holds the comparisons of the baseline with the others. The text of a
    comparison is what `runstone diff` prints.
    """

    def __init__(self, a: Mapping[str, Any], b: Mapping[str, Any], differences: list[Difference]) -> None:
        self.a = dict(a)
        self.b = dict(b)
        self.same: bool = a["outcome_digest"] == b["outcome_digest"]
        self.differences = differences
        self.more: list[Comparison] = []

    def all(self) -> list[Comparison]:
        """This comparison and those of `more`, a candidate each."""
        return [self, *self.more]

    def as_dict(self) -> dict[str, Any]:
        """The fields, as `runstone diff --json` prints them."""
        return {
            "same": self.same,
            "a": self.a,
            "b": self.b,
            "differences": [item.as_dict() for item in self.differences],
            "more": [other.as_dict() for other in self.more],
        }

    def __str__(self) -> str:
        from runstone.core.diff.page import page_text

        return page_text(self)

    def __repr__(self) -> str:
        outcome = "same" if self.same else "other"
        names = " ".join(str(side["run_id"]) for side in (self.a, self.b))
        return f"<Comparison {names}: {outcome} outcome, {len(self.differences)} differences>"


def compare(a: Side, b: Side) -> Comparison:
    """Everything that differs between two runs."""
    found: list[Difference] = []
    for section in SECTIONS:
        part = list(section(a.facts, b.facts))
        found += part
        if part and part[0].section == "outputs":
            found += _contents(a, b, part)
    found += divergence(a.journal, b.journal)
    return Comparison(a.about, b.about, found)


def _contents(a: Side, b: Side, outputs: list[Difference]) -> Iterator[Difference]:
    """What differs inside of outputs that both runs kept; an output that is not compared says why."""
    pairs = artifact_pairs(a.facts.outputs, b.facts.outputs)
    for item, (one, other) in zip(outputs, pairs, strict=True):
        if ABSENT in (one, other) or one["sha256"] == other["sha256"] or not (_has(a, one) and _has(b, other)):
            continue
        if one["secrets"] or other["secrets"]:
            item.note = "not compared by content: a secret was found in it"
        elif max(one["size"], other["size"]) > MAX_CONTENT_BYTES:
            item.note = f"not compared by content: over {MAX_CONTENT_BYTES} bytes"
        else:
            known = one["media_type"] or media_type(one["path"])
            places, note = content_differences(item.name, known, a.kept(one["path"]), b.kept(other["path"]))
            item.note = None if places else note
            yield from places


def _has(side: Side, artifact: dict[str, Any]) -> bool:
    """Whether the bundle has the artifact's bytes: they may be lost, or be of another event that names the path."""
    return artifact["path"] is not None and side.files.get(artifact["path"]) == artifact["sha256"]
