"""`runstone recover`: seal what dead processes left, and sweep away what they had half made."""

from __future__ import annotations

from typing import Final

import click

from runstone.cli.measures import count_text, size_text
from runstone.cli.parameters import json_option, run_argument, store_option
from runstone.cli.rendering import Screen, Span, print_json, say
from runstone.cli.runs import nothing_in
from runstone.engine.recoverer import (
    ALIVE,
    ALREADY_SEALED,
    NEVER_OPENED,
    PUBLISHED,
    SEALED,
    SKIPPED,
    Recovery,
    recover_all,
)
from runstone.engine.store import Store
from runstone.errors import RunstoneError, error
from runstone.locate import open_store

_TEXTS: Final = {
    SEALED: ("sealed", "good"),
    ALREADY_SEALED: ("sealed before", "dim"),
    NEVER_OPENED: ("nothing recorded", "dim"),
    ALIVE: ("alive, left alone", "live"),
    SKIPPED: ("skipped", "bad"),
    PUBLISHED: ("published", "good"),
}
BAD: Final = 1
"""The status where a run was skipped."""


@click.command()
@run_argument("[RUN]")
@click.option("--force", is_flag=True, help="Also runs whose process is alive: a copy of what they recorded is sealed.")
@store_option()
@json_option("Print the outcomes as a JSON list.")
def command(run: str | None, store: str | None, *, force: bool, as_json: bool) -> int:
    """Seal RUN, or every open run, whose process died: as `interrupted`, with every whole line that it recorded.

    A run whose process is alive is left alone; one that cannot be sealed here, as its contract is not known, is
    skipped and stays as it is. Without RUN, published copies that are missing are made again, and temporary files
    that dead processes left are removed. Running this twice, or twice at once, changes nothing. The status is 1 where
    a run was skipped.
    """
    opened = open_store(store)
    if run is not None:
        done = [_one(opened, run, force=force)]
        failures: list[RunstoneError] = []
    else:
        done, failures = recover_all(opened, force=force)
    if as_json:
        print_json([recovery.as_dict() for recovery in done])
    else:
        _print(done)
        if not done and not failures:
            say(nothing_in(opened, "no open runs"))
    if run is None:
        failures += _sweep(opened)
    for failure in failures:
        say(failure.message)
    skipped = BAD if any(recovery.outcome == SKIPPED for recovery in done) else 0
    return max((failure.exit_status for failure in failures), default=skipped)


def _one(store: Store, run: str, *, force: bool) -> Recovery:
    try:
        recovery = store.recover(run, force=force)[0]
    except RunstoneError as exc:
        if exc.code != "run_not_found":
            raise
        return Recovery(store.resolve(run), ALREADY_SEALED)
    if recovery.outcome == ALIVE:
        message = f"the process that records run {recovery.run_id} is alive (--force seals a copy of what it recorded)"
        raise error("run_is_open", message, run_id=recovery.run_id)
    return recovery


def _sweep(store: Store) -> list[RunstoneError]:
    """Remove what dead processes left half made, and say so; answers what kept it from that."""
    try:
        swept = store.sweep()
    except RunstoneError as exc:
        return [exc]
    if swept:
        size = size_text(sum(left.size_bytes for left in swept))
        say(f"removed {count_text(len(swept), 'temporary file')} of dead processes, {size}")
    return []


def _print(done: list[Recovery]) -> None:
    screen = Screen()
    width = max((len(_TEXTS[recovery.outcome][0]) for recovery in done), default=0)
    for recovery in done:
        text, style = _TEXTS[recovery.outcome]
        details = []
        if recovery.outcome == SEALED:
            details = [f"  {recovery.status}, {count_text(recovery.events, 'event')}"]
            details += [f", {size_text(recovery.torn_bytes)} torn"] if recovery.torn_bytes else []
        screen.line(Span(text.ljust(width), style), f"  {recovery.run_id}", *details)
        if recovery.reason is not None:
            screen.wrapped("", [Span(recovery.reason["message"], "warn")], indent=width + 2)
        for path in recovery.lost:
            screen.line(" " * width, Span(f"  lost {path}", "warn"))
