"""Read a sealed run: what its manifest says, its documents, its events, its files.

- Nothing here proves anything: that is `engine.verifier`.
- Where a bundle is damaged, so that it cannot be read, the error is `bundle_damaged` and names the place.
"""

from __future__ import annotations

from runstone.core import layout
from runstone.core.contract import Document
from runstone.core.digests import digest_of
from runstone.core.journal import Journal, JournalIndex, LineReader, split_lines
from runstone.core.limits import MAX_DOCUMENT_BYTES, MAX_MANIFEST_BYTES
from runstone.core.manifest import parse_manifest
from runstone.core.outcome import contract_major
from runstone.core.parsing import parse_json
from runstone.engine.current import OfThisProcess
from runstone.engine.damage import Reading, damaged_manifest, wrong_name
from runstone.engine.sealer import open_journal
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Self

    from runstone.core.contract import Contract
    from runstone.core.digests import Digest
    from runstone.core.events import Event
    from runstone.core.manifest import Manifest
    from runstone.ports.objects import Bundle, Objects

    ContractOf = Callable[[str, str | None], Contract]
    """The contract of a name and version (`None`: the newest); raises `unknown_contract`."""


def read_limited(bundle: Bundle, path: str, limit: int) -> bytes:
    """A whole file of a bundle, if it is not over `limit` bytes; raises `too_large`."""
    return b"".join(_limited(bundle.read(path), path, limit))


def _limited(pieces: Iterator[bytes], path: str, limit: int | None) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if limit is not None and size > limit:
            raise error("too_large", f"{path} has more than {limit} bytes", path=path, limit=limit)
        yield piece


class Sealed(OfThisProcess):
    """A sealed run. Attributes come from the manifest; everything is read when it is asked for.

    Every member raises `bundle_damaged` where the bundle is not what the format says and so cannot be read;
    `details` has `path`, `line` in the journal, `reason`, and `cause`, the code of the fault.
    """

    _elsewhere = "hand its `run_id` on, and `get` that from its store there"

    def __init__(self, bundle: Bundle, contract_of: ContractOf, named: tuple[str, ...] = ()) -> None:
        self._bundle = bundle
        self._contract_of = contract_of
        self._named = named or (bundle.location,)
        try:
            data = read_limited(bundle, layout.MANIFEST, MAX_MANIFEST_BYTES)
            self.manifest: Manifest = parse_manifest(data)
        except RunstoneError as exc:
            raise damaged_manifest(bundle, exc, self._named) from exc
        self.digest: Digest = digest_of(data)
        self._opened: Event | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the bundle go: a purge may take it. What is asked for later opens it again, if it is there."""
        self._bundle.rest()

    @property
    def run_id(self) -> str:
        """The run's id."""
        return str(self.manifest["run_id"])

    @property
    def kind(self) -> str:
        """What kind of work it was: a pipeline's id, an agent's name, a mode."""
        return str(self.manifest["kind"])

    @property
    def contract(self) -> str:
        """`<name>/<version>` of the contract that wrote the documents."""
        return f"{self.manifest['contract']['name']}/{self.manifest['contract']['version']}"

    @property
    def status(self) -> str:
        """How the run ended."""
        return str(self.manifest["status"])

    @property
    def opened_at(self) -> str:
        """UTC time of the first event."""
        return str(self.manifest["opened_at"])

    @property
    def closed_at(self) -> str:
        """UTC time of the last event."""
        return str(self.manifest["closed_at"])

    @property
    def outcome_digest(self) -> Digest:
        """Digest of what must reproduce; equal for two runs with the same outcome."""
        return str(self.manifest["outcome_digest"])

    @property
    def path(self) -> str:
        """Where the bundle is."""
        return self._bundle.location

    @property
    def bundle(self) -> Bundle:
        """The files, for reading."""
        return self._bundle

    def reading(self, path: str = layout.JOURNAL) -> Reading:
        """A context manager around a fold of the journal, or whatever else reads the file `path` of this bundle.

        What goes wrong inside becomes `bundle_damaged` if the bundle is damaged, and else stays what it is.
        """
        return Reading(self._bundle, self._contract_of, path, self._named)

    @property
    def opened(self) -> Event:
        """The first event: who was started, by what, with which labels and links."""
        if self._opened is None:
            with self.reading():
                self._opened = LineReader().read(next(split_lines(self._bundle.read(layout.JOURNAL)), b""))
        return self._opened

    @property
    def labels(self) -> dict[str, str]:
        """Labels given at the start."""
        return dict(self.opened["data"]["labels"])

    def journal(self) -> Journal:
        """The journal, indexed, for folds."""
        size = next((entry["size"] for entry in self.manifest["files"] if entry["path"] == layout.JOURNAL), 0)
        with self.reading():
            return open_journal(lambda start, end: self._bundle.read(layout.JOURNAL, start, end), JournalIndex(), size)

    def events(self, *kinds: str) -> Iterator[Event]:
        """Events in order, as recorded; only those of the named types where any is named."""
        with self.reading():
            yield from self.journal().events(*kinds)

    def documents(self, contract: str | None = None) -> Iterator[Document]:
        """All documents of the run's contract, or of another one, folded now from the journal."""
        name, version = self.manifest["contract"]["name"], self.manifest["contract"]["version"]
        if contract is not None:
            name, _, asked = contract.partition("/")
            version = asked or None
        rules = self._contract_of(name, version)
        with self.reading():
            for document in rules.documents(self.journal()):
                yield self._guarded(document)

    def _guarded(self, document: Document) -> Document:
        return Document(document.path, lambda: self._folded(document), document.standing, document.place)

    def _folded(self, document: Document) -> Iterator[bytes]:
        with self.reading():
            yield from document.pieces()

    def document(self, path: str) -> Any:
        """One document of the run's contract: JSON as a value, anything else as text.

        Sealed documents are read from the bundle, derived ones are folded. Raises `file_not_found`, and
        `invalid_json` for a kept file that is none.
        """
        data = self.file(path)
        if not path.endswith(".json"):
            return data.decode("utf-8", "backslashreplace")
        with self.reading(path):
            return parse_json(data)

    def file(self, path: str) -> bytes:
        """The bytes of a file of the bundle or of a derived document; raises `file_not_found`, `too_large`."""
        return b"".join(self.pieces(path, MAX_DOCUMENT_BYTES))

    def pieces(self, path: str, limit: int | None = None) -> Iterator[bytes]:
        """As `file`, piece by piece and of any size."""
        named = path == layout.MANIFEST or any(entry["path"] == path for entry in self.manifest["files"])
        source = self._bundle.read(path) if named else self._derived(path)
        with self.reading(path):
            yield from _limited(source, path, limit)

    def _derived(self, path: str) -> Iterator[bytes]:
        for document in self.documents():
            if document.path == path:
                return document.pieces()
        raise error(
            "file_not_found",
            f"run {self.run_id} has no file {excerpt(path, 200)!r}",
            run_id=self.run_id,
            path=excerpt(path, 200),
        )

    def counts(self) -> dict[str, int]:
        """How many events, checks, files, warnings, dropped events and redactions the run has."""
        with self.reading():
            journal = self.journal()
            closed = journal.closed["data"]
            return {
                "events": journal.index.count,
                "checks": journal.count("check"),
                "files": len(self.manifest["files"]),
                "warnings": journal.index.warnings,
                "dropped": closed["dropped"],
                "redactions": closed["redactions"],
            }

    def _repr_html_(self) -> str:
        from runstone.engine.notebook import sealed_html

        return sealed_html(self)

    def __repr__(self) -> str:
        return f"<Sealed {self.run_id} {contract_major(self.manifest['contract'])} {self.status}>"


def sealed_under(objects: Objects, run_id: str, contract_of: ContractOf, store: str | None = None) -> Sealed:
    """The run that stands in a store under an id; `store` is the URL, for errors that say what to do.

    Raises `run_not_found`, `run_purged`; `bundle_damaged`, also where the bundle there is another run's.
    """
    bundle = objects.open(run_id)
    try:
        sealed = Sealed(bundle, contract_of, () if store is None else (run_id, "--store", store))
        if sealed.run_id != run_id:
            raise wrong_name(sealed.run_id, run_id)
    except BaseException:
        bundle.close()
        raise
    return sealed
