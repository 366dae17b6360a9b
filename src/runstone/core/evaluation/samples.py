"""The samples of a score: what each came to, and whether a value is good enough."""

from __future__ import annotations

from runstone.core.diff.difference import is_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


def sample_values(samples: Iterable[Any]) -> dict[str, Any]:
    """By id what each sample comes to, in the order of the first mention. What is no sample is left out."""
    known = [sample for sample in samples if isinstance(sample, dict) and isinstance(sample.get("id"), str)]
    return {sample["id"]: sample.get("value") for sample in known}


def meets(value: Any, threshold: Any, direction: Any) -> bool | None:
    """Whether a value is on the good side of its threshold, or on it; `None` where there is no threshold."""
    if threshold is None:
        return None
    if not is_number(value) or not is_number(threshold):
        return False
    return bool(value <= threshold if direction == "lower" else value >= threshold)
