"""The scores of a log, a metric each, with the samples that it comes of.

- A metric is named `<score>/<metric>`; where a score was reduced over epochs in several ways, `<score>/<way>/<metric>`.
- Values of samples are numbers as Inspect's own metrics see them: `C` is 1, `P` a half, `I` and `N` nothing; words for
  true and false; numbers in text. Any other value, and `NaN`, by which Inspect says that a sample was not scored, is
  none.
- The value of a metric is the log's. `accuracy` and `mean` have the samples, and an interval where they are their mean.
"""

from __future__ import annotations

from runstone.core.evaluation.bootstrap import CONFIDENCE
from runstone.core.evaluation.samples import HIGHER, measured
from runstone.core.values import is_finite, non_finite_text
from runstone.ingest.inspect.log import items_of, object_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

    from runstone.ingest.inspect.calls import Fact

_GRADES: Final = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0, "yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_ACCURACY: Final = "accuracy"
_MEANS: Final = (_ACCURACY, "mean")
"""Metrics that are the mean of the samples."""
_CLOSE: Final = 1e-9
"""How far, in parts of itself, a metric may be from the mean of the samples and still be it."""


class Graded:
    """Of each scorer what it gave to each sample."""

    def __init__(self) -> None:
        self._given: dict[str, list[tuple[str, int, Any]]] = {}

    def take(self, sample: dict[str, Any]) -> None:
        """Take in the scores of one more sample."""
        for scorer, score in object_of(sample.get("scores")).items():
            value = score.get("value") if isinstance(score, dict) else None
            self._given.setdefault(scorer, []).append((str(sample["id"]), sample["epoch"], value))

    def samples(self, scorer: str, name: str) -> list[dict[str, Any]]:
        """Samples of a score, which is a scorer's, or a part of what it gives."""
        return [
            {"id": identity, "epoch": epoch, "value": number_of(value.get(name) if isinstance(value, dict) else value)}
            for identity, epoch, value in self._given.get(scorer, ())
        ]


def number_of(value: Any) -> float | None:
    """What a sample was given, as a number; `None` where it is none."""
    if isinstance(value, str):
        if (grade := _GRADES.get(value, _GRADES.get(value.lower()))) is not None:
            return grade
        try:
            value = float(value)
        except ValueError:
            return None
    try:
        number = float(value) if isinstance(value, (bool, int, float)) else None
    except OverflowError:
        return None
    return number if number is not None and is_finite(number) else None


def scores_of(results: Any, graded: Graded) -> Iterator[Fact]:
    """A `score` for each metric of a log's results."""
    scores = [score for score in items_of(object_of(results).get("scores")) if _is_score(score)]
    ways = _counted(score["name"] for score in scores)
    for score in scores:
        name = score["name"]
        way = score.get("reducer")
        prefix = f"{name}/{way}" if ways[name] > 1 and isinstance(way, str) else name
        samples = graded.samples(str(score.get("scorer", name)), name)
        for metric, found in score["metrics"].items():
            value = object_of(found).get("value")
            yield "score", _score(f"{prefix}/{metric}", metric, value, samples)


def _is_score(score: Any) -> bool:
    return isinstance(score, dict) and isinstance(score.get("name"), str) and isinstance(score.get("metrics"), dict)


def _counted(names: Iterable[str]) -> Counter[str]:
    from collections import Counter

    return Counter(names)


def _score(name: str, metric: str, value: Any, samples: list[dict[str, Any]]) -> dict[str, Any]:
    number = _value(value)
    data: dict[str, Any] = {"name": name, "value": number}
    if metric == _ACCURACY:
        data["direction"] = HIGHER
    if metric in _MEANS and samples:
        middle, interval = measured(samples, CONFIDENCE)
        data |= {"samples": samples, "interval": interval if _same(number, middle) else None}
    return data


def _same(number: float | str, middle: float | str) -> bool:
    if isinstance(number, str) or isinstance(middle, str):
        return False
    return abs(number - middle) <= _CLOSE * abs(middle)


def _value(value: Any) -> float | str:
    if type(value) not in (int, float):
        return "NaN"
    try:
        number = float(value)
    except OverflowError:
        return "NaN"
    return number if is_finite(number) else non_finite_text(number)
