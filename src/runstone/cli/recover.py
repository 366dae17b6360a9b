"""`runstone recover`: seal what dead processes left."""

from __future__ import annotations

from typing import Final

import click

from runstone.cli.measures import count_text, size_text
from runstone.cli.parameters import json_option, run_argument, store_option
from runstone.cli.rendering import Screen, Span, print_json, say
from runstone.cli.runs import nothing_in
from runstone.engine.recoverer import ALIVE, ALREADY_SEALED, NEVER_OPENED, SEALED, Recovery
from runstone.engine.store import Store
from runstone.errors import RunstoneError, error
from runstone.locate import open_store

_TEXTS: Final = {
    SEALED: ("sealed", "good"),
    ALREADY_SEALED: ("sealed before", "dim"),
    NEVER_OPENED: ("nothing recorded", "dim"),
    ALIVE: ("alive, left alone", "live"),
}


@click.command()
@run_argument("[RUN]")
@click.option("--force", is_flag=True, help="Also runs whose process is alive: a copy of what they recorded is sealed.")
@store_option()
@json_option("Print the outcomes as a JSON list.")
def command(run: str | None, store: str | None, *, force: bool, as_json: bool) -> int:
    """Seal RUN, or every open run, whose process died: as `interrupted`, with every whole line that it recorded.

    A run whose process is alive is left alone. Running this twice, or twice at once, changes nothing.
    """
    opened = open_store(store)
    if run is not None:
        done = [_one(opened, run, force=force)]
        failures: list[RunstoneError] = []
    else:
        done, failures = _all(opened, force=force)
    if as_json:
        print_json([recovery.as_dict() for recovery in done])
    else:
        _print(done)
        if not done and not failures:
            say(nothing_in(opened, "no open runs"))
    for failure in failures:
        say(failure.message)
    return max((failure.exit_status for failure in failures), default=0)


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


def _all(store: Store, *, force: bool) -> tuple[list[Recovery], list[RunstoneError]]:
    """Every open run; one that cannot be sealed keeps none of the others from it."""
    done, failures = [], []
    for run_id in store.journals.open_ids():
        try:
            done += store.recover(run_id, force=force)
        except RunstoneError as exc:
            failures.append(exc)
    return done, failures


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
        for path in recovery.lost:
            screen.line(" " * width, Span(f"  lost {path}", "warn"))
