"""`runstone audit`: every call, block and approval of one run, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import click

from runstone.cli.calls import COLUMNS, NAME, SOMETIMES, notes, row_of
from runstone.cli.ls import status_span
from runstone.cli.measures import count_text
from runstone.cli.parameters import json_option, run_argument, store_option
from runstone.cli.rendering import Cell, Screen, Span, print_json
from runstone.cli.runs import open_id, sealed_run, unsealed_hint, while_open
from runstone.core.audit import EVENTS, audit
from runstone.core.calls import BLOCKED, OPEN
from runstone.core.times import parse_time
from runstone.core.words import INTERRUPTED
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import error
from runstone.locate import open_store

_ORDER: Final = ("ok", "error", BLOCKED, "cancelled", OPEN, "approved", "refused", "unanswered")


@click.command()
@run_argument()
@store_option()
@json_option("Print all of it as one JSON object, with whole arguments and results.")
def command(run: str, store: str | None, *, as_json: bool) -> None:
    """Audit one run: every call of a tool or a model, every block and every approval, in order.

    A call stands below the call around it, with the rule that blocked it and who approved it. RUN may be a run of any
    contract, and one that is still being recorded.
    """
    opened = open_store(store)
    run_id = open_id(opened, run)
    found = None if run_id is None else while_open(opened, run_id, _audited)
    if run_id is None or found is None:
        with sealed_run(opened, run) as sealed:
            events = sealed.journal().events(*EVENTS)
            _tell({**audit(events), "overrides": _overrides(opened, sealed)}, None, as_json=as_json)
        return
    so_far, alive = found
    _tell(_of_open(run_id, so_far, alive=alive), unsealed_hint(opened, run_id, alive=alive), as_json=as_json)


def _tell(found: dict[str, Any], hint: str | None, *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    screen = Screen()
    _print(screen, found)
    if hint is not None:
        screen.line()
        screen.wrapped("", [hint], indent=0)


def _overrides(store: Store, sealed: Sealed) -> list[dict[str, Any]]:
    """By whom the run's decision was said to be another one since it was sealed, the oldest first."""
    said = [told for told in store.annotations(sealed) if "override" in told]
    return [{"run_id": told["run_id"], "at": told["at"], "by": told["by"], **told["override"]} for told in said]


def _audited(events: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] in EVENTS]


def _of_open(run_id: str, events: list[dict[str, Any]], *, alive: bool) -> dict[str, Any]:
    """The audit of what an open run has recorded so far. The status of one whose process died is what recovery will
    make of it."""
    if not events:
        raise error("run_not_found", f"run {run_id} has recorded nothing yet", run_id=run_id)
    found = {**audit(events), "overrides": []}
    if found["closed_at"] is None and not alive:
        found["status"] = INTERRUPTED
    return found


def _print(screen: Screen, found: dict[str, Any]) -> None:
    version = "" if found["version"] is None else f" {found['version']}"
    screen.title(found["kind"] + version, status_span(found["status"]))
    screen.line()
    screen.facts(_facts(found))
    if found["rows"]:
        _print_calls(screen, found)
        _print_totals(screen, found["totals"])
    else:
        screen.line()
        screen.line("no call, block or approval was recorded")
    if found["overrides"]:
        screen.heading("OVERRIDES")
    for said in found["overrides"]:
        words = f"{said['outcome']} by {said['by']} at {said['at']}: {said['reason']}"
        screen.wrapped("", [Span(words, "warn"), Span(f"(run {said['run_id']})", "dim")], indent=2)


def _print_calls(screen: Screen, found: dict[str, Any]) -> None:
    start = parse_time(found["opened_at"])
    table = [row_of(row, start) for row in found["rows"]]
    columns = range(len(COLUMNS))
    shown = [at for at in columns if any(row[at] not in SOMETIMES.get(at, ()) for row in table)]
    titles, cells = [COLUMNS[at] for at in shown], [[row[at] for at in shown] for row in table]
    name_cells = screen.widths(titles, cells)[shown.index(NAME)]
    screen.heading("CALLS", *_calls(found["totals"]))
    screen.table(titles, cells, notes=[list(notes(row, screen, name_cells)) for row in found["rows"]])


def _facts(found: dict[str, Any]) -> Iterator[tuple[str, list[Cell]]]:
    yield "run", [found["run_id"]]
    yield "contract", [found["contract"]]
    yield "opened", [found["opened_at"]]
    if found["closed_at"] is not None:
        yield "closed", [found["closed_at"]]
    for label, name in (("request", "request_id"), ("tenant", "tenant"), ("user", "user")):
        if found[name] is not None:
            yield label, [found[name]]
    if found["versions"]:
        yield "with", [", ".join(f"{name} {version}" for name, version in sorted(found["versions"].items()))]


# the sums


def _calls(totals: dict[str, Any]) -> Iterator[Cell]:
    for name, one in (("tool_calls", "tool call"), ("model_calls", "model call")):
        if totals[name]:
            yield count_text(sum(totals[name].values()), one)


def _print_totals(screen: Screen, totals: dict[str, Any]) -> None:
    """The sums of what there is any of."""
    tokens = totals["tokens"]
    cached = f" ({tokens['cached_tokens']} cached)" if tokens["cached_tokens"] else ""
    used = f"{tokens['input_tokens']} in{cached}, {tokens['output_tokens']} out"
    facts = [
        ("tools", _statuses(totals["tool_calls"])),
        ("models", _statuses(totals["model_calls"])),
        ("approvals", _statuses(totals["approvals"])),
        ("runs", str(totals["child_runs"] or "")),
        ("tokens", used if any(tokens.values()) else ""),
        ("cost", ", ".join(f"{amount} {currency}" for currency, amount in totals["cost"].items())),
    ]
    shown = [(label, words) for label, words in facts if words]
    if shown:
        screen.heading("TOTALS")
    for label, words in shown:
        screen.wrapped(Span(f"  {label}", "dim"), [words], indent=13)


def _statuses(counts: dict[str, int]) -> str:
    known = [status for status in _ORDER if status in counts]
    return ", ".join(f"{counts[status]} {status}" for status in (*known, *sorted(counts.keys() - set(known))))
