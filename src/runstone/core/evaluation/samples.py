"""The samples of a score: what each came to, what all of them come to, and how that is beside another run.

A sample is an object with `id`, text, and `value`: a number, one of the words for numbers that are not finite, or null
for a sample that has none. Values of one id are tries of one sample: it comes to their mean, and counts once.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.diff.difference import apart, is_number
from runstone.core.digests import new_hash
from runstone.core.evaluation.bootstrap import interval, mean
from runstone.core.values import non_finite_text
from runstone.core.words import NOT_FINITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, Final

    Value = float | str | None
    """What a sample comes to; text is `NaN`, `Infinity` or `-Infinity`."""

HIGHER: Final = "higher"
LOWER: Final = "lower"
DIRECTIONS: Final = (HIGHER, LOWER)
"""What is better."""

WORSE: Final = "worse"
UNCLEAR: Final = "unclear"
GONE: Final = "gone"
NEW: Final = "new"
BETTER: Final = "better"
SAME: Final = "same"
CHANGES: Final = (WORSE, UNCLEAR, GONE, NEW, BETTER, SAME)
"""What became of a sample beside its baseline, in the order in which it is told. `unclear`: another value, where one of
both is no number, or nobody said which direction is better."""

NOT_A_NUMBER: Final = "NaN"


def sample_values(samples: Iterable[Any]) -> dict[str, Value]:
    """By id what each sample comes to, in the order of the first mention. What is no sample is left out."""
    tries: dict[str, list[Any]] = {}
    for sample in samples:
        if isinstance(sample, dict) and isinstance(sample.get("id"), str):
            tries.setdefault(sample["id"], []).append(sample.get("value"))
    return {name: middle(values) for name, values in tries.items()}


def middle(values: Iterable[Value]) -> Value:
    """The mean of values: null ones are left out, and one that is not finite decides. Null where there is none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    if len(known) == 1:
        return known[0]
    if all(map(is_number, known)):
        return mean([float(value) for value in known])
    odd = sum(float(value if value in NOT_FINITE else NOT_A_NUMBER) for value in known if isinstance(value, str))
    return non_finite_text(odd)


def measured(samples: list[dict[str, Any]], confidence: float) -> tuple[float | str, dict[str, Any] | None]:
    """What samples come to, and the interval of it where all that have a value have a finite one.

    In whatever order they stand. Without a value it is `NaN`: what is not known is no number.
    """
    values = sample_values(samples)
    value = middle([values[name] for name in sorted(values)])
    if value is None or isinstance(value, str):
        return NOT_A_NUMBER if value is None else value, None
    known = [float(found) for name in sorted(values) if (found := values[name]) is not None]
    return value, interval(known, _seed(samples), confidence)


def _seed(samples: Iterable[Mapping[str, Any]]) -> bytes:
    """SHA-256 of the canonical bytes of the array of all `[id, value]`, sorted by theirs."""
    pairs = sorted(canonical_bytes([sample["id"], sample["value"]]) for sample in samples)
    return new_hash(b"[%b]" % b",".join(pairs)).digest()


def scored_samples(scores: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """The last `score` of a name that has samples, of the `data` of events."""
    found = None
    for data in scores:
        if data["name"] == name and isinstance(data.get("samples"), list):
            found = data
    return found


def sample_view(score: Mapping[str, Any], baseline: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """Each sample of a score: `id`, `value`, and beside a baseline's score also `baseline`, `change`, `difference`.

    `change` is one of `CHANGES`, in whose order they stand, those that differ most first; then by id. Without a
    baseline they stand as recorded.
    """
    values = sample_values(score["samples"])
    if baseline is None:
        return [{"id": name, "value": value} for name, value in values.items()]
    others = sample_values(baseline["samples"])
    direction = score.get("direction")
    rows = [_row(name, values, others, direction) for name in values.keys() | others.keys()]
    return sorted(rows, key=lambda row: (CHANGES.index(row["change"]), -abs(row["difference"] or 0), row["id"]))


def _row(name: str, values: dict[str, Value], others: dict[str, Value], direction: Any) -> dict[str, Any]:
    value, other = values.get(name), others.get(name)
    difference, _ = apart(other, value)
    if name not in others:
        change = NEW
    elif name not in values:
        change = GONE
    elif value == other:
        change = SAME
    elif difference is None or direction not in DIRECTIONS:
        change = UNCLEAR
    else:
        change = BETTER if (difference > 0) == (direction == HIGHER) else WORSE
    return {"id": name, "value": value, "baseline": other, "change": change, "difference": difference}


def meets(value: Any, threshold: Any, direction: Any) -> bool | None:
    """Whether a value is on the good side of its threshold, or on it; `None` where there is no threshold.

    What is no number is on no good side.
    """
    if threshold is None:
        return None
    if not is_number(value) or not is_number(threshold):
        return False
    return bool(value <= threshold if direction == LOWER else value >= threshold)
