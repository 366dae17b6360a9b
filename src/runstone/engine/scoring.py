"""A score as it is recorded: what it is, which direction is better, what is good enough, and of which samples it comes.

The value of samples is their mean, with a bootstrap interval. A value that is given stands; it has no interval, as
nobody knows how it comes of the samples.
"""

from __future__ import annotations

from runstone.core.canonical import canonical_bytes
from runstone.core.evaluation.samples import DIRECTIONS, measured
from runstone.core.limits import MAX_LINE_BYTES
from runstone.core.values import coerce, with_encoded_bytes
from runstone.engine import facts as told
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

    from runstone.engine.recorder import Run

MAX_SAMPLES_BYTES: Final = MAX_LINE_BYTES // 2
"""Samples of more bytes are left out of the event, which tells how many they were."""


def record_score(run: Run, name: Any, value: Any, samples: Any, facts: dict[str, Any]) -> None:
    """Record a score. In a strict run what cannot be one raises `invalid_option`; else it is recorded as it can be."""
    try:
        data = score_data(name, value, samples, facts)
    except RunstoneError as exc:
        run.writer.refuse(exc.code, exc.message)
        return
    run.writer.record("score", data)


def score_data(name: Any, value: Any, samples: Any, facts: dict[str, Any]) -> dict[str, Any]:
    """The `data` of a `score`; `facts` are `direction`, `unit`, `threshold`, `confidence`. Raises `invalid_option`."""
    confidence = facts["confidence"]
    if not isinstance(confidence, float) or not 0 < confidence < 1:
        raise error("invalid_option", f"confidence is between 0 and 1; found {excerpt(told.text_of(confidence), 40)}")
    if not isinstance(facts["direction"], str) or facts["direction"] not in DIRECTIONS:
        found = excerpt(told.text_of(facts["direction"]), 40)
        raise error("invalid_option", f"the direction of a score is {' or '.join(DIRECTIONS)}; found {found!r}")
    if value is None and samples is None:
        raise error("invalid_option", "a score has a value, or samples that it comes of")
    threshold = facts["threshold"]
    data: dict[str, Any] = {
        "name": told.text_of(name),
        "value": None if value is None else told.metric_number(value),
        "direction": facts["direction"],
        "unit": told.maybe_text(facts["unit"]),
        "threshold": None if threshold is None else told.metric_number(threshold),
    }
    if samples is None:
        return data
    known = samples_of(samples)
    if value is None:
        data["value"], found_interval = measured(known, confidence)
        data["interval"] = found_interval
    return {**data, **_fitting(known)}


def _fitting(samples: list[dict[str, Any]]) -> dict[str, Any]:
    """The samples, as far as they fit into an event."""
    size = sum(len(canonical_bytes(with_encoded_bytes(coerce(sample)[0]))) + 1 for sample in samples)
    return {"samples": samples} if size <= MAX_SAMPLES_BYTES else {"samples_left_out": len(samples)}


def samples_of(samples: Any) -> list[dict[str, Any]]:
    """Samples with `id` and `value`: of a mapping by id, of mappings, of pairs, or of values, numbered from 1.

    A value is a number, true and false as 1 and 0; null says that there is none. Raises `invalid_option`.
    """
    try:
        if isinstance(samples, (str, bytes)):
            raise TypeError
        items = list(samples.items()) if hasattr(samples, "items") else samples
        return [_sample(item, number) for number, item in enumerate(items, 1)]
    except RunstoneError:
        raise
    except Exception as exc:  # whatever a foreign iterable raises
        raise error("invalid_option", "samples are a mapping by id, or a list") from exc


def _sample(item: Any, number: int) -> dict[str, Any]:
    if isinstance(item, (tuple, list)) and len(item) == 2:
        name, inner = item
        fields = {**inner, "id": name} if isinstance(inner, dict) else {"id": name, "value": inner}
    elif isinstance(item, dict):
        fields = {"id": number, **item}
    else:
        fields = {"id": number, "value": item}
    if "value" not in fields:
        raise error("invalid_option", f"sample {excerpt(told.text_of(fields['id']), 60)} has no value; null says so")
    value = fields["value"]
    return {
        **fields,
        "id": told.text_of(fields["id"]),
        "value": None if value is None else told.metric_number(value),
    }
