"""`runstone annotate` and `runstone alias`: say something of a sealed run, which stays what it is."""

from __future__ import annotations

from typing import Any

import click

from runstone.cli.parameters import complete_run, json_option, run_argument, store_option
from runstone.cli.rendering import Column, Screen, Span, print_json, say
from runstone.cli.runs import nothing_in
from runstone.cli.sections import what_was_said
from runstone.engine.annotating import told_by
from runstone.engine.reader import Sealed
from runstone.engine.store import Store
from runstone.errors import error
from runstone.locate import open_store


@click.command()
@run_argument()
@click.option("--label", "labels", metavar="KEY=VALUE", multiple=True, help="Give it a label. May be repeated.")
@click.option("--unlabel", metavar="KEY", multiple=True, help="Take a label away. May be repeated.")
@click.option("--note", metavar="TEXT", help="A remark.")
@click.option("--score", "scores", metavar="NAME=NUMBER", multiple=True, help="Give it a score. May be repeated.")
@click.option("--name", metavar="NAME", help="What it is called; an empty NAME takes it away.")
@click.option("--by", metavar="WHO", help="Who says so (default: the user).")
@store_option()
@json_option("Print what was recorded.")
def command(
    run: str,
    labels: tuple[str, ...],
    unlabel: tuple[str, ...],
    note: str | None,
    scores: tuple[str, ...],
    name: str | None,
    by: str | None,
    store: str | None,
    *,
    as_json: bool,
) -> None:
    """Say something of the sealed run RUN: as a sealed run of its own that amends it.

    Lists, queries and `show` tell it with the run, whose own bytes and digest never change. A later annotation wins.
    """
    opened = open_store(store)
    given: dict[str, Any] = {**dict(_pair("--label KEY=VALUE", text) for text in labels), **dict.fromkeys(unlabel)}
    numbers = {key: _number(key, text) for key, text in (_pair("--score NAME=NUMBER", text) for text in scores)}
    sealed = opened.annotate(run, labels=given, note=note, scores=numbers, name=name, by=by)
    _tell(sealed, as_json=as_json)


@click.command()
@click.argument("name", required=False)
@click.argument("run", required=False, shell_complete=complete_run)
@click.option("--remove", is_flag=True, help="Let NAME name no run any more.")
@click.option("--by", metavar="WHO", help="Who says so (default: the user).")
@store_option()
@json_option("Print what was recorded; without arguments a JSON object of run ids by alias.")
def alias(name: str | None, run: str | None, by: str | None, store: str | None, *, remove: bool, as_json: bool) -> None:
    """Let @NAME name RUN from now on, instead of any other run; without arguments list the aliases.

    @NAME stands wherever a RUN does. Who named which run, and when, is told by `show`.
    """
    opened = open_store(store)
    if name is None:
        _list(opened, as_json=as_json)
        return
    if (run is None) != remove:
        raise error("invalid_option", f"say which run @{name} names, or --remove", option="RUN")
    _tell(opened.alias(name.removeprefix("@"), run, by=by), as_json=as_json)


def _list(store: Store, *, as_json: bool) -> None:
    found = store.aliases()
    if as_json:
        print_json(found)
    elif found:
        rows = [[f"@{name}", run_id] for name, run_id in found.items()]
        Screen().listing((Column("ALIAS"), Column("RUN")), rows)
    else:
        say(nothing_in(store, "no aliases"))


def _tell(annotation: Sealed, *, as_json: bool) -> None:
    target = annotation.manifest["links"][0]["run_id"]
    told = told_by(annotation)
    annotation.bundle.close()
    if as_json:
        print_json({**told, "amends": target})
        return
    screen = Screen()
    screen.wrapped("", [Span(target + " ", "bold"), ", ".join(what_was_said(told))], indent=0)


def _pair(usage: str, text: str) -> tuple[str, str]:
    """What stands before and behind the first `=`; `usage` is the option and what it is given."""
    key, mark, value = text.partition("=")
    if not mark or not key:
        option, _, form = usage.partition(" ")
        raise error("invalid_option", f"{option} is {form}; found {text!r}", option=option)
    return key, value


def _number(name: str, text: str) -> float | int:
    for kind in (int, float) if text.isascii() and "_" not in text else ():
        try:
            return kind(text)
        except ValueError:
            continue
    raise error("invalid_option", f"score {name!r} is a number; found {text!r}", option="--score")
