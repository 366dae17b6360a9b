"""Arguments and options that several verbs share, so that each is spelled, explained and completed once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from runstone.errors import RunstoneError

MAX_COMPLETIONS: Final = 200

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


def complete_run(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Ids of the store's runs that begin with what was typed, `@latest` and the aliases."""
    from runstone.locate import open_store

    try:
        store = open_store(context.params.get("store"))
        ids = sorted({*store.objects.run_ids(), *store.journals.open_ids()})
        named = [f"@{alias}" for alias in store.aliases()] if incomplete[:1] in ("", "@") else []
    except RunstoneError:
        return []
    found = [name for name in ["@latest", *named, *ids] if name.startswith(incomplete)]
    return [CompletionItem(name) for name in found[:MAX_COMPLETIONS]]


def run_argument(metavar: str = "RUN") -> Callable[[_Callback], _Callback]:
    """The argument RUN; one in brackets may be left out."""
    return click.argument("run", metavar=metavar, required=not metavar.startswith("["), shell_complete=complete_run)


def store_option() -> Callable[[_Callback], _Callback]:
    """`--store URL`."""
    return click.option(
        "--store", metavar="URL", help="The store: a path or URL (default: RUNSTONE_STORE, else ./runs)."
    )


def json_option(what: str) -> Callable[[_Callback], _Callback]:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help=what)
