"""`runstone purge`: say which runs a policy takes, mark them, and remove those whose time has come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import click

from runstone.cli.ls import second_text
from runstone.cli.measures import count_text, size_text
from runstone.cli.parameters import complete_file, complete_run, json_option, store_option
from runstone.cli.progress import RUNS_A_STEP, Runs
from runstone.cli.rendering import GAP, Cell, Column, Note, Screen, Span, print_json, say
from runstone.cli.runs import nothing_in, worst
from runstone.core.amounts import SIZE_EXAMPLES, SPAN_EXAMPLES, size_bytes, span_s
from runstone.core.query import parse_query
from runstone.core.tombstone import PENDING, Tombstone
from runstone.engine.purger import MARK, RELEASE, REMOVE, WAIT, Fate, Purge
from runstone.engine.store import Store
from runstone.errors import error, excerpt
from runstone.locate import open_store

_COLUMNS: Final = (
    Column("RUN"),
    Column("KIND", flexible=True),
    Column("OPENED (UTC)"),
    Column("SIZE", right=True),
    Column("WHY"),
)
_WAITING: Final = (*_COLUMNS[:2], Column("NOT BEFORE (UTC)"), *_COLUMNS[3:])
_HEADINGS: Final = {
    REMOVE: ("to remove", "removed", "bad"),
    MARK: ("to mark", "marked", "warn"),
    WAIT: ("marked before", "marked before", "dim"),
    RELEASE: ("to keep after all", "kept after all", "good"),
}
"""Action → what it is called before and after, and its style."""


def _span(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and span_s(value) is None:
        raise click.BadParameter(f"{excerpt(value, 40)!r} is no span of time; write {SPAN_EXAMPLES}", param=param)
    return value


def _size(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value is not None and size_bytes(value) is None:
        raise click.BadParameter(f"{excerpt(value, 40)!r} is not a size; write {SIZE_EXAMPLES}", param=param)
    return value


@click.command()
@click.option(
    "--policy",
    metavar="FILE",
    shell_complete=complete_file,
    help="Rules and holds of a file like runstone.toml, in place of its rules.",
)
@click.option("--query", metavar="QUERY", help="One rule: runs that match this query.")
@click.option("--older-than", metavar="AGE", callback=_span, help="Only runs that ended so long ago: 30d, 12h, 2w.")
@click.option("--keep-last", metavar="N", type=click.IntRange(min=0), help="Spare the newest N of each kind.")
@click.option("--max-size", metavar="SIZE", callback=_size, help="Only the oldest, until the rest is no larger: 10G.")
@click.option("--hold", metavar="QUERY", multiple=True, help="Runs that stay whatever a rule says. May be repeated.")
@click.option("--grace", metavar="AGE", callback=_span, help="How long a marked run stays readable (default: 7d).")
@click.option("--reason", metavar="TEXT", help="What the tombstones say beside the rule.")
@click.option("--plan", is_flag=True, help="Say what would be done, and write nothing; so it is without --apply.")
@click.option("--apply", is_flag=True, help="Mark what the rules take, remove what was marked and has had its time.")
@click.option("--cancel", metavar="RUN", shell_complete=complete_run, help="Take the mark of a run back.")
@click.option("--list", "listing", is_flag=True, help="List the runs that are marked, and those that were purged.")
@store_option()
@json_option("Print what is done, or would be, as one JSON object.")
def command(store: str | None, *, as_json: bool, **options: Any) -> int:
    """Say which runs a policy takes out of the store; with --apply, in two steps, take them out.

    A run that a rule takes is marked first and stays as readable as before; the first --apply after its time of grace
    removes it. Without rules on the command line and without --policy those of the table retention in
    runstone.toml apply.

    A run that an alias names, that an open run links to, or that a hold names is never taken, nor is one that cannot
    be read or is being read. What is left is a tombstone: which run it was, when it was purged, by whom and why.
    """
    _check(options)
    opened = open_store(store)
    if options["listing"]:
        return _list(opened, as_json=as_json)
    if options["cancel"] is not None:
        return _cancel(opened, options["cancel"], as_json=as_json)
    chosen = {name: options[name] for name in ("grace", "apply", "reason")}
    with Runs("{} of {} runs", least=RUNS_A_STEP) as progress:
        purge = opened.purge(_policy(options), holds=options["hold"], progress=progress, **chosen)
    if as_json:
        print_json(purge.as_dict())
    else:
        _print(opened, purge)
    return worst(fate.problem for fate in purge.fates)


def _check(options: dict[str, Any]) -> None:
    """Refuse what does not go together."""
    verbs = [f"--{name}" for name in ("plan", "apply", "cancel") if options[name]]
    verbs += ["--list"] if options["listing"] else []
    if len(verbs) > 1:
        raise error("invalid_option", f"{' and '.join(verbs)} are different things; give one", option=verbs[0])
    given = [f"--{name.replace('_', '-')}" for name in _RULE if options[name] is not None]
    if options["policy"] is not None and given:
        raise error("invalid_option", f"--policy has the rules; leave {given[0]} out", option=given[0])
    if verbs[:1] in (["--cancel"], ["--list"]) and (given or options["policy"] is not None):
        raise error("invalid_option", f"{verbs[0]} takes no rules", option=verbs[0])


_RULE: Final = ("query", "older_than", "keep_last", "max_size")


def _policy(options: dict[str, Any]) -> Any:
    """The rule of the command line, or the policy's file; `None` for what `runstone.toml` says."""
    rule = {name: options[name] for name in _RULE if options[name] is not None}
    parse_query(rule.get("query", ""))  # raises with the column
    return {"rules": [rule]} if rule else options["policy"]


def _print(store: Store, purge: Purge) -> None:
    screen = Screen()
    for action, (before, after, style) in _HEADINGS.items():
        fates = purge.of(action)
        if not fates:
            continue
        columns = _WAITING if action == WAIT else _COLUMNS
        _print_fates(
            screen, Span(after if purge.applied else before, style), columns, [f for f in fates if not f.problem]
        )
        _print_fates(screen, Span(f"not {after}", "bad"), columns, [f for f in fates if f.problem])
    for why, count in sorted(purge.kept.items()):
        screen.line(Span("kept", "good"), f": {count_text(count, 'run')}, {why}")
    if not purge.fates:
        say(nothing_in(store, "nothing to purge"))
    elif not purge.applied:
        say("nothing was written: --apply does it")


def _print_fates(screen: Screen, title: Span, columns: Sequence[Column], fates: list[Fate]) -> None:
    """What becomes of some runs, or what could not be done with them and why."""
    if fates:
        total = size_text(sum(fate.size_bytes for fate in fates))
        screen.line(title, f": {count_text(len(fates), 'run')}, {total}")
        times = [fate.not_before if columns is _WAITING else fate.opened_at for fate in fates]
        rows = [_cells(fate, time) for fate, time in zip(fates, times, strict=True)]
        if screen.fits(columns, rows):
            screen.listing(columns, rows)
        else:  # the reason stands whole below its row
            screen.listing(columns[:-1], [row[:-1] for row in rows], [[Note(row[-1:], len(GAP))] for row in rows])
        screen.line()


def _cells(fate: Fate, time: str) -> list[Cell]:
    why: Cell = fate.rule if fate.problem is None else Span(fate.problem.message, "bad")
    return [fate.run_id, fate.kind, second_text(time), size_text(fate.size_bytes), why]


def _cancel(store: Store, run: str, *, as_json: bool) -> int:
    found = store.cancel_purge(run)
    if as_json:
        print_json({"cancelled": found})
        return 0
    screen = Screen()
    for run_id in found:
        screen.line(Span("kept", "good"), f"  {run_id}")
    return 0


def _list(store: Store, *, as_json: bool) -> int:
    found = store.tombstones()
    if as_json:
        print_json([stone.as_dict() for stone in found])
        return 0
    if not found:
        say(nothing_in(store, "no run is marked or purged"))
    screen = Screen()
    for stone in found:
        screen.stacked([Span(stone.run_id, "bold")], _state(stone))
        screen.wrapped("", [f"{stone.kind}:", _reason(stone)], indent=2)
    return 0


def _state(stone: Tombstone) -> Span:
    if stone.state == PENDING:
        return Span(f"marked, not before {second_text(stone.not_before)}", "warn")
    return Span(f"purged {second_text(stone.purged_at)}", "dim")


def _reason(stone: Tombstone) -> str:
    return "; ".join(filter(None, [stone.rule, stone.reason, f"by {stone.purged_by or stone.marked_by}"]))
