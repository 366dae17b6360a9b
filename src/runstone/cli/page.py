"""A run as a page of Markdown, for job summaries and comments: a pure fold of what `show --json` says.

- Everything that was recorded passes `core.markdown`; what stands outside of spans is ours.
- The page is bounded: a table shows so many rows, a cell so many characters, and sections that no longer fit are
  named at the end. GitHub takes 1 MiB from a step.
- What differs between machines for the same run, as the place of the bundle, is not on it.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, Final

from runstone.cli.family import CHECK_STYLES
from runstone.cli.measures import count_text, duration_text, failure_text, number_texts, size_text, value_text
from runstone.cli.samples import score_table
from runstone.cli.sections import deleted, dropped_events, output_over_limit, overriding, what_was_said
from runstone.core.markdown import block, cell, span, table

MAX_BYTES: Final = 900_000
MAX_ROWS: Final = 50
MAX_NOTES: Final = 10
MAX_INDENTS: Final = 8
_CHECK_ORDER: Final = tuple(CHECK_STYLES)
_FACT_TITLES: Final = ("fact", "value")
_NUMERALS: Final = frozenset("0123456789+-.e")
_INDENT: Final = "\N{NO-BREAK SPACE}" * 3


def page(summary: dict[str, Any]) -> str:
    """The page of a sealed run. `summary` is what `cli.summary` makes of it."""
    parts = [_head(summary)]
    size = len(parts[0].encode())
    left_out = []
    for title, section in _SECTIONS.items():
        text = "".join(section(summary))
        if not text:
            continue
        text = f"\n#### {title}\n\n{text}"
        size += len(text.encode())
        if size <= MAX_BYTES:
            parts.append(text)
        else:
            left_out.append(title)
            size -= len(text.encode())
    if left_out:
        parts.append(f"\nLeft out, as the page is full: {', '.join(left_out)}.\n")
    return "".join(parts)


def _head(summary: dict[str, Any]) -> str:
    version = "" if summary["version"] is None else f" {span(summary['version'])}"
    return f"### {span(summary['kind'])}{version}: {summary['status']}\n\n" + table(_FACT_TITLES, list(_facts(summary)))


def _facts(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if summary["name"] is not None:
        yield "name", cell(summary["name"])
    yield "run", cell(summary["run_id"])
    yield from _listed("alias", [cell(f"@{alias}") for alias in summary["aliases"]])
    yield "opened", f"{summary['opened_at']}, took {duration_text(summary['duration_ms'])}"
    if summary["argv"] is not None:
        yield "command", cell(shlex.join(summary["argv"]))
    if summary["exit"] is not None:
        yield "exit status", str(summary["exit"])
    if summary["git"] is not None and summary["git"]["sha"] is not None:
        ref = summary["git"]["ref"]
        yield "commit", cell(summary["git"]["sha"]) + ("" if ref is None else f" {cell(ref)}")
    yield from _listed("label", [f"{cell(name)} {cell(value)}" for name, value in summary["labels"].items()])
    yield from _listed("link", [f"{link['rel']} {cell(link['run_id'])}" for link in summary["links"]])
    if summary["withdrawn"] is not None:
        yield "deleted", cell(deleted(summary["withdrawn"]))
    yield "recorded", _counts(summary["counts"])
    yield from _missing(summary)
    yield "run digest", cell(summary["digest"])
    yield "outcome", cell(summary["outcome_digest"])


def _listed(name: str, values: list[str]) -> Iterator[tuple[str, str]]:
    """A fact of which there may be many."""
    yield from ((name, value) for value in values[:MAX_ROWS])
    if len(values) > MAX_ROWS:
        yield name, f"… and {len(values) - MAX_ROWS} more"


def _counts(counts: dict[str, int]) -> str:
    names = ("events", "files", "checks", "warnings", "redactions")
    texts = [count_text(counts[name], name[:-1]) for name in names if counts[name]]
    return ", ".join([*texts, f"{counts['dropped']} dropped"] if counts["dropped"] else texts)


def _missing(summary: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What was to be recorded and is not there."""
    yield from _listed("not kept", [_left_out(data) for data in output_over_limit(summary)])
    for reason, (events, size) in dropped_events(summary).items():
        yield "dropped", f"{count_text(events, 'event')}{f' of {size_text(size)}' if size else ''}: {cell(reason)}"
    if summary["torn_bytes"]:
        yield "torn", f"{size_text(summary['torn_bytes'])} at the end of the journal could not be read"
    yield from _listed("lost", list(map(cell, summary["lost"])))


def _left_out(data: dict[str, Any]) -> str:
    digest = "" if data["sha256"] is None else f" {cell('sha256:' + data['sha256'])}"
    return f"{size_text(data['bytes'])} of output, over the limit{digest}"


def _error(summary: dict[str, Any]) -> Iterator[str]:
    found = summary["error"]
    if found is not None:
        parts = (failure_text(found), str(found.get("traceback") or "")) if isinstance(found, dict) else ()
        yield block("\n".join(filter(None, parts)) or value_text(found))


def _checks(summary: dict[str, Any]) -> Iterator[str]:
    items = sorted(summary["checks"], key=lambda item: _CHECK_ORDER.index(item["status"]))
    rows = [(item["status"], cell(item["name"]), _cells(item["evidence"])) for item in items[:MAX_ROWS]]
    yield from _table(("result", "check", "evidence"), rows, len(items))


def _cells(texts: list[str]) -> str:
    shown = ", ".join(map(cell, texts[:5]))
    return (shown + (f", … ({len(texts)})" if len(texts) > 5 else "")) or "-"


def _decision(summary: dict[str, Any]) -> Iterator[str]:
    found = summary["decision"]
    if found is None:
        return
    fields = ("outcome", "risk_level", "score", "block_reason", "warnings")
    facts = [(field.replace("_", " "), _value(found[field])) for field in fields if found[field] not in (None, [])]
    told = overriding(summary)
    if told is not None:
        facts.append(("overridden by", _value(f"{told['by']}: {told['override']['outcome']}")))
    if facts:
        yield table(_FACT_TITLES, facts)
    if found["rules"]:
        yield "\n"
    yield from _rules(found["rules"])


def _rules(rules: list[dict[str, Any]]) -> Iterator[str]:
    names = ("id", "status", "measured", "threshold", "unit", "reason_code")
    rows = [
        (
            *(_value(rule.get(name)) for name in names[:2]),
            *_values([rule.get(name) for name in names[2:4]]),
            *(_value(rule.get(name)) for name in names[4:]),
        )
        for rule in rules[:MAX_ROWS]
    ]
    yield from _table(tuple(name.replace("_", " ") for name in names), rows, len(rules))


def _verdicts(summary: dict[str, Any]) -> Iterator[str]:
    found = summary["verdicts"]
    for number, verdict in enumerate(found[-MAX_NOTES:]):
        word, baseline = "passes" if verdict["ok"] else "fails", verdict["baseline"]
        beside = f", beside {_value(baseline.get('run_id'))}" if baseline else ""
        yield "\n" if number else ""
        yield f"The run {word}{beside}:\n\n"
        yield from _rules(verdict["rules"])
    yield from _rest(MAX_NOTES, len(found))


def _metrics(summary: dict[str, Any]) -> Iterator[str]:
    found = summary["metrics"]
    rows = [
        (cell(name), *_values([row[field] for field in ("last", "min", "max")]), str(row["count"]))
        for name, row in list(found.items())[:MAX_ROWS]
    ]
    yield from _table(("metric", "last", "min", "max", "count"), rows, len(found))


def _scores(summary: dict[str, Any]) -> Iterator[str]:
    shown = summary["scores"][:MAX_ROWS]
    titles, told = score_table(shown)
    rows = [
        (cell(score["name"]), *(text if set(text) <= _NUMERALS else cell(text) for text in texts))
        for score, texts in zip(shown, told, strict=True)
    ]
    yield from _table(("score", *map(str.lower, titles)), rows, len(summary["scores"]))


def _outputs(summary: dict[str, Any]) -> Iterator[str]:
    return _artifacts(summary["outputs"])


def _inputs(summary: dict[str, Any]) -> Iterator[str]:
    return _artifacts(summary["inputs"])


def _artifacts(items: list[dict[str, Any]]) -> Iterator[str]:
    rows = [
        (
            cell(item["name"]),
            cell(item["type"]),
            size_text(item["size"]),
            "-" if item["sha256"] is None else cell(item["sha256"]),
            "-" if item["path"] is None else cell(item["path"]),
        )
        for item in items[:MAX_ROWS]
    ]
    yield from _table(("name", "type", "size", "SHA-256", "kept as"), rows, len(items))


def _children(summary: dict[str, Any]) -> Iterator[str]:
    rows = [
        (
            _INDENT * min(row["depth"] - 1, MAX_INDENTS) + cell(row["run_id"]),
            _value(row["kind"]),
            row["status"],
            *_numbers(row),
        )
        for row in summary["children"][:MAX_ROWS]
    ]
    if rows:
        rows.append(("all", "", "", *_numbers(summary["children_total"])))
    titles = ("run", "kind", "status", "took", "checks", "outputs", "metrics", "redactions")
    yield from _table(titles, rows, len(summary["children"]))


def _numbers(row: dict[str, Any]) -> list[str]:
    if row["duration_ms"] is None:
        return ["-"] * 5
    checks = ", ".join(f"{row['checks'][status]} {status}" for status in _CHECK_ORDER if row["checks"][status])
    counts = [str(row[name]) for name in ("outputs", "metrics", "redactions")]
    return [duration_text(row["duration_ms"]), checks or "-", *counts]


def _notes(summary: dict[str, Any]) -> Iterator[str]:
    found = summary["notes"]
    yield from map(block, found[:MAX_NOTES])
    yield from _rest(MAX_NOTES, len(found))


def _annotations(summary: dict[str, Any]) -> Iterator[str]:
    """What was said since the run was sealed; the newest of many."""
    found = summary["annotations"]
    rows = [
        (cell(told["at"]), _value(told["by"]), ", ".join(map(cell, what_was_said(told)))) for told in found[-MAX_ROWS:]
    ]
    yield from _table(("at", "by", "said"), rows, len(found))


def _table(titles: tuple[str, ...], rows: list[Any], count: int) -> Iterator[str]:
    if rows:
        yield table(titles, rows)
        yield from _rest(MAX_ROWS, count)


def _rest(shown: int, count: int) -> Iterator[str]:
    if count > shown:
        yield f"\n… and {count - shown} more.\n"


def _value(value: Any) -> str:
    """Any JSON value in a cell."""
    return _values([value])[0]


def _values(values: list[Any]) -> list[str]:
    """Any JSON values, each in a cell; of numbers as many digits as tell them apart."""
    texts = zip(values, number_texts(values), strict=True)
    return [text if value is None or type(value) in (int, float) else cell(text) for value, text in texts]


_SECTIONS: Final = {
    "Error": _error,
    "Checks": _checks,
    "Decision": _decision,
    "Verdicts": _verdicts,
    "Metrics": _metrics,
    "Scores": _scores,
    "Outputs": _outputs,
    "Inputs": _inputs,
    "Children": _children,
    "Notes": _notes,
    "Annotations": _annotations,
}
