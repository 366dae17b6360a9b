"""Prove a small bundle at once: rebuild it from its journal and its kept files, and compare bytes.

- The manifest is a fold of the journal and of the size and digest of each other file. So the one that was rebuilt is
  equal to the one in the bundle only if that is canonical, names the files that are there and no other, with their
  sizes and digests, and has the right root and outcome: steps 1, 2, 5, 6 and 8 of the format page in one comparison.
- Each file is read once. What is rebuilt is compared with the bytes that were read.
- The answer is that all is good, or none. What is wrong, and where, is told by the steps of `engine.verifier`, which
  are the oracle of the tests; `ReadOnce` gives them the readings that were made here.
"""

from __future__ import annotations

from itertools import chain

from runstone.core import layout
from runstone.core.contract import PUBLISHED, SEALED
from runstone.core.digests import digest_of, sha256_hex
from runstone.core.events import DROPPED
from runstone.core.evidence import Evidence
from runstone.core.journal import Journal, JournalIndex, LineReader, redactions
from runstone.core.manifest import FileFact, kept_files, manifest_bytes
from runstone.errors import RunstoneError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from runstone.core.contract import Contract, Document
    from runstone.core.digests import Digest
    from runstone.core.events import Event
    from runstone.engine.reader import ContractOf
    from runstone.ports.objects import Bundle, Entry


class Rebuilt:
    """A good bundle: its journal, its contract, its run digest, and the documents that its contract publishes."""

    __slots__ = ("contract", "digest", "journal", "published")

    def __init__(self, journal: Journal, contract: Contract, digest: Digest, published: list[Document]) -> None:
        self.journal = journal
        self.contract = contract
        self.digest = digest
        self.published = published


def prove(files: dict[str, bytes], contract_of: ContractOf) -> Rebuilt | None:
    """What a bundle of these files is, if it is good in all that they tell (steps 1 to 9); otherwise `None`."""
    try:
        return _proved(dict(files), contract_of)
    except (RunstoneError, AttributeError, LookupError, TypeError, ValueError):  # whatever it is, the steps tell
        return None


def _proved(files: dict[str, bytes], contract_of: ContractOf) -> Rebuilt | None:
    manifest, journal = files.pop(layout.MANIFEST), _journal(files.pop(layout.JOURNAL))
    if journal is None:
        return None
    facts = {path: FileFact(path, len(data), sha256_hex(data)) for path, data in files.items()}
    if manifest_bytes(journal, facts.values()) != manifest:
        return None
    kept = kept_files(journal)
    if any(facts.get(path) != fact for path, fact in kept.items()):
        return None
    named = journal.opened["data"]["contract"]
    contract = contract_of(named["name"], named["version"])
    published, expected = [], set(kept)
    for document in contract.documents(journal):
        if document.standing == PUBLISHED:
            published.append(document)
        elif document.standing == SEALED:
            expected.add(document.path)
            if b"".join(document.pieces()) != files.get(document.path):
                return None
    if expected != files.keys() or any(Evidence(contract, journal, set(kept)).unresolved()):
        return None
    return Rebuilt(journal, contract, digest_of(manifest), published)


def _journal(data: bytes) -> Journal | None:
    """A journal whose lines are all good and which counts right (steps 3 and 4). That `run.closed` is there, a journal
    wants, and that nothing follows it, a block of lines."""
    *lines, torn = data.split(b"\n")
    events = None if torn else LineReader().read_block(lines)
    if events is None:
        return None
    index = JournalIndex()
    index.feed(data)
    journal = Journal(index, lambda start, end: (data[start:end],), events)
    return journal if _counts_fit(events, journal.closed["data"]) else None


def _counts_fit(events: list[Event], closed: dict[str, Any]) -> bool:
    dropped: int = sum(event["data"]["events"] for event in events if event["type"] == DROPPED)
    redacted = sum(redactions(event) for event in events if "marks" in event)
    return (dropped, redacted) == (closed["dropped"], closed["redactions"])


class ReadOnce:
    """Port `Bundle`, of one whose files were taken: the next reading of each gives what was read then, or the error."""

    def __init__(self, bundle: Bundle) -> None:
        self.location = bundle.location
        self._bundle = bundle
        self._readings: dict[str, Iterator[bytes]] = {}

    def take(self, entries: Iterable[Entry]) -> dict[str, bytes] | None:
        """The bytes of all files; `None` as soon as one cannot be read or is not as long as it was."""
        files = {}
        for entry in entries:
            pieces, size, source = [], 0, self._bundle.read(entry.path)
            try:
                for piece in source:
                    pieces.append(piece)
                    size += len(piece)
                    if size > entry.size:
                        break
            except RunstoneError as exc:
                source, size = _failing(exc), -1
            self._readings[entry.path] = chain(pieces, source)
            if size != entry.size:
                return None
            files[entry.path] = b"".join(pieces)
        return files

    def entries(self) -> list[Entry]:
        """Every name."""
        return self._bundle.entries()

    def read(self, path: str, start: int = 0, end_exclusive: int | None = None) -> Iterator[bytes]:
        """The file's bytes."""
        taken = None if start or end_exclusive is not None else self._readings.pop(path, None)
        return self._bundle.read(path, start, end_exclusive) if taken is None else taken

    def rest(self) -> None:
        """As the bundle itself."""
        self._bundle.rest()

    def close(self) -> None:
        """As the bundle itself."""
        self._bundle.close()


def _failing(exc: RunstoneError) -> Iterator[bytes]:
    yield from ()
    raise exc
