"""A call, a decision or an approval as `audit` shows it: a row of the table, and what stands below it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from runstone.cli.ls import status_span
from runstone.cli.measures import failure_text, number_texts, value_text
from runstone.cli.rendering import Cell, Column, Note, Screen, Span, cut
from runstone.core.audit import APPROVAL, CHILD, DECISION
from runstone.core.calls import BLOCKED, MODEL, OPEN
from runstone.core.policy.decision import ALLOW, BLOCK, PASS, REVIEW
from runstone.core.terminal import safe_text, text_width
from runstone.core.times import parse_time
from runstone.errors import PolicyBlocked

INDENT: Final = "  "
MAX_INDENTS: Final = 8
MAX_ARGS_CELLS: Final = 160
"""So much of a call's arguments is shown where no terminal is narrower; `--json` has all."""
MIN_ARGS_CELLS: Final = 16
NOTE_CELLS: Final = 4
_STYLES: Final = {"ok": "good", "error": "bad", BLOCKED: "bad", "cancelled": "warn", OPEN: "live"}
_DECIDED: Final = {ALLOW: "allowed", REVIEW: "to be reviewed", BLOCK: "blocked"}
_APPROVAL_STYLES: Final = {"approved": "good", "refused": "bad", "unanswered": "warn"}
COLUMNS: Final = (
    Column("AT", right=True, keep=5),
    Column("CALL", flexible=True),
    Column("STATUS"),
    Column("TOOK", right=True),
    Column("TRIES", right=True, keep=6),
    Column("TOKENS", right=True, keep=7),
    Column("COST", right=True, keep=8),
    Column("ID", keep=4),
)
NAME: Final = 1
"""The column of what is called."""
SOMETIMES: Final = {4: ("0", "1", ""), 5: ("-", ""), 6: ("-", "")}
"""Column → the cells that say nothing: a column of nothing else is left out."""


def row_of(row: dict[str, Any], start_ns: int) -> list[Cell]:
    """The cells of `COLUMNS`; `start_ns` is when the run was opened."""
    at = f"+{(parse_time(row['at']) - start_ns) / 1e9:.2f}s"
    if row["row"] == CHILD:
        return [at, "child run", status_span(str(row["status"])), "-", "", "", "", ""]
    if row["row"] in (DECISION, APPROVAL):
        status = str(row["outcome"])
        return [at, f"{row['row']} of the run", Span(status, _outcome_style(row)), "-", "", "", "", ""]
    name = _name(row)
    shown = Span(row["status"], _STYLES.get(row["status"], "warn"))
    return [at, name, shown, _took(row["duration_ns"]), str(row["attempts"]), _tokens(row), _cost(row), row["call"]]


def _outcome_style(row: dict[str, Any]) -> str:
    return _APPROVAL_STYLES.get(str(row["outcome"]), "bad" if row["outcome"] == BLOCK else "")


def _took(duration_ns: int | None) -> str:
    """`-`, `0.04 ms`, `12 ms`, `10.0 s`."""
    if not duration_ns:
        return "-" if duration_ns is None else "0 ms"
    ms = duration_ns / 1e6
    if ms < 10:
        return f"{ms:.2f} ms"
    return f"{ms:.0f} ms" if ms < 9_999.5 else f"{ms / 1000:.1f} s"


def _tokens(row: dict[str, Any]) -> str:
    usage = row["usage"]
    return "-" if usage is None else str(usage["input_tokens"] + usage["output_tokens"])


def _cost(row: dict[str, Any]) -> str:
    cost = row["cost"]
    return "-" if cost is None else f"{cost['amount']} {cost['currency']}"


def _name(row: dict[str, Any]) -> str:
    """What is called, as far to the right as calls are around it."""
    return f"{INDENT * min(row['depth'], MAX_INDENTS)}{'model ' if row['row'] == MODEL else ''}{row['name']}"


def notes(row: dict[str, Any], screen: Screen, name_cells: int) -> Iterator[Note]:
    """What stands below a row: its name, where that is wider than the column of `name_cells`, what was asked, what
    ruled over it, what went wrong."""
    indent = NOTE_CELLS + len(INDENT) * min(row.get("depth", 0), MAX_INDENTS)
    width = max(MIN_ARGS_CELLS, (screen.width or MAX_ARGS_CELLS) - indent)
    for cell in _told(row, name_cells, width, "…" if screen.unicode else "~"):
        yield Note([cell], indent)


def _told(row: dict[str, Any], name_cells: int, width: int, more: str) -> Iterator[Cell]:
    if row["row"] == CHILD:
        yield Span(str(row["run_id"]), "dim")
    elif row["row"] == DECISION:
        yield from _rules(row)
    elif row["row"] == APPROVAL:
        yield _approval(row)
    else:
        if asked := _asked(row, name_cells):
            yield Span(cut(safe_text(asked), width, more), "dim")
        for one in sorted([*row["decisions"], *row["approvals"]], key=lambda one: one["line"]):
            yield from _rules(one) if one["row"] == DECISION else [_approval(one)]
        failure = "" if row["error"] is None or _is_told(row) else _error(row["error"])
        if failure:
            yield Span(failure, "bad")
        for words in map(_problem, row["problems"]):
            if not failure.endswith((f": {words}", f": / {words}")):  # the error names the first of them
                yield Span(f"does not fit: {words}", "warn")
        if row["row"] == MODEL and row["model"] not in (None, row["name"]):
            yield f"answered by {row['model']}"
        for run in row["runs"]:
            yield Span(f"began run {run}", "dim")


def _is_told(row: dict[str, Any]) -> bool:
    """Whether the error of a call that was blocked says no more than the rule that blocked it."""
    error = row["error"]
    by_rule = isinstance(error, dict) and error.get("type") == PolicyBlocked.__name__
    return row["status"] == BLOCKED and by_rule and bool(row["decisions"])


def _asked(row: dict[str, Any], name_cells: int) -> str:
    """The name where the table cuts it, what the tool does to the world, and the arguments."""
    name = row["name"] if text_width(safe_text(_name(row))) > name_cells else ""
    effect = f"[{row['side_effect']}]" if row["side_effect"] else ""
    args = "" if row["args"] is None else value_text(row["args"])
    return " ".join(word for word in (name, effect, args) if word)


def _rules(row: dict[str, Any]) -> Iterator[Cell]:
    """A decision, a part for each rule that fired. A run's own tells of every rule: those fired that do not hold."""
    outcome, reason = str(row["outcome"]), row["block_reason"]
    blocks = outcome == BLOCK
    policy = row["policy"] if isinstance(row["policy"], dict) else {}
    named = " ".join(str(policy[name]) for name in ("name", "version") if policy.get(name))
    by = f", policy {named}" if named else ""
    rules = [rule for rule in row["rules"] or [] if isinstance(rule, dict)]
    if row["call"] is None:
        rules = [rule for rule in rules if rule.get("status") != PASS]
    blockers = [rule for rule in rules if blocks and _is_named(rule, reason)]
    if not rules or (blocks and not blockers):
        why = f": {reason}" if reason else ""
        yield Span(f"{_DECIDED.get(outcome, outcome)}{why}{by}", "bad" if blocks else "")
    for rule in rules:
        word, style = (_DECIDED[BLOCK], "bad") if rule in blockers else _word(outcome, rule)
        yield Span(f"{word} by rule {_rule(rule)}{by}", style)


def _word(outcome: str, rule: dict[str, Any]) -> tuple[str, str]:
    """What a rule did that blocks nothing, and its style: one that holds let a call through, any other one warned."""
    if rule.get("status") == PASS:
        return _DECIDED[ALLOW], ""
    return ("warned", "warn") if outcome in _DECIDED else (outcome, "")


def _is_named(rule: dict[str, Any], reason: Any) -> bool:
    """Whether the reason of a block is this rule's."""
    return reason in (rule.get("id"), rule.get("reason_code")) or str(reason).startswith(f"{rule.get('id')}: ")


def _rule(rule: dict[str, Any]) -> str:
    words = [str(rule.get("id"))]
    if rule.get("reason_code"):
        words.append(f"({rule['reason_code']})")
    if rule.get("measured") is not None or rule.get("threshold") is not None:
        unit = f" {rule['unit']}" if rule.get("unit") else ""
        measured, threshold = number_texts([rule.get("measured"), rule.get("threshold")])
        words.append(f"measured {measured}, threshold {threshold}{unit}")
    return " ".join(words)


def _approval(row: dict[str, Any]) -> Span:
    outcome = str(row["outcome"])
    by = f" by {row['by']}" if row["by"] else ""
    rule = f" (rule {row['rule']})" if row["rule"] else ""
    reason = f": {row['reason']}" if row["reason"] else ""
    return Span(f"{outcome}{by} at {row['at']}{rule}{reason}", _APPROVAL_STYLES.get(outcome, "warn"))


def _problem(said: Any) -> str:
    """What of arguments or a result does not fit the tool's contract."""
    if not isinstance(said, dict):
        return value_text(said)
    return " ".join(str(said[name]) for name in ("path", "message") if said.get(name)) or value_text(said)


def _error(said: Any) -> str:
    return (failure_text(said) if isinstance(said, dict) else "") or value_text(said)
