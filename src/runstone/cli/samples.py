"""`runstone show RUN --samples NAME`: what each sample of a score came to, and what became of it beside a baseline."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from runstone.cli.measures import count_text, number_text, number_texts
from runstone.cli.rendering import Cell, Column, Screen, Span, print_json
from runstone.cli.runs import sealed_run
from runstone.core.evaluation.documents import score_row
from runstone.core.evaluation.samples import CHANGES, LOWER, SAME, sample_values, sample_view, scored_samples
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import error, excerpt

_STYLES: Final = {"worse": "bad", "gone": "warn", "unclear": "warn", "better": "good"}
_SAMPLE: Final = Column("SAMPLE", flexible=True)
_VALUE: Final = Column("VALUE", right=True)
_TITLES: Final = ("VALUE", "INTERVAL", "WANTED", "SAMPLES")
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
    values = number_texts([score["value"], *([] if base is None else [base["value"]])])
    interval = score_texts(score)["INTERVAL"]
    screen.line(Span(run_id, "bold"), f"  {name} ", Span(values[0], "bold"), f" ({interval})" if interval else "")
    if base is None:
        screen.line(count_text(len(rows), "sample"))
        screen.line()
        screen.table((_SAMPLE, _VALUE), [[row["id"], _text(row["value"])] for row in rows], indent=0)
        return
    screen.line(Span("baseline", "dim"), f"  {base_id}  {values[1]}")
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


def score_texts(score: dict[str, Any]) -> dict[str, str]:
    """What a score came to, by the title of a column; empty where it has nothing to say."""
    found = score.get("interval")
    interval = found if isinstance(found, dict) else {}
    numbers = [score["value"], score.get("threshold"), interval.get("low"), interval.get("high")]
    value, wanted, low, high = number_texts(numbers)
    confidence, samples = interval.get("confidence"), score.get("samples")
    share = f", {number_texts([100 * confidence, 100])[0]} %" if isinstance(confidence, float) else ""
    word = "at most" if score.get("direction") == LOWER else "at least"
    texts = (
        f"{value} {score['unit']}" if score.get("unit") else value,
        f"{low} to {high}{share}" if interval else "",
        f"{word} {wanted}" if score.get("threshold") is not None else "",
        str(len(sample_values(samples))) if isinstance(samples, list) else "",
    )
    return dict(zip(_TITLES, texts, strict=True))


def score_table(scores: list[dict[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Titles and a row for each score; a column of which none says anything is left out."""
    texts = list(map(score_texts, scores))
    titles = [title for title in _TITLES if any(text[title] for text in texts)]
    return titles, [[text[title] or "-" for title in titles] for text in texts]


def _text(value: Any) -> str:
    return "no value" if value is None else number_text(value)


def _row(row: dict[str, Any]) -> list[Cell]:
    change, difference = row["change"], row["difference"]
    by = "" if difference is None else number_text(difference, sign="+")
    values = number_texts(["no value" if row[side] is None else row[side] for side in ("baseline", "value")])
    one, other = ("-" if change == gone else text for gone, text in zip(("new", "gone"), values, strict=True))
    return [row["id"], one, other, Span(change, _STYLES.get(change, "")), by]
