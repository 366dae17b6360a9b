"""The query language: terms joined by AND.

`kind:backfill status:failed,partial -id:tmp*` — `field:value` with globs `*`, a comma for OR, `-` to negate.
Fields: `id`, `kind`, `status`. Anything else is an error that points at the column.
"""

from __future__ import annotations

from runstone.core.words import FINAL_STATUSES, RUNNING
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

FIELDS: Final = ("id", "kind", "status")
HIDDEN_KINDS: Final = frozenset({"annotation", "judge"})
"""Kinds that a list leaves out unless the query names the kind or the id."""


class Term:
    """One condition: a field, the values of which one must fit, and whether it is negated."""

    __slots__ = ("field", "negated", "values")

    def __init__(self, field: str, values: tuple[str, ...], *, negated: bool) -> None:
        self.field = field
        self.values = values
        self.negated = negated

    def fits(self, value: str) -> bool:
        """Whether `value` meets the condition."""
        return any(glob_fits(pattern, value) for pattern in self.values) != self.negated


class Query:
    """A parsed query; `fits` decides for one run."""

    __slots__ = ("_names_kind", "terms")

    def __init__(self, terms: list[Term]) -> None:
        self.terms = terms
        self._names_kind = any(term.field in ("id", "kind") and not term.negated for term in terms)

    def fits(self, run_id: str, kind: str, status: str) -> bool:
        """Whether a run is in the answer."""
        if kind in HIDDEN_KINDS and not self._names_kind:
            return False
        facts = {"id": run_id, "kind": kind, "status": status}
        return all(term.fits(facts[term.field]) for term in self.terms)


def parse_query(text: str) -> Query:
    """The query that `text` says; raises `invalid_query` with the column (from 1)."""
    terms: list[Term] = []
    column = 0
    for word in text.split(" "):
        start = column + 1
        column += len(word) + 1
        if word.strip():
            terms.append(_term(word.strip(), start))
    return Query(terms)


def _term(word: str, column: int) -> Term:
    negated = word.startswith("-")
    field, mark, rest = word[negated:].partition(":")
    if not mark or field not in FIELDS:
        raise _fault(f"expected one of {', '.join(name + ':' for name in FIELDS)}", word, column)
    values = tuple(rest.split(","))
    if not all(values):
        raise _fault("a value is empty", word, column)
    if field == "status":
        known = (*FINAL_STATUSES, RUNNING)
        for value in values:
            if "*" not in value and value not in known:
                raise _fault(f"expected one of {', '.join(known)}", value, column)
    return Term(field, values, negated=negated)


def _fault(message: str, found: str, column: int) -> Exception:
    return error("invalid_query", f"column {column}: {message}; found {found[:80]!r}", column=column, found=found[:80])


def glob_fits(pattern: str, value: str) -> bool:
    """Whether `value` fits a pattern in which `*` stands for any text. Linear in both, also on hostile patterns."""
    parts = pattern.split("*")
    if len(parts) == 1:
        return pattern == value
    if not value.startswith(parts[0]):
        return False
    at = len(parts[0])
    for part in parts[1:-1]:
        found = value.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(value) - len(parts[-1]) >= at and value.endswith(parts[-1])
