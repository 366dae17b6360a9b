"""Verify: does a bundle prove what it claims?

The numbers are the steps of the format page, section 8, in this order:

0 names, no links, closed world, sizes, limits · 1 manifest canonical · 2 every byte's SHA-256 · 3 every journal
line canonical · 4 `seq`, `ts`, first and last line · 5 Merkle root · 6 manifest rebuilt from the journal ·
7 documents refolded · 8 outcome digest · 9 evidence references resolve · 10 published copies.

- A small bundle that is good is proved at once, by `engine.rebuilding`; the steps below serve every other one, and
  whatever is not good.
- It re-reads bytes and trusts none: no catalog, no network, no code of the writer. The journal is read once for
  its digest, its lines and its tree; folds that read it again get the bytes that were hashed, or a fault.
- Every answer lists what was not checked. A wholly rewritten, consistent bundle is found only with a digest from
  elsewhere, and the answer says so.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.core.contract import PUBLISHED, SEALED
from runstone.core.digests import digest_of, new_hash, parse_digest
from runstone.core.events import CLOSED, DROPPED
from runstone.core.evidence import Evidence
from runstone.core.journal import HELD_BYTES, Journal, JournalIndex, LineReader, redactions, whole_lines
from runstone.core.limits import MAX_FILES, MAX_MANIFEST_BYTES
from runstone.core.manifest import FileFact, fact_of, kept_files, manifest_bytes, parse_manifest
from runstone.core.outcome import outcome_digest
from runstone.core.words import INTERRUPTED
from runstone.engine import publishing
from runstone.engine.damage import wrong_name
from runstone.engine.proved import ProvedFile
from runstone.engine.reader import read_limited
from runstone.engine.rebuilding import ReadOnce, prove
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Final

    from runstone.core.contract import Contract, Document
    from runstone.core.digests import Digest
    from runstone.core.events import Event
    from runstone.core.manifest import Manifest
    from runstone.core.redaction.redactor import Redactor
    from runstone.engine.publishing import Publisher
    from runstone.engine.reader import ContractOf
    from runstone.ports.objects import Bundle, Entry

STEPS: Final = (
    "names, links, closed world, sizes, limits",
    "manifest canonical",
    "every byte's SHA-256",
    "every journal line canonical",
    "seq, ts, first and last line",
    "Merkle root",
    "manifest rebuilt from the journal",
    "documents refolded",
    "outcome digest",
    "evidence references resolve",
    "published copies",
)

_NUMBERED: Final = tuple(f"{step} {what}" for step, what in enumerate(STEPS))

SECRETS: Final = "no secret in any file"
"""What is looked at behind the proof, as step 11, where it is asked for."""

DEBUG_KEPT: Final = "prompts and answers that debug mode keeps: they are encrypted, and outside of the bundle"

FAULT: Final = "fault"
NOTE: Final = "note"


class Finding:
    """One thing found. A `note` does not make a bundle bad."""

    __slots__ = ("code", "expected", "file", "found", "level", "line", "message", "step")

    def __init__(
        self,
        step: int,
        code: str,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        expected: Any = None,
        found: Any = None,
        level: str = FAULT,
    ) -> None:
        self.step = step
        self.code = code
        self.message = message
        self.file = file
        self.line = line
        self.expected = expected
        self.found = found
        self.level = level

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON; `line` only where there is one."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        if fields["line"] is None:
            del fields["line"]
        return fields

    def __repr__(self) -> str:
        return f"<Finding {self.step} {self.code} {self.file or ''}: {self.message}>"


class Report:
    """What verification found. `ok` is true when there is no fault; truthiness is `ok`."""

    def __init__(self) -> None:
        self.run_id: str | None = None
        self.digest: Digest | None = None
        self.checked: list[str] = []
        self.not_checked: list[str] = []
        self.findings: list[Finding] = []

    @property
    def ok(self) -> bool:
        """Whether there is no fault."""
        return not any(finding.level == FAULT for finding in self.findings)

    def __bool__(self) -> bool:
        return self.ok

    def expect_run_id(self, run_id: str) -> None:
        """Report a bundle that stands under another run's name."""
        if self.run_id not in (None, run_id):
            message = str(wrong_name(self.run_id, run_id).details["reason"])
            self.findings.append(Finding(0, "wrong_name", message, expected=self.run_id, found=run_id))

    def as_dict(self) -> dict[str, Any]:
        """The fields, for JSON."""
        return {
            "ok": self.ok,
            "run_id": self.run_id,
            "digest": self.digest,
            "checked": self.checked,
            "not_checked": self.not_checked,
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def __repr__(self) -> str:
        return f"<Report {self.run_id} {'ok' if self.ok else f'{len(self.findings)} findings'}>"


def verify_bundle(
    bundle: Bundle,
    contract_of: ContractOf,
    *,
    quick: bool = False,
    digest: Digest | None = None,
    redactor: Redactor | None = None,
    publisher: Publisher | None = None,
) -> Report:
    """Verify an open bundle. With `quick` only manifest and journal are read; with `digest` the run digest is
    compared with one that the caller has from elsewhere; with `redactor` every file is searched for what it takes
    out; with `publisher` published copies of the store that it stands in are compared. Never raises for what it finds;
    raises `invalid_digest` for a `digest` that is none, and `invalid_option` for a search with `quick`."""
    if digest is not None:
        parse_digest(digest)
    if quick and redactor is not None:
        raise error("invalid_option", "secrets are looked for in every file, and `quick` reads few", option="quick")
    verification = _Verification(bundle, contract_of, publisher, quick=quick)
    try:
        verification.run(digest)
    except RunstoneError as exc:  # the names cannot be listed, or a fold failed: the steps behind it have no ground
        step = verification.step
        verification.fault(step, exc.code, exc.message, file=exc.details.get("path"))
        verification.unchecked(step + 1, f"step {step} could not be finished")
    if redactor is None:
        verification.report.not_checked.append("secrets in the files: nobody looked for them (--secrets)")
    else:
        verification.search(redactor)
    return verification.finished(digest)


class _Verification:
    def __init__(self, bundle: Bundle, contract_of: ContractOf, publisher: Publisher | None, *, quick: bool) -> None:
        self.bundle = bundle
        self.contract_of = contract_of
        self.publisher = publisher
        self.quick = quick
        self.report = Report()
        self.step = 0
        self.manifest: Manifest = {}
        self.manifest_data = b""
        self.facts: dict[str, FileFact] = {}
        self.journal: Journal | None = None
        self.unreadable: RunstoneError | None = None

    def fault(self, step: int, code: str, message: str, **where: Any) -> None:
        self.report.findings.append(Finding(step, code, message, **where))

    def note(self, step: int, code: str, message: str, **where: Any) -> None:
        self.report.findings.append(Finding(step, code, message, level=NOTE, **where))

    def run(self, digest: Digest | None) -> None:
        entries = self.names()
        if self.is_rebuilt(entries, digest):
            return
        if not self.read_manifest():
            self.unchecked(2, "the manifest cannot be read")
            return
        self.closed_world(entries)
        self.compare_digest(digest)
        self.read_files(entries)
        if self.journal is None:
            seen = _NUMBERED[3] in self.report.checked
            self.unchecked(5 if seen else 3, "the journal has faults" if seen else "the journal cannot be read")
            return
        self.fold(self.journal)

    def begin(self, step: int) -> None:
        self.step = step
        self.report.checked.append(_NUMBERED[step])

    def skip(self, step: int, why: str) -> None:
        self.report.not_checked.append(f"{_NUMBERED[step]}: {why}")

    def unchecked(self, first: int, why: str) -> None:
        for step in range(first, len(STEPS)):
            self.skip(step, why)

    def is_rebuilt(self, entries: dict[str, Entry], digest: Digest | None) -> bool:
        """Whether the bundle is small and good, and so all steps are done; else they tell what there is to tell."""
        if self.quick or self.report.findings or sum(entry.size for entry in entries.values()) > HELD_BYTES:
            return False
        self.bundle = ReadOnce(self.bundle)
        files = self.bundle.take(entries.values())
        good = None if files is None else prove(files, self.contract_of)
        if good is None or digest not in (None, good.digest):
            return False
        self.journal, self.report.digest = good.journal, good.digest
        self.report.run_id = good.journal.opened["data"]["run_id"]
        self.report.checked += _NUMBERED[1:10]
        self.compare_copies(good.contract, good.published, good.journal)
        return True

    # 0 names, no links, closed world, sizes, limits

    def names(self) -> dict[str, Entry]:
        self.begin(0)
        entries = {entry.path: entry for entry in self.bundle.entries()}
        for entry in entries.values():
            problem = layout.path_problem(entry.path)
            if entry.kind != "file":
                self.fault(0, "not_a_file", entry.no_file(), file=entry.path, found=entry.kind)
            elif problem:
                self.fault(0, "invalid_path", f"{entry.path!r}: {problem}", file=entry.path)
        if len(entries) > MAX_FILES + 1:
            self.fault(0, "too_large", f"{len(entries)} files; the limit is {MAX_FILES}", found=len(entries))
        try:
            layout.check_distinct(entries)
        except RunstoneError as exc:
            self.fault(0, exc.code, exc.message)
        return entries

    def closed_world(self, entries: dict[str, Entry]) -> None:
        named = {entry["path"]: entry for entry in self.manifest["files"]}
        if len(named) != len(self.manifest["files"]) or layout.MANIFEST in named:
            self.fault(0, "duplicate_file", "the manifest names a file twice, or itself", file=layout.MANIFEST)
        if layout.JOURNAL not in named:
            self.fault(0, "missing_file", "the manifest does not name events.jsonl", file=layout.JOURNAL)
        for path in sorted(set(entries) - set(named) - {layout.MANIFEST}):
            self.fault(0, "extra_file", f"{path} is not in the manifest", file=path)
        for path, entry in named.items():
            if problem := layout.path_problem(path):
                self.fault(0, "invalid_path", f"the manifest names {path!r}: {problem}", file=layout.MANIFEST)
            elif path not in entries:
                self.fault(0, "missing_file", f"{path} is in the manifest and not in the bundle", file=path)
            elif entries[path].kind == "file" and entries[path].size != entry["size"]:
                self.fault(
                    0,
                    "wrong_size",
                    f"{path}: expected {entry['size']} bytes, found {entries[path].size}",
                    file=path,
                    expected=entry["size"],
                    found=entries[path].size,
                )

    # 1 manifest canonical

    def read_manifest(self) -> bool:
        self.begin(1)
        try:
            self.manifest_data = read_limited(self.bundle, layout.MANIFEST, MAX_MANIFEST_BYTES)
            self.manifest = parse_manifest(self.manifest_data)
        except RunstoneError as exc:
            code = "missing_file" if exc.code == "file_not_found" else exc.code
            self.fault(1, code, f"manifest.json: {exc.message}", file=layout.MANIFEST, line=exc.details.get("line"))
            return False
        self.report.run_id = self.manifest["run_id"]
        self.report.digest = digest_of(self.manifest_data)
        return True

    def compare_digest(self, digest: Digest | None) -> None:
        found = self.report.digest
        if digest is not None and digest != found:
            message = f"expected run digest {digest}, found {found}"
            self.fault(1, "digest_mismatch", message, file=layout.MANIFEST, expected=digest, found=found)

    # 2 every byte's SHA-256; 3 every journal line canonical; 4 seq, ts, first and last line

    def read_files(self, entries: dict[str, Entry]) -> None:
        self.begin(2)
        skipped = []
        for entry in self.manifest["files"]:
            path = entry["path"]
            if path not in entries or entries[path].kind != "file":
                continue
            if self.quick and path != layout.JOURNAL:
                skipped.append(path)
                self.facts[path] = FileFact(path, entry["size"], entry["sha256"])
                continue
            try:
                if path == layout.JOURNAL:
                    self.read_journal(entry)
                else:
                    self.read_file(entry)
            except RunstoneError as exc:  # this file cannot be read: what it says is then taken from the manifest
                code = "missing_file" if exc.code == "file_not_found" else exc.code
                self.fault(2, code, exc.message, file=path)
                self.facts[path] = FileFact(path, entry["size"], entry["sha256"])
        if skipped:
            self.skip(2, f"--quick did not read {', '.join(skipped)}")

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        """The bundle's bytes; an error of reading them is remembered, to be told from one of what they say."""
        try:
            yield from self.bundle.read(path, start, end_exclusive)
        except RunstoneError as exc:
            self.unreadable = exc
            raise

    def read_file(self, entry: dict[str, Any]) -> None:
        fact = self.facts[entry["path"]] = fact_of(entry["path"], self.read(entry["path"]))
        self.compare_sha256(entry, fact.sha256)

    def compare_sha256(self, entry: dict[str, Any], found: str) -> None:
        if found == entry["sha256"]:
            return
        path, expected = entry["path"], entry["sha256"]
        where = {"file": path, "expected": expected, "found": found}
        message = f"{path}: expected sha256 {expected}, found {found}"
        again, crlf = self.unix_sha256(path)
        if again != expected:
            self.fault(2, "wrong_sha256", message, **where)
        elif crlf:
            message += " (only its line ends were changed: a checkout or an editor made them CRLF)"
            self.fault(2, "line_ends_changed", message, **where)
        else:
            message += " (and the right one a moment later: it changes while it is verified)"
            self.fault(2, "changed_while_read", message, **where)

    def unix_sha256(self, path: str) -> tuple[str, bool]:
        """The digest of a file, read once more, with each CR LF as LF; and whether there was one."""
        digest, held, crlf = new_hash(), b"", False
        for chunk in self.read(path):
            text = held + chunk
            held = b"\r" if text.endswith(b"\r") else b""
            crlf = crlf or b"\r\n" in text
            digest.update(text[: len(text) - len(held)].replace(b"\r\n", b"\n"))
        digest.update(held)
        return digest.hexdigest(), crlf

    def read_journal(self, entry: dict[str, Any]) -> None:
        file = ProvedFile(lambda start, end: self.read(layout.JOURNAL, start, end), layout.JOURNAL)
        source = file.first()
        events: list[Event] = []
        index = self.read_lines(whole_lines(source), JournalIndex(file.digest), events)
        self.report.checked += _NUMBERED[3:5]
        for _ in source:  # what stands behind a faulty line counts for the digest as well
            pass
        self.compare_sha256(entry, file.sha256())
        if index is not None:
            self.journal = Journal(index, file.again, events)

    def read_lines(self, blocks: Iterable[bytes], index: JournalIndex, events: list[Event]) -> JournalIndex | None:
        """The index of a journal without faults, and the events of a small one; the first fault is reported."""
        reader = LineReader()
        counts = {"redactions": 0, "dropped": 0}
        last: Event = {"type": None}
        try:
            for block in blocks:
                *lines, torn = block.split(b"\n")
                found = self.read_block(reader, lines, last, counts)
                if found is None:
                    self.line_after_close(reader)
                    return None
                if index.size + len(block) <= HELD_BYTES:
                    events += found
                if torn:
                    raise error("invalid_json", "the line has no LF at its end")
                index.feed(block)
                last = found[-1]
        except RunstoneError as exc:
            if exc is self.unreadable:
                raise
            if last["type"] == CLOSED:
                self.line_after_close(reader)
                return None
            step = 4 if exc.code == "invalid_event" else 3
            self.bad_line(step, exc.code, exc.message, reader.next_seq + 1)
            return None
        if last["type"] != CLOSED or reader.next_seq < 2:
            self.bad_line(4, "not_closed", "the last line is not run.closed", reader.next_seq)
            return None
        self.compare_counts(last["data"], counts)
        return index

    def read_block(
        self, reader: LineReader, lines: list[bytes], last: Event, counts: dict[str, int]
    ) -> list[Event] | None:
        """The events of some lines, counted; `None` if one follows `run.closed`."""
        events = None if last["type"] == CLOSED else reader.read_block(lines)
        if events is None:
            events = []
            for line in lines:
                if last["type"] == CLOSED:
                    return None
                last = reader.read_text(line)
                events.append(last)
        for event in events:
            if "marks" in event:
                counts["redactions"] += redactions(event)
            if event["type"] == DROPPED:
                counts["dropped"] += event["data"]["events"]
        return events

    def line_after_close(self, reader: LineReader) -> None:
        """Whatever stands there, whole or not."""
        self.bad_line(4, "event_after_close", "a line follows run.closed", reader.next_seq + 1)

    def bad_line(self, step: int, code: str, message: str, number: int) -> None:
        message = f"events.jsonl, line {number}: {message}"
        self.fault(step, code, message, file=layout.JOURNAL, line=number)

    def compare_counts(self, closed: dict[str, Any], counts: dict[str, int]) -> None:
        for name, found in counts.items():
            if closed[name] != found:
                message = f"run.closed counts {closed[name]} {name}, the journal has {found}"
                self.fault(4, "wrong_count", message, file=layout.JOURNAL, expected=found, found=closed[name])

    # 5 Merkle root; 6 manifest rebuilt; 7 documents refolded; 8 outcome digest; 9 evidence; 10 published copies

    def fold(self, journal: Journal) -> None:
        kept = kept_files(journal)
        rebuilt = manifest_bytes(journal, self.facts.values())
        same = rebuilt == self.manifest_data  # then everything that the journal tells the manifest is right
        self.begin(5)
        if not same:
            self.compare(5, "wrong_root", "events.root", journal.index.root(), self.manifest["events"]["root"])
        self.begin(6)
        self.compare_kept(kept)
        if not same:
            message = "manifest.json is not what the journal and the files give"
            where = {"expected": digest_of(rebuilt), "found": self.report.digest}
            self.fault(6, "wrong_manifest", message, file=layout.MANIFEST, **where)
        contract, published = self.contract(journal), []
        if contract is None or self.quick:
            why = "--quick reads manifest and journal only" if self.quick else "the contract is not known here"
            self.skip(7, why)
        else:
            self.begin(7)
            published = self.refold(contract, journal, {layout.JOURNAL, *kept})
        self.begin(8)
        if not same:
            self.compare(8, "wrong_outcome", "outcome_digest", outcome_digest(journal), self.manifest["outcome_digest"])
        if contract is None or self.quick:
            self.skip(9, "needs the documents")
        else:
            self.begin(9)
            self.resolve_evidence(contract, journal, set(kept))
        if contract is not None and self.quick:
            published = [document for document in contract.documents(journal) if document.standing == PUBLISHED]
        self.compare_copies(contract, published, journal)

    def compare(self, step: int, code: str, what: str, expected: Any, found: Any) -> None:
        if expected != found:
            message = f"{what}: the journal gives {expected}, the manifest says {found}"
            self.fault(step, code, message, file=layout.MANIFEST, expected=expected, found=found)

    def compare_kept(self, kept: dict[str, FileFact]) -> None:
        for path, fact in kept.items():
            if path not in self.facts:
                self.fault(6, "missing_file", f"the journal keeps {path}, the bundle does not", file=path)
            elif self.facts[path] != fact:
                message = f"{path} is not the file that its event names"
                self.fault(6, "wrong_sha256", message, file=path, expected=fact.sha256, found=self.facts[path].sha256)

    def contract(self, journal: Journal) -> Contract | None:
        named = journal.opened["data"]["contract"]
        try:
            return self.contract_of(named["name"], named["version"])
        except RunstoneError:
            return None

    def refold(self, contract: Contract, journal: Journal, expected: set[str]) -> list[Document]:
        """Compare the documents that stand in the bundle; answers those that are published."""
        published = []
        for document in contract.documents(journal):
            if document.standing == PUBLISHED:
                published.append(document)
            if document.standing != SEALED:
                continue
            expected.add(document.path)
            if document.path not in self.facts:
                self.fault(7, "missing_file", f"the contract's {document.path} is missing", file=document.path)
            elif fact_of(document.path, document.pieces()) != self.facts[document.path]:
                self.fault(7, "wrong_document", f"{document.path} is not what the journal gives", file=document.path)
        for path in sorted(set(self.facts) - expected):
            self.fault(7, "extra_file", f"{path} is neither a document of the contract nor a kept file", file=path)
        return published

    def resolve_evidence(self, contract: Contract, journal: Journal, kept: set[str]) -> None:
        evidence = Evidence(contract, journal, kept)
        lenient = journal.closed["data"]["status"] == INTERRUPTED or evidence.says_failed
        for check, reference in evidence.unresolved():
            report = self.note if lenient else self.fault
            report(
                9,
                "evidence_unresolved",
                f"check {check}: {reference!r} does not resolve",
                file=layout.JOURNAL,
                found=reference,
            )

    def compare_copies(self, contract: Contract | None, published: list[Document], journal: Journal) -> None:
        """Step 10, where the contract publishes and the bundle stands in a store."""
        if contract is None or not published:
            self.skip(10, "the contract is not known here" if contract is None else "the contract publishes none")
        elif self.quick or self.publisher is None:
            why = "--quick reads manifest and journal only" if self.quick else "the bundle is not in a store"
            self.skip(10, why)
        else:
            self.begin(10)
            for document in published:
                self.compare_copy(self.publisher, document, journal.opened["data"]["run_id"])

    def compare_copy(self, publisher: Publisher, document: Document, run_id: str) -> None:
        place = document.place
        try:
            state = publisher.state(document, run_id)
        except RunstoneError as exc:
            self.fault(10, exc.code, f"the published copy {place}: {exc.message}", file=place)
            return
        if state == publishing.MISSING:
            self.note(
                10, "repairable", f"the published copy {place} is missing; `runstone recover` makes it", file=place
            )
        elif state == publishing.WITHDRAWN:
            message = f"the published copy {place} was withdrawn and stands; `runstone recover` removes it"
            self.note(10, "repairable", message, file=place)
        elif state == publishing.DIFFERENT:
            self.fault(10, "wrong_copy", f"the published copy {place} is not what the journal gives", file=place)

    # 11, which proves nothing of the bundle: a secret was sealed as it stands

    def search(self, redactor: Redactor) -> None:
        from runstone.engine.bundle_search import secrets_in

        self.report.checked.append(f"{len(STEPS)} {SECRETS}")
        for path, line, rule, message in secrets_in(self.bundle, redactor):
            if rule is None:
                self.report.not_checked.append(f"{len(STEPS)} {SECRETS}: {message}")
            else:
                self.fault(11, "secret_found", message, file=path, line=line, found=rule)

    def finished(self, digest: Digest | None) -> Report:
        if digest is None:
            self.report.not_checked.append(
                "that this is the bundle that was sealed, and not a rewritten one: compare the run digest with one "
                "kept elsewhere (--digest)"
            )
        if self.journal is not None and "imported" in self.journal.opened["data"]:
            self.report.not_checked.append("imported: not recorded here, so it is what its original told")
        self.report.not_checked.append("who sealed it: bundles of this format carry no signature")
        self.journal = None  # which reads by way of this object: what it holds is let go at once
        return self.report
