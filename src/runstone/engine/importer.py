"""Import: bring a bundle, or a run that another system recorded, into a store. Bytes are never changed.

- A bundle is verified where it lies, before a byte is written, and what is written is compared with its manifest.
- A foreign run is recorded anew from the original's facts: no time, id or machine of the import enters, so the
  same original gives the same digest everywhere. The originals are kept unchanged beside it.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.core.canonical import canonical_bytes
from runstone.core.digests import PREFIX, digest_of
from runstone.core.events import CLOSED, data_problem, event_line
from runstone.core.journal import Journal, JournalIndex
from runstone.core.limits import MAX_MANIFEST_BYTES
from runstone.core.manifest import FileFact, manifest_bytes, parse_manifest
from runstone.core.values import coerce
from runstone.engine.reader import read_limited
from runstone.engine.sealer import write_documents
from runstone.engine.verifier import FAULT, verify_bundle
from runstone.errors import error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from runstone.core.contract import Contract
    from runstone.core.digests import Digest
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.reader import ContractOf
    from runstone.errors import RunstoneError
    from runstone.ports.objects import Bundle, Committed, Objects


def import_bundle(bundle: Bundle, objects: Objects, contract_of: ContractOf) -> tuple[str, Digest, Committed]:
    """Copy a verified bundle into a store; answers run id, run digest, and whether it was there already.

    Raises `bundle_damaged` with the report in `details`, `run_exists`, or `changed_while_read`.
    """
    report = verify_bundle(bundle, contract_of)
    if not report.ok or report.run_id is None or report.digest is None:
        first = next((finding.message for finding in report.findings if finding.level == FAULT), "it does not verify")
        raise error("bundle_damaged", f"{bundle.location} is not imported: {first}", report=report.as_dict())
    data = read_limited(bundle, layout.MANIFEST, MAX_MANIFEST_BYTES)
    if digest_of(data) != report.digest:
        raise _changed(bundle, layout.MANIFEST)
    stage = objects.stage(report.run_id)
    try:
        for entry in parse_manifest(data)["files"]:
            fact = stage.put(entry["path"], bundle.read(entry["path"]))
            if fact != FileFact(entry["path"], entry["size"], entry["sha256"]):
                raise _changed(bundle, entry["path"])
        stage.put(layout.MANIFEST, [data])
        return report.run_id, report.digest, stage.commit()
    finally:
        stage.discard()


def _changed(bundle: Bundle, path: str) -> RunstoneError:
    return error("changed_while_read", f"{path} in {bundle.location} changed while it was imported", path=path)


class ForeignRun:
    """A run of another system: facts in the original's order, and the files that tell of them.

    `opened` and `closed` are the `data` of the first and last event, `events` what stands between, as (type, data).
    `started` and `ended` are the original's own times in the form of the format.
    """

    def __init__(
        self,
        opened: dict[str, Any],
        events: Iterable[tuple[str, dict[str, Any]]],
        closed: dict[str, Any],
        *,
        started: str,
        ended: str,
        originals: dict[str, bytes],
    ) -> None:
        self.opened = opened
        self.events = events
        self.closed = closed
        self.started = started
        self.ended = max(started, ended)
        self.originals = originals


def import_foreign(
    run: ForeignRun, objects: Objects, contract: Contract, redactor: Redactor
) -> tuple[str, Digest, Committed]:
    """Record and seal a foreign run; answers run id, run digest, and whether it was there already."""
    run_id: str = run.opened["run_id"]
    stage = objects.stage(run_id)
    try:
        lines = _lines(run, redactor)
        stage.put(layout.JOURNAL, lines)
        for name, body in run.originals.items():
            stage.put(layout.original(name), [body])
        whole = b"".join(lines)
        index = JournalIndex()
        index.feed(whole)
        journal = Journal(index, lambda start, end: (whole[start:end],))
        facts = write_documents(stage, contract, journal)
        manifest = stage.put(layout.MANIFEST, [manifest_bytes(journal, facts)])
        return run_id, PREFIX + manifest.sha256, stage.commit()
    finally:
        stage.discard()


def _lines(run: ForeignRun, redactor: Redactor) -> list[bytes]:
    """Journal lines: every time is the original's start, the last one its end."""
    lines: list[bytes] = []
    redacted = dropped = 0
    for kind, data in [("run.opened", run.opened), *run.events]:
        tree, marks = coerce(data)
        tree = redactor.tree(tree, marks)
        problem = data_problem(kind, tree)
        if problem:
            raise error("invalid_event", f"event {kind}: {problem}", type=kind)
        redacted += sum(mark[1].startswith("redacted:") for mark in marks)
        dropped += data["events"] if kind == "dropped" else 0
        lines.append(event_line(kind, canonical_bytes(tree), len(lines), run.started, marks))
    tree, marks = coerce(run.closed)
    tree = redactor.tree(tree, marks)
    tree["redactions"] = redacted + sum(mark[1].startswith("redacted:") for mark in marks)
    tree["dropped"] = dropped
    lines.append(event_line(CLOSED, canonical_bytes(tree), len(lines), run.ended, marks))
    return lines
