"""What a run's journal says of evidence and evaluation, as the values of documents: `evidence.json`,
`eval/scorecard.json`, `eval/gate.json`. `None` where the run says nothing of it."""

from __future__ import annotations

from runstone.core.evaluation.citations import citations_of
from runstone.core.evaluation.samples import DIRECTIONS, meets, sample_values
from runstone.core.words import NOT_FINITE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Final

    from runstone.core.journal import Journal


def evidence_document(journal: Journal) -> dict[str, Any] | None:
    """Every retrieval, what was cited, and where the two do not fit."""
    if not journal.count("evidence") and not journal.count("citation"):
        return None
    citations = citations_of(journal)
    return {
        "run_id": journal.opened["data"]["run_id"],
        "retrievals": [_retrieval(data) for data in journal.data("evidence")],
        "citations": citations.cited,
        "cited_but_not_retrieved": citations.not_retrieved,
        "retrieved_but_not_used": citations.not_used,
    }


def _retrieval(data: Mapping[str, Any]) -> dict[str, Any]:
    fields = ("query", "corpus", "passages")
    return {**{field: data[field] for field in fields}, "version": data.get("version")}


def scorecard_document(journal: Journal) -> dict[str, Any] | None:
    """Each score by its name, in the order of the first mention; of several of one name the last."""
    if not journal.count("score"):
        return None
    scores: dict[str, dict[str, Any]] = {}
    for data in journal.data("score"):
        scores[data["name"]] = data
    return {"run_id": journal.opened["data"]["run_id"], "scores": [score_row(data) for data in scores.values()]}


def score_row(data: Mapping[str, Any]) -> dict[str, Any]:
    """A score as a scorecard has it: what it was not told is null; `meets_threshold` is whether it is good enough.

    `counts` are of samples: how many there are, and how many have no value.
    """
    told = {field: data.get(field) if fits(data.get(field)) else None for field, fits in _SCORE.items()}
    samples = told.pop("samples")
    known = None if samples is None else sample_values(samples)
    return {
        "name": data["name"],
        "value": data["value"],
        **told,
        "meets_threshold": meets(data["value"], told["threshold"], told["direction"]),
        "counts": None if known is None else {"samples": len(known), "without_value": list(known.values()).count(None)},
        "samples": samples,
    }


_SCORE: Final[dict[str, Callable[[Any], bool]]] = {
    "direction": lambda value: value in DIRECTIONS,
    "unit": lambda value: isinstance(value, str),
    "threshold": lambda value: type(value) in (int, float) or (isinstance(value, str) and value in NOT_FINITE),
    "interval": lambda value: isinstance(value, dict),
    "samples": lambda value: isinstance(value, list),
}
"""What a score may tell; what is something else is left out."""


def gate_document(journal: Journal) -> dict[str, Any] | None:
    """All verdicts on the run in their order, and whether each of them is good: none is taken back by a later one."""
    if not journal.count("verdict"):
        return None
    verdicts = [
        {"at": event["ts"], **{field: event["data"][field] for field in ("ok", "baseline", "rules")}}
        for event in journal.events("verdict")
    ]
    ok = all(verdict["ok"] for verdict in verdicts)
    return {"run_id": journal.opened["data"]["run_id"], "ok": ok, "verdicts": verdicts}
