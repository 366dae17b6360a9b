"""A contract for tests, which publishes one document a run: its notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import runstone
from runstone.core.contract import PUBLISHED, Document, json_document
from runstone.core.journal import Journal
from runstone.engine.store import Store
from runstone.locate import contract_of as known_contract

if TYPE_CHECKING:
    from runstone.core.contract import Contract


class Notes:
    """`notes/1`: `run.json` in the bundle, and `notes.txt`, which stands at `<day>/<run_id>.txt`."""

    name = "notes"
    version = "1"

    def documents(self, journal: Journal) -> Iterator[Document]:
        opened = journal.opened
        yield json_document("run.json", {"run_id": opened["data"]["run_id"]}, "pretty-ascii")
        (place,) = self.places(opened["data"]["run_id"], opened["ts"])
        yield Document("notes.txt", lambda: _lines(journal), PUBLISHED, place)

    def places(self, run_id: str, opened_at: str) -> list[str]:
        return [f"{opened_at[:10]}/{run_id}.txt"]


def _lines(journal: Journal) -> Iterator[bytes]:
    yield b"notes:\n"
    for data in journal.data("note"):
        yield f"- {data['text']}\n".encode()


NOTES = Notes()


def contract_of(name: str, version: str | None = None) -> Contract:
    """The contracts that there are, and this one."""
    return NOTES if name == "notes" else known_contract(name, version)


def publishing_store(url: Any) -> Store:
    """A store that knows the contract."""
    store = runstone.open(url)
    store.contract_of = contract_of
    return store


def record(store: Store, run_id: str = "r", *notes: str, **options: Any) -> str | None:
    """A sealed run of it; answers the run digest."""
    run = store.run("work", run_id=run_id, contract="notes", **options)
    for note in notes or ("one", "two"):
        run.note(note)
    return run.finish()
