"""`runstone contract`: a run's documents, folded now from its journal, by its own contract or another one."""

from __future__ import annotations

import sys
from typing import Any

import click

from runstone.cli.measures import size_text
from runstone.cli.parameters import complete_contract, complete_run, json_option, store_option
from runstone.cli.rendering import Screen, Span, print_json
from runstone.cli.runs import sealed_run
from runstone.core.contract import DERIVED, PUBLISHED, SEALED, Document
from runstone.core.digests import sha256_hex
from runstone.core.manifest import fact_of
from runstone.core.parsing import parse_json
from runstone.engine.reader import Sealed
from runstone.errors import error
from runstone.locate import CONTRACTS, contract_of, open_store


def _names() -> str:
    return ", ".join(f"{name}/{version}" for name, versions in CONTRACTS.items() for version in versions)


@click.command(
    help=f"""Print the documents that contract NAME folds from a run's journal: all, or the one at PATH.

NAME is one of {_names()}; without a version the newest. The run may be of another contract: then these are the
documents that it would have. PATH alone goes into a pipe or file byte by byte."""
)
@click.argument("name", shell_complete=complete_contract)
@click.argument("run", metavar="RUN", shell_complete=complete_run)
@click.argument("path", required=False)
@store_option()
@json_option("Print documents with path, standing, size, sha256 and value as one JSON object.")
def command(name: str, run: str, path: str | None, store: str | None, *, as_json: bool) -> None:
    """Print the documents of a contract."""
    base, _, version = name.partition("/")
    contract = contract_of(base, version or None)
    opened = open_store(store)
    with sealed_run(opened, run) as sealed:
        label = f"{contract.name}/{contract.version}"
        documents = [found for found in contract.documents(sealed.journal()) if path in (None, found.path)]
        if not documents and path is not None:
            raise error(
                "file_not_found", f"{label} folds no {path!r} from run {sealed.run_id}", path=path, contract=label
            )
        if as_json:
            facts = {"run_id": sealed.run_id, "contract": label}
            print_json({**facts, "documents": [_described(document, sealed, label) for document in documents]})
        else:
            _print(documents, sealed, label, alone=path is not None)


def _standing(document: Document, sha256: str, sealed: Sealed, contract: str) -> str:
    """`sealed` where the bundle has these very bytes under that path; `published` where the run's own contract says so;
    else `derived`."""
    if any((entry["path"], entry["sha256"]) == (document.path, sha256) for entry in sealed.manifest["files"]):
        return SEALED
    return PUBLISHED if document.standing == PUBLISHED and sealed.contract == contract else DERIVED


def _described(document: Document, sealed: Sealed, contract: str) -> dict[str, Any]:
    data = b"".join(document.pieces())
    sha256 = sha256_hex(data)
    value = parse_json(data) if document.path.endswith(".json") else data.decode("utf-8", "backslashreplace")
    standing = _standing(document, sha256, sealed, contract)
    return {"path": document.path, "standing": standing, "size": len(data), "sha256": sha256, "value": value}


def _print(documents: list[Document], sealed: Sealed, contract: str, *, alone: bool) -> None:
    screen = Screen()
    for document in documents:
        if alone and not screen.terminal:
            sys.stdout.flush()
            sys.stdout.buffer.writelines(document.pieces())
            continue
        if not alone:
            fact = fact_of(document.path, document.pieces())
            standing = _standing(document, fact.sha256, sealed, contract)
            screen.heading(document.path, Span(f"{standing}, {size_text(fact.size)}", "dim"))
        screen.pieces(document.pieces())
