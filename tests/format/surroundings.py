"""Where golden runs are recorded: the kernel over fakes, so that the same recipe always gives the same bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runstone.adapters.memory.adapter import MemoryJournals, MemoryObjects
from runstone.adapters.memory.catalog import MemoryCatalog
from runstone.core.contract import json_document
from runstone.core.redaction.redactor import DECLARED, Redactor
from runstone.core.redaction.rule import Rule
from runstone.core.redaction.ruleset import ruleset_of
from runstone.engine.live import forget
from runstone.engine.store import Store
from runstone.locate import contract_of
from runstone.testing.fakes import FixedClock, FixedEntropy, FixedHost

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

    from runstone.core.contract import Contract, Document
    from runstone.core.journal import Journal
    from runstone.engine.recorder import Run
    from runstone.ports.journals import Journals
    from runstone.ports.objects import Bundle, Objects

    Files = dict[str, bytes]

GENERATOR: Final = {"name": "runstone", "version": "0.1.0"}
"""Frozen: a new release must not change a golden bundle."""

RULES: Final = ruleset_of(
    (
        Rule(
            "example-token",
            "a token of the goldens' own",
            r"tok_[a-z0-9]{8}",
            ("tok_",),
            example="tok_1234abcd",
            counter="tok_1234",
            source="made up for the golden bundles",
        ),
    )
)
"""One rule of the goldens' own: the rules that ship may grow without changing a golden bundle."""


class GoldenRedactor(Redactor):
    """The real redactor with the goldens' rule, under a name of its own."""

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__(dict.fromkeys(secrets, DECLARED), ruleset=RULES)

    @property
    def ruleset(self) -> dict[str, Any]:
        return {"name": "golden", "sha256": "0" * 64}


class Elsewhere:
    """A contract that only these recipes know: what a bundle of somebody else's contract looks like to a reader."""

    name: Final = "elsewhere"
    version: Final = "7.2"

    def documents(self, journal: Journal) -> Iterator[Document]:
        yield json_document("elsewhere.json", {"kind": journal.opened["data"]["kind"]}, "py-pretty-utf8")


def golden_contract_of(name: str, version: str | None = None) -> Contract:
    """The contracts that ship, and `elsewhere`."""
    return Elsewhere() if name == Elsewhere.name else contract_of(name, version)


class GoldenStore(Store):
    """The real store with the goldens' redactor."""

    def redactor(self, secrets: Iterable[str] = ()) -> Redactor:
        return GoldenRedactor(secrets)


class Surroundings:
    """One recipe's surroundings: a clock that it moves, a host, and a store to record in."""

    def __init__(self, name: str, objects: Objects | None = None, journals: Journals | None = None) -> None:
        self.name = name
        self.clock = FixedClock()
        memory = MemoryObjects()
        self.objects = objects or memory
        self.journals = journals or MemoryJournals(memory)

    def store(self, **host: Any) -> GoldenStore:
        """The store as a process on the described host opens it."""
        facts = FixedHost(**host)
        ports = (self.objects, self.journals, facts, self.clock, FixedEntropy())
        return GoldenStore("golden:", *ports, golden_contract_of, GENERATOR, lambda: [MemoryCatalog()])

    def run(self, kind: str = "golden", *, host: dict[str, Any] | None = None, **options: Any) -> Run:
        """A run under the recipe's name."""
        return self.store(**(host or {})).run(kind, **{"run_id": self.name, **options})

    def left_behind(self, run: Run, torn: bytes = b"", kept: dict[str, bytes] | None = None) -> Files:
        """The run's process dies: a torn line and files without events stay. Answers the open run's files."""
        journal = run.writer.journal
        for path, body in (kept or {}).items():
            journal.keep(path, [body])
        if torn:
            journal.append(torn)
        run.writer.become_inert()
        forget(run)
        journal.close()
        left = self.journals.read(run.run_id)
        files = {path: b"".join(left.read_kept(path)) for path in left.kept()}
        return {"events.jsonl": b"".join(left.read()), **files}

    def sealed(self, run_id: str | None = None) -> Files:
        """The files of the bundle that the recipe made."""
        return bundle_files(self.objects.open(run_id or self.name))


def bundle_files(bundle: Bundle) -> Files:
    """Every file of a bundle, path to bytes."""
    try:
        return {entry.path: b"".join(bundle.read(entry.path)) for entry in bundle.entries()}
    finally:
        bundle.close()
