"""`runstone export`: a sealed run in a form that travels."""

from __future__ import annotations

import sys
from typing import Final

import click

from runstone.cli.get import STDOUT
from runstone.cli.measures import size_text
from runstone.cli.page import page
from runstone.cli.parameters import complete_file, json_option, run_argument, store_option
from runstone.cli.rendering import Screen, print_json, say
from runstone.cli.runs import sealed_run
from runstone.cli.summary import summarize
from runstone.engine.exporter import export_tar
from runstone.errors import error
from runstone.locate import open_store, write_new

TAR: Final = "tar"
MARKDOWN: Final = "markdown"
_NAMES: Final = {TAR: "archive", MARKDOWN: "page"}


@click.command()
@run_argument()
@click.option(
    "--as", "form", type=click.Choice([TAR, MARKDOWN]), default=TAR, metavar="FORM", help="tar (default) or markdown."
)
@click.option(
    "-o",
    "--output",
    "target",
    metavar="FILE",
    default=STDOUT,
    shell_complete=complete_file,
    help="A new file (default: standard output).",
)
@store_option()
@json_option("Print what was written as JSON; needs -o FILE.")
def command(run: str, form: str, target: str, store: str | None, *, as_json: bool) -> None:
    """Write a run as a tar archive: the same bytes for the same run, whoever exports it and when.

    Plain `tar` reads it, `runstone verify FILE` proves it, `runstone import FILE` brings it into another store.
    A file that exists is never overwritten.

    As markdown it is a page for people, for the summary of a CI job: what was recorded is shown and never obeyed.
    """
    if target == STDOUT and as_json:
        raise error(
            "invalid_option", f"--json says what was written: give -o FILE for the {_NAMES[form]}", option="--json"
        )
    if form == TAR and target == STDOUT and sys.stdout.isatty():
        raise error("invalid_option", "an archive is not for a terminal: give -o FILE, or a pipe", option="-o")
    if not target:
        raise error("invalid_option", "-o is empty: name a new file, or - for standard output", option="-o")
    opened = open_store(store)
    with sealed_run(opened, run) as sealed:
        if opened.journals.debug.names(sealed.run_id):
            say("prompts and answers that debug mode keeps stay in the store")
        pieces = export_tar(sealed) if form == TAR else iter([page(summarize(opened, sealed)).encode()])
        if target == STDOUT:
            sys.stdout.flush()
            sys.stdout.buffer.writelines(pieces)
            return
        size, sha256 = write_new(target, pieces)
        facts = {"run_id": sealed.run_id, "digest": sealed.digest, "as": form, "file": target}
    if as_json:
        print_json({**facts, "size": size, "sha256": sha256})
    else:
        Screen().stacked([f"{target}  {size_text(size)}"], f"sha256 {sha256}")
