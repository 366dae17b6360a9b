"""`runstone pack` and `runstone unpack`: move sealed runs between folders and packs."""

from __future__ import annotations

import click

from runstone.cli.ls import QueryCommand, query_text
from runstone.cli.measures import count_text
from runstone.cli.parameters import json_option, store_option
from runstone.cli.progress import Runs
from runstone.cli.rendering import Screen, Span, print_json, say
from runstone.cli.runs import nothing_in, worst
from runstone.core.query import parse_query
from runstone.engine.packer import Move
from runstone.engine.store import Store
from runstone.locate import open_store


@click.command(cls=QueryCommand)
@click.argument("query", nargs=-1)
@store_option()
@json_option("Print what was moved as one JSON object.")
def command(query: tuple[str, ...], store: str | None, *, as_json: bool) -> int:
    """Move sealed runs into packs: those that QUERY fits, or all. A pack holds many runs in one file.

    No byte of a bundle changes, nor a digest, nor what any verb answers. A run that is damaged or being read stays in
    its folder. It may be killed at any moment and run again.
    """
    return _move(open_store(store), "pack", query, as_json=as_json)


@click.command(cls=QueryCommand)
@click.argument("query", nargs=-1)
@store_option()
@json_option("Print what was moved as one JSON object.")
def unpack(query: tuple[str, ...], store: str | None, *, as_json: bool) -> int:
    """Move packed runs into a folder each: those that QUERY fits, or all. The other way round of `pack`."""
    return _move(open_store(store), "unpack", query, as_json=as_json)


def _move(store: Store, verb: str, words: tuple[str, ...], *, as_json: bool) -> int:
    query = query_text(words) if words else None
    if query is not None:
        parse_query(query)  # raises with the column
    with Runs("{} of at most {} runs") as progress:
        moves = (store.pack if verb == "pack" else store.unpack)(query, progress=progress)
    if as_json:
        moved = [move.run_id for move in moves if move.problem is None]
        print_json({"moved": moved, "problems": [move.as_dict() for move in moves if move.problem is not None]})
    else:
        _print(store, verb, moves)
    return worst(move.problem for move in moves)


def _print(store: Store, verb: str, moves: list[Move]) -> None:
    screen = Screen()
    moved = sum(move.problem is None for move in moves)
    if moved:
        screen.line(Span(f"{verb}ed", "good"), f": {count_text(moved, 'run')}")
    for move in moves:
        if move.problem is not None:
            screen.stacked([Span(move.run_id, "bold")], Span("stays", "warn"))
            screen.wrapped("", [move.problem.message], indent=2)
    if not moves:
        say(nothing_in(store, f"nothing to {verb}"))
