"""Rules of a verdict, as text.

- `max metric.loss:+2%`: no more than 2 % above the baseline; `min score.f1:-0.01`: no more than 0.01 below it. A number
  without a sign is the limit itself: `max metric.loss:0.3`.
- `max worse.accuracy:2`: no more than 2 samples of a score got worse than in the baseline, or went away.
- `meet score.accuracy`: the score is on the good side of the threshold that was recorded with it; `meet scores`: each
  score that has one is.
- `cited`: something was cited, and all of it had been retrieved.
- `require check.row_count`: the check is there, and passed each time.
- `same outcome`, `same config`: that section of a comparison with the baseline has no difference.
"""

from __future__ import annotations

from runstone.core.diff.sections import NAMES
from runstone.core.values import is_finite
from runstone.errors import error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

MAXIMUM: Final = "max"
MINIMUM: Final = "min"
REQUIRE: Final = "require"
SAME: Final = "same"
MEET: Final = "meet"
CITED: Final = "cited"
_BEGINNINGS: Final = (MAXIMUM, MINIMUM, REQUIRE, SAME, MEET)

METRIC: Final = "metric"
SCORE: Final = "score"
SCORES: Final = "scores"
WORSE: Final = "worse"
CHECK: Final = "check"
OUTCOME: Final = "outcome"

SECTIONS: Final = (OUTCOME, *NAMES)
"""What `same` may name."""

_NUMBER: Final = frozenset("0123456789+-.eE")


_EXACT_DIGITS: Final = 1100
"""No sum or product of two floats, as they are spelled, has more."""


class Bound:
    """A limit: a number, or a distance from the baseline's value, of so many percent of it where `relative`."""

    __slots__ = ("amount", "from_baseline", "relative")

    def __init__(self, amount: float, *, from_baseline: bool, relative: bool) -> None:
        self.amount = amount
        self.from_baseline = from_baseline
        self.relative = relative

    def threshold(self, baseline: float) -> float:
        """The number that a value is measured against: that of the decimals as they are spelled, rounded once.

        In floats 0.7 + 0.1 is less than 0.8, and a value of 0.8 would not be on its limit. Infinite where no float
        holds it.
        """
        if not self.from_baseline:
            return self.amount
        from decimal import Context, Decimal

        exact, base, distance = Context(prec=_EXACT_DIGITS), Decimal(repr(baseline)), Decimal(repr(self.amount))
        if self.relative:
            distance = exact.multiply(base.copy_abs(), exact.scaleb(distance, -2))
        return float(exact.add(base, distance))


class Rule:
    """One rule: what it asks (`kind`), of what (`thing` and `name`), and the limit where it has one."""

    __slots__ = ("bound", "kind", "name", "text", "thing")

    def __init__(self, text: str, kind: str, thing: str, name: str, bound: Bound | None = None) -> None:
        self.text = text
        self.kind = kind
        self.thing = thing
        self.name = name
        self.bound = bound


def parse_rule(text: str) -> Rule:
    """The rule that `text` says; raises `invalid_option`."""
    if not isinstance(text, str):
        raise _fault(excerpt(text), "a rule is text")
    kind, _, rest = text.partition(" ")
    if kind in (MAXIMUM, MINIMUM):
        return _limit(text, kind, rest)
    if text == CITED or text == f"{MEET} {SCORES}":
        return Rule(text, kind, rest, rest)
    if kind == MEET and rest.startswith(f"{SCORE}.") and len(rest) > len(SCORE) + 1:
        return Rule(text, kind, SCORE, rest.partition(".")[2])
    if kind == MEET:
        raise _fault(text, "what meets its threshold is score.NAME, or scores: all that have one")
    if kind == REQUIRE and rest.startswith(f"{CHECK}.") and len(rest) > len(CHECK) + 1:
        return Rule(text, kind, CHECK, rest.partition(".")[2])
    if kind == REQUIRE:
        raise _fault(text, "what is required is check.ID")
    if kind == SAME and rest in SECTIONS:
        return Rule(text, kind, rest, rest)
    if kind == SAME:
        raise _fault(text, f"what can be the same is one of {', '.join(SECTIONS)}")
    raise _fault(text, "a rule begins with max, min, meet, require or same, or is cited")


def _limit(text: str, kind: str, rest: str) -> Rule:
    named, mark, limit = rest.rpartition(":")
    thing, _, name = named.partition(".")
    if not mark or thing not in (METRIC, SCORE, WORSE) or not name:
        raise _fault(text, "a limit is metric.NAME:LIMIT, score.NAME:LIMIT or worse.NAME:LIMIT")
    bound = _bound(text, limit)
    if thing == WORSE and (kind != MAXIMUM or bound.from_baseline):
        raise _fault(text, "samples that got worse have a number as their limit: max worse.NAME:2")
    return Rule(text, kind, thing, name, bound)


def _bound(text: str, limit: str) -> Bound:
    digits, relative = limit.removesuffix("%"), limit.endswith("%")
    signed = digits[:1] in ("+", "-")
    amount = float("nan")
    if digits and _NUMBER.issuperset(digits):
        try:
            amount = float(digits)
        except ValueError:
            pass
    if not is_finite(amount) or (relative and not signed):
        raise _fault(text, "LIMIT is +2% or -0.5% of the baseline, +0.1 or -0.1 from it, or 0.3, the limit itself")
    return Bound(amount, from_baseline=signed, relative=relative)


def _fault(text: str, what: str) -> Exception:
    """What is wrong, and what is found: behind the word that a rule begins with, as an option of the command has it."""
    kind, _, rest = text.partition(" ")
    found = rest if rest and kind in _BEGINNINGS else text
    return error("invalid_option", f"{what}; found {excerpt(found)!r}", found=excerpt(text))
