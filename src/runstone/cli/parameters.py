"""Arguments and options that several verbs share, so that each is spelled, explained and completed once."""

from __future__ import annotations

from typing import Any

import click
from click.shell_completion import CompletionItem

from runstone.errors import RunstoneError

MAX_COMPLETIONS = 200


def complete_run(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the store's runs that begin with what was typed, and `@latest`."""
    from runstone.locate import open_store

    try:
        store = open_store(context.params.get("store"))
        ids = sorted({*store.objects.run_ids(), *store.journals.open_ids()})
    except RunstoneError:
        return []
    found = [name for name in ["@latest", *ids] if name.startswith(incomplete)]
    return [CompletionItem(name) for name in found[:MAX_COMPLETIONS]]


def run_argument(*, required: bool = True) -> Any:
    """The argument RUN."""
    return click.argument("run", metavar="RUN", required=required, shell_complete=complete_run)


def store_option() -> Any:
    """`--store URL`."""
    return click.option("--store", metavar="URL", help="The store: a path or URL (default: RUNSTONE_STORE, else ./runs).")


def json_option(what: str = "Print JSON.") -> Any:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help=what)
