"""`runstone show RUN --samples NAME`: what each sample of a score came to, and what became of it beside a baseline."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from runstone.cli.measures import count_text, number_text
from runstone.cli.rendering import Cell, Column, Screen, Span, print_json
from runstone.cli.runs import sealed_run
from runstone.core.evaluation.documents import score_row
from runstone.core.evaluation.samples import CHANGES, SAME, sample_view, scored_samples
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import error, excerpt

_STYLES: Final = {"worse": "bad", "gone": "warn", "unclear": "warn", "better": "good"}
_SAMPLE: Final = Column("SAMPLE", flexible=True)
_VALUE: Final = Column("VALUE", right=True)
_BESIDE: Final = (_SAMPLE, Column("BASELINE", right=True), _VALUE, Column("CHANGE"), Column("BY", right=True))


def show_samples(store: Store, run: str, name: str, baseline: str | None, *, as_json: bool) -> None:
    """Print the samples of a score. Raises `invalid_option` where a run has no score of that name with samples."""
    with sealed_run(store, run) as sealed:
        score, run_id = _score(sealed, name), sealed.run_id
    base = base_id = None
    if baseline is not None:
        with sealed_run(store, baseline) as sealed:
            base, base_id = _score(sealed, name), sealed.run_id
    rows = sample_view(score, base)
    if as_json:
        facts = {key: value for key, value in score_row(score).items() if key != "samples"}
        beside = {"baseline": base_id, "baseline_value": base and base["value"]}
        print_json({"run_id": run_id, **facts, **beside, "samples": rows})
        return
    screen = Screen()
    screen.line(Span(run_id, "bold"), f"  {name} ", Span(number_text(score["value"]), "bold"), interval_text(score))
    if base is None:
        screen.line(count_text(len(rows), "sample"))
        screen.line()
        screen.table((_SAMPLE, _VALUE), [[row["id"], _text(row["value"])] for row in rows], indent=0)
        return
    screen.line(Span("baseline", "dim"), f"  {base_id}  {number_text(base['value'])}")
    counts = Counter(row["change"] for row in rows)
    tally = [f"{counts[change]} {change}" for change in CHANGES if counts[change]]
    screen.line(", ".join(tally) or "no sample")
    told = [_row(row) for row in rows if row["change"] != SAME]
    if told:
        screen.line()
        screen.table(_BESIDE, told, indent=0)


def _score(sealed: Sealed, name: str) -> Any:
    scores = list(sealed.journal().data("score"))
    found = scored_samples(scores, name)
    if found is None:
        has = sorted({data["name"] for data in scores if isinstance(data.get("samples"), list)})
        told = ", ".join(has[:20]) or "none"
        message = f"run {sealed.run_id} has no samples of a score {excerpt(name)!r}; it has those of: {told}"
        raise error("invalid_option", message, option="--samples", run_id=sealed.run_id)
    return found


def interval_text(score: dict[str, Any]) -> str:
    """` (0.67 to 0.785, 95 %)`; nothing where there is no interval."""
    found = score.get("interval")
    if not isinstance(found, dict):
        return ""
    low, high = (number_text(found.get(end)) for end in ("low", "high"))
    confidence = found.get("confidence")
    share = f", {100 * confidence:g} %" if isinstance(confidence, float) else ""
    return f" ({low} to {high}{share})"


def _text(value: Any) -> str:
    return "no value" if value is None else number_text(value)


def _row(row: dict[str, Any]) -> list[Cell]:
    change, difference = row["change"], row["difference"]
    by = "" if difference is None else f"{difference:+.6g}"
    one = "-" if change == "new" else _text(row["baseline"])
    return [row["id"], one, "-" if change == "gone" else _text(row["value"]), Span(change, _STYLES.get(change, "")), by]
