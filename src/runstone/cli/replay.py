"""`runstone replay`: do a recorded run again, its tools answered from the record, and say whether it is the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import click

from runstone.cli.parameters import complete_file, complete_folder, json_option, run_argument, store_option
from runstone.cli.rendering import Cell, Screen, Span, print_json
from runstone.core.diff.page import page
from runstone.engine.age import identities_of
from runstone.engine.replay.replayer import MODES
from runstone.engine.replay.report import Replay
from runstone.engine.replay.stopping import REFUSED
from runstone.locate import hidden, open_store, read_file

DIVERGED: Final = 1
_SIDES: Final = (("then", "expected"), ("now", "found"))
_SHOWN: Final = ("args", "status", "result", "error", "output", "yielded")
_MAX_SHOWN: Final = 300


@click.command()
@run_argument()
@click.option("--mode", metavar="MODE", help=f"{', '.join(MODES)}; without it the record decides.")
@click.option("--live", metavar="NAME", multiple=True, help="A tool or model that is called for real. May be repeated.")
@click.option(
    "--identity",
    metavar="FILE",
    shell_complete=complete_file,
    help="The file of age that opens what debug mode has kept of answers.",
)
@click.option(
    "--scratch",
    metavar="DIR",
    shell_complete=complete_folder,
    help="A folder that the program may write, and that stays.",
)
@click.option("--trust", is_flag=True, help="Start what a run names that was imported.")
@click.option("--network", is_flag=True, help="Let a wrapped command reach the network.")
@store_option()
@json_option("Print what came of it as one JSON object.")
def command(
    run: str,
    mode: str | None,
    live: tuple[str, ...],
    identity: str | None,
    scratch: str | None,
    store: str | None,
    *,
    trust: bool,
    network: bool,
    as_json: bool,
) -> int:
    """Do RUN again, and compare: the program of a run that recorded itself, or a command that was wrapped.

    A program is started as it was, in its folder, in a process that reaches no network, starts no process and writes
    nothing outside of a scratch folder. Its tools are not called: each call is answered as it was then. The first call
    that is another one is shown with both sides, and ends the replay with status 1. A wrapped command runs as it is,
    once the files that it reads have been found unchanged, and without the network where the system allows.

    The replay is a run of its own with a link to RUN. What the program prints goes to standard error.
    """
    opened = open_store(store)
    identities = [] if identity is None else identities_of(read_file(identity), identity)
    options: dict[str, Any] = {"scratch": scratch, "trust": trust, "network": network}
    found = opened.replay(run, mode=mode, live=live, identities=identities, **options)
    if as_json:
        print_json(found.as_dict())
    else:
        _print(Screen(), found)
    return 0 if found.ok else DIVERGED


def _print(screen: Screen, found: Replay) -> None:
    result = Span("same outcome", "good") if found.ok else Span("diverged", "bad")
    screen.line(Span(found.run["run_id"], "bold"), "  ", result)
    screen.facts([(label, [value]) for label, value in _facts(found)])
    if found.divergence is not None:
        screen.heading("FIRST DIVERGENCE", Span(found.divergence["reason"], "bad"))
        screen.wrapped("", [hidden(found.divergence["message"])], indent=2)
        if found.divergence["reason"] != REFUSED:
            for label, member in _SIDES:
                _print_side(screen, label, found.divergence[member])
    if len(found.refused) > 1:
        screen.heading("REFUSED")
        for each in found.refused:
            screen.wrapped("", [hidden(f"{each['kind']}: {each['args']} at {each['where']}")], indent=2)
    if found.same or found.comparison is None or found.replayed is None:
        return
    screen.line()
    if found.divergence is not None:
        words = f"runstone diff {found.run['run_id']} {found.replayed['run_id']} tells all that differs"
        screen.wrapped("", [words], indent=0)
        return
    for line in page(found.comparison, screen.width):
        screen.line(*(Span(text, style) for text, style in line))


def _facts(found: Replay) -> Iterator[tuple[str, str]]:
    yield "replay", "none was begun" if found.replayed is None else found.replayed["run_id"]
    if found.mode is not None:
        yield "mode", found.mode + (f", live: {', '.join(found.live)}" if found.live else "")
    for guard in found.guards:
        reason = f": {guard['reason']}" if guard["reason"] else ""
        yield "guard", f"{guard['name']}{'' if guard['active'] else ' (not active)'}{reason}"
    if found.replayed is not None:
        yield "outcome", found.run["outcome_digest"]
        if not found.same:
            yield "now", found.replayed["outcome_digest"]
    for note in found.notes:
        yield "note", hidden(note)


def _print_side(screen: Screen, label: str, side: dict[str, Any] | None) -> None:
    if side is None:
        cells: list[Cell] = [Span("nothing", "dim")]
    else:
        name = side.get("name") or ""
        where = f"line {side['line']}" if side.get("line") else ""
        told = [f"{part} {_text(side[part])}" for part in _SHOWN if side.get(part) is not None]
        cells = [" ".join(word for word in (side.get("kind", ""), name, side.get("call") or "", where) if word), *told]
    screen.wrapped(Span(f"  {label}", "dim"), [hidden(cell) if isinstance(cell, str) else cell for cell in cells], 8)


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."
