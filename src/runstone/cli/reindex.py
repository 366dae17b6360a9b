"""`runstone reindex`: make the catalog anew."""

from __future__ import annotations

import click

from runstone.cli.measures import count_text
from runstone.cli.parameters import json_option, store_option
from runstone.cli.progress import reading
from runstone.cli.rendering import Screen, print_json
from runstone.cli.runs import existing
from runstone.locate import open_store


@click.command()
@store_option()
@json_option('Print {"runs": N}.')
def command(store: str | None, *, as_json: bool) -> None:
    """Forget the catalog and read every sealed run into a new one.

    It is seldom needed: a catalog that is missing, torn or old is noticed before any answer. It makes lists right
    again where files of a sealed bundle were changed in place, which a list does not notice.
    """
    opened = existing(open_store(store))
    with reading() as progress:
        count = opened.reindex(progress)
    if as_json:
        print_json({"runs": count})
    else:
        Screen().line(f"{count_text(count, 'run')} read")
