"""The store of run artifacts: a Runstone store in `<runs_dir>/.runstone/store`, documents at `<runs_dir>/<day>/`.

- Without a folder it is `RMOS_RUNS_DIR`, read at each call, else `services/api/data/runs/rmos` below the working
  directory.
- A run that was deleted is not listed and not found here; the sealed bundle stays until a purge takes it.
"""

from __future__ import annotations

import os

from runstone.contracts.rmos import layout
from runstone.contracts.rmos.document import NAME
from runstone.core.layout import INNER_STORE
from runstone.core.parsing import parse_json
from runstone.engine.damage import prove
from runstone.engine.publishing import publisher_of
from runstone.errors import NotFound, RunstoneError, error, excerpt
from runstone.locate import open_store, packs_by_default

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any, Final

    from runstone.contracts.rmos.attachments import Attachment, Checked
    from runstone.contracts.rmos.index import Asked, Rows
    from runstone.contracts.rmos.models import RunArtifact
    from runstone.core.digests import Digest
    from runstone.engine.reader import Sealed
    from runstone.engine.store import Store
    from runstone.ports.objects import Committed

RUNS_DIR_SETTING: Final = "RMOS_RUNS_DIR"


class RunStore:
    """Where run artifacts are. Nothing is written by making one. Safe to share between threads.

    With `packed` what is recorded at a gate goes into packs; where it is not given, `RUNSTONE_PACKED` decides.
    """

    def __init__(self, runs_dir: str | os.PathLike[str] | None = None, *, packed: bool | None = None) -> None:
        self._given = None if runs_dir is None else os.fspath(runs_dir)
        self._packed = packed
        self._stores: dict[str, Store] = {}

    @property
    def runs_dir(self) -> Path:
        """The folder that readers know, absolute."""
        from pathlib import Path

        named = self._given or os.environ.get(RUNS_DIR_SETTING) or layout.DEFAULT_RUNS_DIR
        return Path(os.path.abspath(os.path.expanduser(named)))

    @property
    def store(self) -> Store:
        """The store below."""
        place = os.path.join(self.runs_dir, *INNER_STORE.split("/"))
        found = self._stores.get(place)
        if found is None:
            packed = packs_by_default() if self._packed is None else self._packed
            found = self._stores.setdefault(place, open_store(place, packed=packed))
        return found

    def new_run_id(self) -> str:
        """A new run id: 32 hexadecimal digits."""
        return self.store.entropy.random_bytes(16).hex()

    # write

    def write_artifact(self, artifact: RunArtifact | Mapping[str, Any]) -> Path:
        """Record, seal and publish a run as a whole; answers where its document stands.

        `created_at_utc` becomes the moment at which it is recorded. A hash that is told must be that of the content
        beside it, that of the feasibility has to be told, and others that are null are made; so are G-code and plan
        that are too long for the document: they become files of the bundle, which it names. Raises `invalid_option`,
        `run_exists`, `not_json`, `lone_surrogate`, `too_large`, `published_conflict` where something stands at the
        place of the document, and what a strict run raises. One that was sealed and could not be published is a run:
        recovery publishes it.
        """
        from runstone.contracts.rmos.writing import write_artifact

        return self.path(write_artifact(self.store, artifact))

    def import_runs(self, path: str | os.PathLike[str]) -> list[tuple[str, Digest, Committed]]:
        """Bring in run artifacts of another writer: a folder of `<date>/<run_id>.json`, or one file `{run_id: run}`.

        Answers run id, run digest and whether it was there, for each. See `runstone.contracts.rmos.importing`.
        """
        from runstone.contracts.rmos.importing import import_runs

        return import_runs(path, self.store)

    # read

    def sealed(self, run_id: str) -> Sealed:
        """The sealed run of exactly this id. Raises `run_not_found`, also for one that was deleted, or is none of this
        contract."""
        from runstone.engine.reader import sealed_under

        store = self.store
        found = sealed_under(store.objects, run_id, store.contract_of, store.url)
        if not found.contract.startswith(f"{NAME}/") or publisher_of(store).withdrawn(found.run_id) is not None:
            raise error(
                "run_not_found", f"no run {excerpt(run_id, 140)!r} in {self.runs_dir}", run_id=excerpt(run_id, 140)
            )
        found.bundle.rest()  # a run that is only named keeps no purge waiting
        return found

    def digest_of(self, run_id: str) -> Digest | None:
        """The run digest of a run that is here; `None` where none is."""
        try:
            return self.sealed(run_id).digest
        except RunstoneError:
            return None

    def path(self, run_id: str) -> Path:
        """Where the document of a run stands. Raises `unknown_contract` for one of another version, and as `sealed`."""
        from pathlib import Path

        sealed = self.sealed(run_id)
        found = publisher_of(self.store).locations(sealed)
        if not found:
            raise error("unknown_contract", f"run {run_id} is of contract {sealed.contract}", run_id=run_id)
        return Path(found[0])

    def prove(self, run_id: str) -> None:
        """Raise `bundle_damaged` where a run is not what was sealed: manifest and journal are proved, the bytes of its
        other files are not read. Else as `sealed`."""
        try:
            sealed = self.sealed(run_id)
        except NotFound as exc:
            if exc.code != "file_not_found":
                raise
            raise error("bundle_damaged", f"run {run_id} is damaged: {exc.message}", run_id=run_id) from exc
        try:
            prove(sealed.bundle, self.store.contract_of)
        finally:
            sealed.bundle.rest()

    def read(self, run_id: str) -> bytes:
        """The document, folded from the sealed run: what stands at `path` is no proof of itself. Errors as `sealed`."""
        sealed = self.sealed(run_id)
        try:
            return sealed.file(layout.RUN)
        finally:
            sealed.bundle.rest()

    def document(self, run_id: str) -> dict[str, Any]:
        """The document as a value. Errors as `sealed`."""
        found: dict[str, Any] = parse_json(self.read(run_id))
        return found

    def get(self, run_id: str) -> RunArtifact:
        """The document as a model. Errors as `sealed`, and `missing_extra`; pydantic's own for one of an older
        writer that is no such."""
        from runstone.contracts.rmos import RunArtifact

        return RunArtifact.model_validate(self.document(run_id))

    def runs(self, asked: Asked | None = None, *, limit: int = 50, cursor: str | None = None) -> Rows:
        """Rows of runs, the newest first, and the cursor to go on; see `runstone.contracts.rmos.index`."""
        from runstone.contracts.rmos.index import Asked, rows

        return rows(self, asked or Asked(), limit, cursor)

    def compare(self, run_id: str, other: str) -> list[dict[str, Any]]:
        """What changed from one document to another: `path` (a JSON Pointer), `change` (`added`, `removed`, `changed`),
        and the values `a` and `b`, where they are. Their ids and times are left out."""
        from runstone.contracts.rmos.comparing import differences

        return differences(self.document(run_id), self.document(other))

    def lineage(self, run_id: str) -> dict[str, list[dict[str, Any]]]:
        """What led to a run (`before`: its plan, and the plan of that), and what came of it (`after`), as rows."""
        from runstone.contracts.rmos.lineage import lineage

        return lineage(self, run_id)

    # what is said of a run afterwards

    def override(self, run_id: str, *, by: str, reason: str, outcome: str = "allow") -> Sealed:
        """Say that a decision is another one: an amendment, which changes nothing of the run. As `Store.override`."""
        return self.store.override(self.sealed(run_id).run_id, by=by, reason=reason, outcome=outcome)

    def amendments(self, run_id: str) -> list[dict[str, Any]]:
        """What was said of a run since, the oldest first. As `Store.annotations`."""
        return self.store.annotations(self.sealed(run_id))

    def attach(
        self,
        run_id: str,
        filename: str,
        data: bytes,
        *,
        kind: str = "file",
        mime: str | None = None,
        by: str | None = None,
    ) -> Attachment:
        """Keep a file with a run, by its SHA-256; see `runstone.contracts.rmos.attachments`."""
        from runstone.contracts.rmos.attachments import attach

        return attach(self, run_id, filename, data, kind, mime, by)

    def attachments(self, run_id: str) -> list[Attachment]:
        """The files that are kept with a run, the oldest first."""
        from runstone.contracts.rmos.attachments import attachments

        return attachments(self, run_id)

    def check_attachments(self, run_id: str) -> list[Checked]:
        """Read every attachment of a run again, and say by what its digest holds."""
        from runstone.contracts.rmos.attachments import check_attachments

        return check_attachments(self, run_id)

    # what goes

    def delete(self, run_id: str, *, by: str, reason: str) -> str:
        """Take a run out of lists and readers, its published document too; the sealed bundle stays. Answers the id of
        the run that tells of it; see `runstone.contracts.rmos.removing`."""
        from runstone.contracts.rmos.removing import delete

        return delete(self, run_id, by, reason)

    def purge(self, run_id: str, *, by: str, reason: str) -> str:
        """Remove a run for good. As `delete`."""
        from runstone.contracts.rmos.removing import purge

        return purge(self, run_id, by, reason)

    def __repr__(self) -> str:
        return f"<RunStore {self.runs_dir}>"
