"""Arguments and options that several verbs share, so that each is spelled, explained and completed once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from runstone.cli import options
from runstone.errors import RunstoneError

MAX_COMPLETIONS: Final = 200

_Callback = TypeVar("_Callback", bound=Callable[..., Any])


def complete_run(context: click.Context, _: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """`@latest`, the aliases and the ids of the store's runs that begin with what was typed, those made last first."""
    from runstone.locate import open_store

    try:
        store = open_store(context.params.get("store"))
        ids = sorted({*store.objects.run_ids(), *store.journals.open_ids()}, reverse=True)
        named = [f"@{alias}" for alias in store.aliases()] if incomplete[:1] in ("", "@") else []
    except RunstoneError:
        return []
    found = [name for name in ["@latest", *named, *ids] if name.startswith(incomplete)]
    return [CompletionItem(name) for name in found[:MAX_COMPLETIONS]]


def complete_file(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shell's own completion of file names."""
    return [CompletionItem(incomplete, type="file")]


def complete_folder(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The shell's own completion of folder names."""
    return [CompletionItem(incomplete, type="dir")]


def complete_run_or_file(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """As `complete_run`; where no run fits, file names."""
    return complete_run(context, parameter, incomplete) or complete_file(context, parameter, incomplete)


def complete_contract(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of contracts; with a version once its `/` was typed."""
    from runstone.locate import CONTRACTS

    return _contracts(CONTRACTS, incomplete)


def complete_contract_of_command(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """As `complete_contract`, of those under which a command is recorded."""
    return _contracts(options.CONTRACTS, incomplete)


def _contracts(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    from runstone.locate import CONTRACTS

    whole = [f"{name}/{version}" for name in names for version in CONTRACTS[name]]
    return [CompletionItem(name) for name in (whole if "/" in incomplete else names) if name.startswith(incomplete)]


def run_argument(metavar: str = "RUN") -> Callable[[_Callback], _Callback]:
    """The argument RUN; one in brackets may be left out, one that says PATH may be a path."""
    complete = complete_run_or_file if "PATH" in metavar else complete_run
    return click.argument("run", metavar=metavar, required=not metavar.startswith("["), shell_complete=complete)


def store_option() -> Callable[[_Callback], _Callback]:
    """`--store URL`."""
    return click.option(
        "--store",
        metavar="URL",
        shell_complete=complete_folder,
        help="The store: a path or URL (default: RUNSTONE_STORE, else ./runs).",
    )


def json_option(what: str) -> Callable[[_Callback], _Callback]:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help=what)
