"""`runstone diff`: what differs between two runs, or between several and one baseline."""

from __future__ import annotations

import click

from runstone.cli.parameters import complete_run, json_option, store_option
from runstone.cli.rendering import Screen, Span, print_json
from runstone.cli.runs import sealed_or_path
from runstone.core.diff.page import page
from runstone.engine.comparer import compare_opened
from runstone.locate import open_store

DIFFERS = 1


@click.command()
@click.argument("a", metavar="A", shell_complete=complete_run)
@click.argument("b", metavar="B...", nargs=-1, required=True, shell_complete=complete_run)
@click.option("--exit-code", is_flag=True, help="End with status 1 if anything differs.")
@store_option()
@json_option("Print the comparison as one JSON object.")
def command(a: str, b: tuple[str, ...], store: str | None, *, exit_code: bool, as_json: bool) -> int:
    """Tell what differs between run A and run B: the outcome first, then only what is not the same.

    A and B are RUNs of the store or PATHs of bundles: folders, tar or zip archives. A run of the store comes first;
    write ./NAME for a folder in the working directory.

    \b
      *  makes the outcome another one
      +  B alone has it
      -  A alone has it
      ~  both, not the same

    JOURNAL names the first event that differs; times, durations, ids and hosts do not count.
    With more than one B there is a table: what differs from A in one of them, a column each.
    """
    opened = open_store(store)
    comparison = compare_opened(lambda name: sealed_or_path(opened, name), [a, *b], opened.annotations)
    if as_json:
        print_json(comparison.as_dict())
    else:
        screen = Screen()
        for line in page(comparison, screen.width):
            screen.line(*(Span(text, style) for text, style in line))
    differs = any(other.differences for other in comparison.all())
    return DIFFERS if exit_code and differs else 0
