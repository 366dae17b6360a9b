"""The sections of `show`, in their order; each prints nothing where the run has nothing to say on it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from runstone.cli.family import CHECK_STYLES, children
from runstone.cli.ls import second_text
from runstone.cli.measures import count_text, failure_text, number_texts, short_sha256, size_text, value_text
from runstone.cli.rendering import KEPT, Cell, Column, Screen, Span
from runstone.cli.samples import score_table
from runstone.core.canonical import pointer
from runstone.core.diff.words import value_text as telling_text
from runstone.core.terminal import safe_text, text_width
from runstone.core.words import CHECK_STATUSES

MAX_ROWS: Final = 20
"""Rows of a table before the rest is only counted; `--json` has all."""
MAX_LINES: Final = 30
"""Lines of a traceback, a result or the notes before the rest is only counted."""
MAX_LINE_CHARACTERS: Final = 2000
Fact = tuple[str, list[Cell]]
"""A label and what stands behind it."""

_NAME: Final = Column("NAME", flexible=True)
_ARTIFACT_COLUMNS: Final = (
    _NAME,
    Column("TYPE", keep=2),
    Column("SIZE", right=True),
    Column("SHA-256", keep=1),
    Column("KEPT AS", flexible=True),
)
_METRIC_COLUMNS: Final = (
    _NAME,
    Column("LAST", right=True),
    Column("MIN", right=True, keep=2),
    Column("MAX", right=True, keep=2),
    Column("COUNT", right=True, keep=1),
)
_KEEP_OF_SCORES: Final = {"INTERVAL": 2, "WANTED": 3, "SAMPLES": 1}
_FILE_COLUMNS: Final = (
    Column("PATH", flexible=True),
    Column("ROLE", keep=2),
    Column("SIZE", right=True),
    Column("SHA-256", keep=1),
)


def error(screen: Screen, summary: dict[str, Any]) -> None:
    """What the run failed with."""
    found = summary["error"]
    if found is None:
        return
    screen.heading("ERROR")
    if not isinstance(found, dict):
        screen.text(f"  {value_text(found)}\n")
        return
    screen.line("  ", Span(_long(failure_text(found) or value_text(found)), "bad"))
    text = str(found.get("traceback") or "").rstrip("\n")
    lines = text.split("\n") if text else []
    if len(lines) > MAX_LINES:
        screen.line(Span(f"  … {count_text(len(lines) - MAX_LINES, 'line')} more above these; --json has all", "dim"))
    for line in lines[-MAX_LINES:]:
        screen.line("  ", Span(_long(line), "dim"))


def inputs(screen: Screen, summary: dict[str, Any]) -> None:
    """What the run consumed."""
    _artifacts(screen, "INPUTS", summary["inputs"])


def outputs(screen: Screen, summary: dict[str, Any]) -> None:
    """What the run produced."""
    _artifacts(screen, "OUTPUTS", summary["outputs"])


def _artifacts(screen: Screen, title: str, items: list[dict[str, Any]]) -> None:
    if not items:
        return
    screen.heading(title, str(len(items)))
    _table(screen, _ARTIFACT_COLUMNS, [_artifact(item) for item in items])
    for item in items[:MAX_ROWS]:
        if words := _how_kept(item):
            screen.wrapped("", words, indent=2)


def _how_kept(item: dict[str, Any]) -> list[Cell]:
    """What is to be known of a file that was not kept as any other is."""
    source, anyway = item.get("redacted_from"), item.get("kept_anyway")
    if isinstance(source, dict):
        return [f"{item['name']} is a redacted copy of {source.get('name')} {_found_by(source)}"]
    if isinstance(anyway, dict):
        style = "warn" if anyway.get("rules") else ""
        return [Span(f"{item['name']} was kept anyway, asked by {anyway.get('asked_by')} {_found_by(anyway)}", style)]
    return []


def _found_by(facts: dict[str, Any]) -> str:
    rules = facts.get("rules")
    return f"(found: {', '.join(map(str, rules)) or 'no secret'})" if isinstance(rules, list) else ""


def _artifact(item: dict[str, Any]) -> list[Cell]:
    problem = item.get("problem")
    unread = item["sha256"] is None and item["type"] == "file"
    digest: Cell = Span("no digest", "warn") if unread else short_sha256(item["sha256"])
    kept: Cell = item["path"] or (Span(str(problem), "warn") if problem else "-")
    return [item["name"], item["type"], size_text(item["size"]), digest, kept]


def checks(screen: Screen, summary: dict[str, Any]) -> None:
    """Checks with their evidence, failed ones first."""
    items = summary["checks"]
    if not items:
        return
    found = Counter(item["status"] for item in items)
    tally = ", ".join(f"{found[status]} {status}" for status in CHECK_STATUSES if found[status])
    screen.heading("CHECKS", tally)
    order = list(CHECK_STYLES)
    rows = [
        [Span(item["status"], CHECK_STYLES[item["status"]]), item["name"], ", ".join(item["evidence"]) or "-"]
        for item in sorted(items, key=lambda item: order.index(item["status"]))
    ]
    _table(screen, (Column("RESULT"), _NAME, Column("EVIDENCE", flexible=True)), rows)


def decision(screen: Screen, summary: dict[str, Any]) -> None:
    """The run's verdict and the rules behind it."""
    found = summary["decision"]
    if found is None:
        return
    told = overriding(summary)
    notes = [] if told is None else [Span(f"overridden by {told['by']}: {told['override']['outcome']}", "warn")]
    screen.heading("DECISION", Span(str(found["outcome"]), "bold"), *notes)
    facts = [(key, found[key]) for key in ("risk_level", "score", "block_reason") if found[key] is not None]
    facts += [("warning", text) for text in found["warnings"]]
    for key, value in facts:
        screen.wrapped(Span(f"  {key.replace('_', ' ')}", "dim"), [value_text(value)], indent=_FACT_CELLS)
    policy = found["policy"]
    if policy:
        named = " ".join(str(policy[key]) for key in ("name", "version") if policy.get(key))
        screen.wrapped(
            Span("  policy", "dim"), [named, Span(short_sha256(_word(policy.get("sha256"))), "dim")], _FACT_CELLS
        )
    _table(screen, _RULE_COLUMNS, [_rule(rule) for rule in found["rules"]])


_FACT_CELLS: Final = 16
_RULE_COLUMNS: Final = (
    Column("RULE", flexible=True),
    Column("STATUS"),
    Column("REASON", flexible=True, keep=1),
    Column("MEASURED", flexible=True),
    Column("THRESHOLD", flexible=True),
    Column("UNIT", keep=2),
)


def _rule(rule: dict[str, Any]) -> list[Cell]:
    status = str(rule.get("status") or "-")
    style = CHECK_STYLES.get(status, "bad" if status != "-" else "")
    return [
        str(rule.get("id")),
        Span(status, style),
        str(rule.get("reason_code") or "-"),
        *number_texts([rule.get("measured"), rule.get("threshold")]),
        _word(rule.get("unit")),
    ]


def overriding(summary: dict[str, Any]) -> dict[str, Any] | None:
    """The annotation by which the decision was overridden last, if it was."""
    return next((told for told in reversed(summary["annotations"]) if "override" in told), None)


def metrics(screen: Screen, summary: dict[str, Any]) -> None:
    """Numbers: the last, the least, the greatest, how many; then the scores, and the verdicts on the run."""
    if summary["metrics"]:
        screen.heading("METRICS")
        rows = [
            [name, *number_texts([row[field] for field in ("last", "min", "max")]), str(row["count"])]
            for name, row in summary["metrics"].items()
        ]
        _table(screen, _METRIC_COLUMNS, rows)
    if summary["scores"]:
        screen.heading("SCORES")
        _table(screen, *_score_table(summary["scores"]))
    for verdict in summary["verdicts"]:
        screen.heading("VERDICT", Span(*(("passes", "good") if verdict["ok"] else ("fails", "bad"))), *_beside(verdict))
        _table(screen, _RULE_COLUMNS, [_rule(rule) for rule in verdict["rules"]])


def _score_table(scores: list[dict[str, Any]]) -> tuple[tuple[Column, ...], list[list[Cell]]]:
    """Names, and what there is of one of them."""
    titles, rows = score_table(scores)
    columns = [Column(title, right=True, keep=_KEEP_OF_SCORES.get(title, KEPT)) for title in titles]
    return (_NAME, *columns), [[score["name"], *row] for score, row in zip(scores, rows, strict=True)]


def _beside(verdict: dict[str, Any]) -> list[Cell]:
    baseline = verdict["baseline"]
    return [] if not baseline else [Span(f"beside {baseline.get('run_id')}", "dim")]


def config(screen: Screen, summary: dict[str, Any]) -> None:
    """The configuration, a line a setting; its digest is of the document that holds it."""
    found = summary["config"]
    if found is None:
        return
    notes = [Span(f"{found['path']} {short_sha256(found['sha256'])}", "dim")] if "path" in found else []
    screen.heading("CONFIG", *notes)
    volatile = [pointer for pointer in found["volatile"] if pointer]
    rows: list[list[Cell]] = [
        [name, value, Span("volatile" if _is_under(at, volatile) else "", "dim")]
        for at, name, value in _settings(found["value"], "", "")
    ]
    wide = [Column("SETTING", flexible=True), Column("VALUE", flexible=True), Column("")]
    _table(screen, wide if volatile else wide[:2], rows)


def _is_under(at: str, pointers: list[str]) -> bool:
    """Whether a JSON Pointer is one of these, or leads to something inside of what one of them leads to."""
    return any(at == pointer or at.startswith(pointer + "/") for pointer in pointers)


def _settings(value: Any, at: str, name: str) -> list[tuple[str, str, str]]:
    """(JSON Pointer, dotted name, value) of every setting; lists and empty objects are values."""
    if not isinstance(value, dict) or not value:
        return [(at, name or "(all)", telling_text(value))]
    found = []
    for key, item in value.items():
        found += _settings(item, at + pointer([key]), f"{name}.{_key(key)}" if name else _key(key))
    return found


def _key(key: str) -> str:
    """A part of a dotted name; in quotes where it would read as no part or as more than one."""
    return key if key == key.strip() and key and not set(key) & set('."') else json.dumps(key, ensure_ascii=False)


def result(screen: Screen, summary: dict[str, Any]) -> None:
    """What the run returned."""
    if summary["result"] is not None:
        screen.heading("RESULT")
        _lines(screen, json.dumps(summary["result"], indent=2, ensure_ascii=False).split("\n"))


def notes(screen: Screen, summary: dict[str, Any]) -> None:
    """Remarks."""
    if summary["notes"]:
        screen.heading("NOTES")
        _lines(screen, [line for text in summary["notes"] for line in text.split("\n")])


def _lines(screen: Screen, lines: list[str]) -> None:
    screen.text("".join(f"  {_long(line)}\n" for line in lines[:MAX_LINES]))
    if len(lines) > MAX_LINES:
        screen.line(Span(f"  … and {count_text(len(lines) - MAX_LINES, 'line')} more; --json has all", "dim"))


def _long(line: str) -> str:
    more = len(line) - MAX_LINE_CHARACTERS
    return line if more <= 0 else f"{line[:MAX_LINE_CHARACTERS]} … and {count_text(more, 'character')} more"


def limited(facts: Iterable[Fact]) -> Iterator[Fact]:
    """The first of facts of a kind, and how many there are more."""
    found = list(facts)
    yield from found[:MAX_ROWS]
    if len(found) > MAX_ROWS:
        yield "", [Span(f"… and {len(found) - MAX_ROWS} more; --json has all", "dim")]


def said(screen: Screen, summary: dict[str, Any]) -> None:
    """What was said of the run since it was sealed, and by whom: later ones win."""
    if summary["annotations"]:
        screen.heading("ANNOTATIONS", str(len(summary["annotations"])))
        for told in summary["annotations"][-MAX_ROWS:]:
            head = f"  {second_text(told['at'])}  {told['by'] or '-'}"
            screen.wrapped(Span(head, "dim"), [", ".join(what_was_said(told))], indent=text_width(safe_text(head)) + 2)
        _rest(screen, len(summary["annotations"]))


def what_was_said(told: dict[str, Any]) -> list[str]:
    """An annotation in words."""
    words = [f"{key}={value}" if value is not None else f"no label {key}" for key, value in told["labels"].items()]
    words += [f"score {key} {value}" for key, value in told["scores"].items()]
    if "name" in told:
        words.append(f"named {told['name']}" if told["name"] else "no name")
    if "override" in told:
        words.append(f"decision overridden: {told['override']['outcome']}, “{told['override']['reason']}”")
    words += [f"@{key}" if given else f"no longer @{key}" for key, given in told["aliases"].items()]
    return words + [f"“{note}”" for note in told["notes"]]


def deleted(told: dict[str, Any]) -> str:
    """Who took a published document away, when and why."""
    return f"{told['at']} by {told['by']}: “{told['reason']}”"


def output_over_limit(summary: dict[str, Any]) -> list[dict[str, Any]]:
    """What says of output that there was more than is kept."""
    return [data for data in summary["dropped"] if data["reason"] == "max_output"]


def dropped_events(summary: dict[str, Any]) -> dict[str, tuple[int, int]]:
    """What was to be recorded and was not: reason → how many events, of how many bytes."""
    found: dict[str, tuple[int, int]] = {}
    for data in summary["dropped"]:
        if data["reason"] != "max_output":
            events, size = found.get(data["reason"], (0, 0))
            found[data["reason"]] = events + data["events"], size + data["bytes"]
    return found


def files(screen: Screen, summary: dict[str, Any]) -> None:
    """The files of the bundle, beside its manifest."""
    rows: list[list[Cell]] = [
        [entry["path"], entry["role"], size_text(entry["size"]), short_sha256(entry["sha256"])]
        for entry in summary["files"]
    ]
    screen.heading("FILES", f"{len(rows)} and manifest.json")
    _table(screen, _FILE_COLUMNS, rows)


def _table(screen: Screen, columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> None:
    screen.table(columns, rows[:MAX_ROWS])
    _rest(screen, len(rows))


def _rest(screen: Screen, count: int) -> None:
    if count > MAX_ROWS:
        screen.line(Span(f"  … and {count - MAX_ROWS} more; --json has all", "dim"))


def _word(value: Any) -> str:
    """What somebody recorded where a text is usual; `-` for nothing."""
    return "-" if value is None or value == "" else value_text(value)


SECTIONS: Final = (error, checks, children, inputs, outputs, decision, metrics, config, result, notes, said, files)
