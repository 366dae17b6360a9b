"""The sealed run of a finished pipeline, with a child for each phase; and those of pipelines that others have recorded.

- A run is folded from the stores: state, index, artifacts, log. Nothing of the sealing enters it, no time, id or
  machine: the same records give the same bundles, so it may be done again, also after a crash in its midst.
- Nothing is kept that was not searched, whatever wrote it into the stores.
- Children stand before their parent, which binds their digests. What a phase has made is kept in the run of the phase.
- All runs of a pipeline are proved to fit the format before one is written. A line of the log that does not is left
  out, and said to be; where the run is imported, it is refused like all else.
- A run that was worked on after it was sealed is sealed anew, as another run that retries it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runstone.contracts.rentl import layout
from runstone.contracts.rentl.document import NAME, PROFILE, VERSION
from runstone.contracts.rentl.errors import StorageError, storage_error
from runstone.contracts.rentl.models import PhaseStatus, RunStatus
from runstone.contracts.rentl.planning import step_of
from runstone.contracts.rentl.printing import bytes_of, value_of
from runstone.core import layout as bundle_layout
from runstone.core.digests import sha256_hex
from runstone.core.media import media_type
from runstone.core.parsing import parse_json
from runstone.core.values import Foreign
from runstone.core.words import CANCELLED, CHILD_OF, FAILED, INTERRUPTED, PARTIAL, RETRIES, SUCCESS
from runstone.engine.importer import ForeignRun, foreign_digest, foreign_lines, import_foreign, time_of
from runstone.engine.search import Search
from runstone.errors import RunstoneError, error, excerpt
from runstone.locate import GENERATOR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from runstone.contracts.rentl.models import (
        ArtifactMetadata,
        LogEntry,
        PhaseRunRecord,
        RunError,
        RunId,
        RunIndexRecord,
        RunStateRecord,
    )
    from runstone.contracts.rentl.opening import AsyncStores, Stores
    from runstone.core.digests import Digest
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark
    from runstone.engine.store import Store
    from runstone.ports.objects import Committed

IMPORTED: Final = "rentl-run"
STATUSES: Final = {
    RunStatus.COMPLETED: SUCCESS,
    RunStatus.FAILED: FAILED,
    RunStatus.CANCELLED: CANCELLED,
    RunStatus.PENDING: INTERRUPTED,
    RunStatus.RUNNING: INTERRUPTED,
}
"""Status of the record → kernel status; what has not come to its end is interrupted, where it is imported."""
PHASE_STATUSES: Final = {
    PhaseStatus.COMPLETED: SUCCESS,
    PhaseStatus.FAILED: FAILED,
    PhaseStatus.SKIPPED: PARTIAL,
    PhaseStatus.PENDING: INTERRUPTED,
    PhaseStatus.RUNNING: INTERRUPTED,
}
"""Status of a phase → kernel status of its run; as after a skipped check, what was skipped is no whole success."""
LEVELS: Final = {"debug": "debug", "info": "info", "warn": "warning", "error": "error"}
MAX_TRIES: Final = 1000
UNKNOWN: Final[Digest] = f"sha256:{'0' * 64}"
"""In the place of a digest that is not known yet."""

Sealed = tuple[str, "Digest", "Committed"]
"""Run id, run digest, `created` or `identical`."""


class Records(NamedTuple):
    """All that the stores know of a run."""

    state: RunStateRecord
    listed: RunIndexRecord | None
    artifacts: list[ArtifactMetadata]
    bodies: dict[str, bytes]
    """By artifact id, what is kept of it."""
    log: list[LogEntry]


class RunSealer:
    """Makes a sealed run of a finished pipeline, in a store. Given to a `PhaseRunner` as `seal`."""

    def __init__(self, stores: Stores | AsyncStores, store: Store) -> None:
        from runstone.contracts.rentl.opening import Stores

        if not isinstance(stores, Stores):
            stores = Stores(stores.states.sync, stores.artifacts.sync, stores.logs.sync)
        self.stores = stores
        self.store = store

    async def seal(self, run_id: RunId) -> None:
        """Seal a run, in a thread; one that is sealed already is the same."""
        from runstone.engine.hopping import Hopping

        async with Hopping() as threads:
            await threads.to_the_end(lambda: seal_run(self.stores, run_id, self.store))


def seal_run(stores: Stores, run_id: RunId, store: Store) -> Sealed:
    """Seal a finished run and its phases; answers the run.

    Raises `StorageError`: `not_found` for a run without a state, `validation_error` for one that is not finished; and
    `store_unavailable`, `unsealed`, and `run_exists` where `MAX_TRIES` runs have its id, with a number or without.
    """
    records = read(stores, run_id)
    if STATUSES[records.state.state.metadata.status] == INTERRUPTED:
        raise storage_error("validation_error", f"run {run_id} is not finished", run_id=run_id)
    records = _clean(records, store.redactor())
    before: tuple[str, Digest] | None = None
    for number in range(1, MAX_TRIES + 1):
        parent = str(run_id) if number == 1 else f"{run_id}.{number}"
        try:
            return Maker(records, parent, store, before=before).proved().commit()
        except RunstoneError as exc:
            if exc.code != "run_exists":
                raise
            before = _standing(store, parent) or before
    raise error("run_exists", f"run {run_id} was sealed {MAX_TRIES} times", run_id=str(run_id))


def _standing(store: Store, run_id: str) -> tuple[str, Digest] | None:
    try:
        return run_id, store.get(run_id).digest
    except RunstoneError:  # a child alone stands, of a seal that a crash has ended
        return None


def read(stores: Stores, run_id: RunId) -> Records:
    """All that the stores know of a run. Raises `StorageError`."""
    state = stores.states.load_run_state(run_id)
    if state is None:
        raise storage_error("not_found", f"there is no state of run {run_id}", run_id=run_id)
    used = {artifact_id for record in _lasts(state) for artifact_id in record.artifact_ids or []}
    every = stores.artifacts.list_artifacts(run_id)
    artifacts = [one for one in every if one.artifact_id in used] if used else every
    bodies = {}
    for one in artifacts:
        try:
            bodies[str(one.artifact_id)] = stores.artifacts.read_artifact(one.artifact_id)
        except StorageError as exc:
            if exc.code != "not_found":
                raise
    listed, log = stores.states.load_run_index(run_id), stores.logs.load_logs(run_id)
    return Records(state, listed, artifacts, bodies, log)


def _clean(records: Records, redactor: Redactor) -> Records:
    """The same with what phases have made as it is kept: stores that were opened with `redact=False` hold what nobody
    has searched. What secrets cannot be taken out of is not kept. Size and checksum are of what is kept."""
    made = {str(one.artifact_id): one.format.value for one in records.artifacts}
    clean = {name: _clean_body(body, made[name], redactor) for name, body in records.bodies.items()}
    changed = {name: clean[name] for name, body in records.bodies.items() if clean[name] != body}
    artifacts = [
        _stating(one, changed[str(one.artifact_id)]) if str(one.artifact_id) in changed else one
        for one in records.artifacts
    ]
    bodies = {name: body for name, body in clean.items() if body is not None}
    return records._replace(artifacts=artifacts, bodies=bodies)


def _stating(artifact: ArtifactMetadata, kept: bytes | None) -> ArtifactMetadata:
    """Metadata with size and checksum, where it has them, of the body that is kept; without one it has none: those of a
    body with a secret would tell of that."""
    known: dict[str, Any] = {"size_bytes": None, "checksum_sha256": None}
    if kept is not None:
        found = {"size_bytes": len(kept), "checksum_sha256": sha256_hex(kept)}
        known |= {name: value for name, value in found.items() if getattr(artifact, name) is not None}
    return artifact.model_copy(update=known)


def _clean_body(body: bytes, form: str, redactor: Redactor) -> bytes | None:
    """A body without secrets: JSON by its members, and what is written there or in any other form as text."""
    if form == "json":
        body = _clean_json(body, redactor)
    elif form == "jsonl":
        body = b"\n".join(_clean_json(line, redactor) for line in body.split(b"\n"))
    search = Search(redactor)
    clean = b"".join(search.cleaned([body]))
    return None if search.left else clean


def _clean_json(text: bytes, redactor: Redactor) -> bytes:
    """JSON without secrets; what holds none, or is no JSON, byte by byte."""
    marks: list[Mark] = []
    try:
        clean = redactor.tree(parse_json(text), marks) if text else None
        return bytes_of(clean) if marks else text
    except RunstoneError:
        return text


def _lasts(state: RunStateRecord) -> list[PhaseRunRecord]:
    """The last run of each step, in their order."""
    found = {step_of(record): record for record in state.state.phase_history or []}
    return list(found.values())


class Maker:
    """Makes the runs of one pipeline, of what its stores know, under an id; `before` is the run that it retries."""

    def __init__(
        self,
        records: Records,
        parent: str,
        store: Store,
        *,
        before: tuple[str, Digest] | None = None,
        imported: bool = False,
    ) -> None:
        self.records = records
        self.parent = parent
        self.state = records.state.state
        self.store = store
        self.redactor = store.redactor()
        self.contract = store.contract_of(NAME, VERSION)
        self.imported = imported
        self.before = before
        self.by_id = {str(one.artifact_id): one for one in records.artifacts}

    def proved(self) -> Maker:
        """The maker itself, once all of its runs fit the format; nothing is written. Raises what an import does."""
        for run in self.runs(lambda _: UNKNOWN):
            run.events = [event for event in run.events if event[0] not in run.may_drop]
            foreign_lines(run, self.redactor)
        return self

    def runs(self, digest_of: Callable[[ForeignRun], Digest]) -> Iterator[ForeignRun]:
        """The runs of all phases, and then the run over their digests."""
        children = []
        for run in self.children():
            children.append((run, digest_of(run)))
            yield run
        yield self.whole(children)

    def commit(self) -> Sealed:
        """Seal the runs of all phases, and then the run. Raises `run_exists`, and what an import does."""
        *_, whole = self.runs(lambda child: self._sealed(child)[1])
        return self._sealed(whole)

    def foretold(self) -> Iterator[ForeignRun]:
        """All runs, as `commit` would seal them; nothing is written. Raises what an import does."""
        return self.runs(lambda child: foreign_digest(child, self.store.objects, self.contract, self.redactor))

    def _sealed(self, run: ForeignRun) -> Sealed:
        return import_foreign(run, self.store.objects, self.contract, self.redactor)

    def whole(self, children: list[tuple[ForeignRun, Digest]]) -> ForeignRun:
        """The run of the pipeline, over those of its phases with their digests."""
        metadata, index = self.state.metadata, self.records.listed
        links = [] if self.before is None else [{"rel": RETRIES, "run_id": self.before[0], "digest": self.before[1]}]
        events: list[tuple[str, dict[str, Any]]] = [("config", self._config())]
        events += [("phase", {"name": one.phase, "status": one.status}) for one in self.state.progress.phases]
        events += [("log", _line(entry)) for entry in self.records.log]
        originals: dict[str, bytes] = {}
        apart = [] if children else self.records.artifacts
        for artifact in apart:  # no history says which phase has made what
            events.append(self._output(artifact, originals, keep=True))
        for record in _lasts(self.records.state) if children else []:
            events += [self._output(artifact, originals, keep=False) for artifact in self._made_by(record)]
        events += [(layout.ARTIFACT_EVENT, _record(artifact)) for artifact in self.records.artifacts]
        if index is not None:
            events.append((layout.INDEX_EVENT, _record(index)))
        events.append((layout.STATE_EVENT, _record(self.records.state)))
        events += [("child", _child(run, digest)) for run, digest in children]
        return self._run(
            self._opened(self.parent, "pipeline" if index is None else index.project_name, links, {}),
            events,
            _closed(STATUSES[metadata.status], self.state.last_error, self._result()),
            started=metadata.created_at,
            ended=metadata.completed_at or self.records.state.stored_at,
            originals=originals,
        )

    def children(self) -> Iterator[ForeignRun]:
        """The runs of the phases."""
        for record in _lasts(self.records.state):
            language = record.target_language
            links = [{"rel": CHILD_OF, "run_id": self.parent, "digest": None}]
            labels = {} if language is None else {"target_language": language}
            originals: dict[str, bytes] = {}
            events = [("input", fact) for fact in self._used_by(record)]
            events += [self._output(artifact, originals, keep=True) for artifact in self._made_by(record)]
            if record.summary is not None:
                values = {metric.metric_key: metric.value for metric in record.summary.metrics}
                events.append(("metric", {"values": values, "step": None}))
            events += [(layout.ARTIFACT_EVENT, _record(artifact)) for artifact in self._made_by(record)]
            events.append((layout.PHASE_EVENT, _record(record)))
            run_id = layout.child_id(self.parent, record.phase, language)
            at = record.started_at or self.state.metadata.created_at
            yield self._run(
                self._opened(run_id, record.phase.value, links, labels),
                events,
                _closed(PHASE_STATUSES[record.status], record.error, None),
                started=at,
                ended=record.completed_at or at,
                originals=originals,
            )

    def _run(
        self,
        opened: dict[str, Any],
        events: list[tuple[str, dict[str, Any]]],
        closed: dict[str, Any],
        *,
        started: str,
        ended: str,
        originals: dict[str, bytes],
    ) -> ForeignRun:
        return ForeignRun(
            opened,
            events,
            closed,
            started=_time(started),
            ended=_time(ended),
            originals=originals,
            places=[{"run_id": opened["run_id"]}] * (1 + len(events)),
            may_drop=() if self.imported else ("log",),
        )

    def _config(self) -> dict[str, Any]:
        index = self.records.listed
        value: dict[str, Any] = {"phases": [one.phase.value for one in self.state.progress.phases]}
        if index is not None:
            value |= {"source_language": index.source_language, "target_languages": index.target_languages}
        return {"value": value, "sources": {}, "volatile": []}

    def _result(self) -> Any:
        summary = self.state.qa_summary
        return None if summary is None else {"qa_summary": value_of(summary)}

    def _made_by(self, record: PhaseRunRecord) -> list[ArtifactMetadata]:
        return [self.by_id[str(one)] for one in record.artifact_ids or [] if str(one) in self.by_id]

    def _used_by(self, record: PhaseRunRecord) -> Iterator[dict[str, Any]]:
        """What the needs of a phase had made, as inputs."""
        needs = {(one.phase, one.target_language) for one in record.dependencies or []}
        for other in _lasts(self.records.state):
            if (other.phase, other.target_language) in needs:
                yield from (self._fact(artifact, {}, keep=False) for artifact in self._made_by(other)[:1])

    def _output(
        self, artifact: ArtifactMetadata, originals: dict[str, bytes], *, keep: bool
    ) -> tuple[str, dict[str, Any]]:
        return "output", self._fact(artifact, originals, keep=keep)

    def _fact(self, artifact: ArtifactMetadata, originals: dict[str, bytes], *, keep: bool) -> dict[str, Any]:
        body = self.records.bodies.get(str(artifact.artifact_id))
        stem = artifact.phase.value if artifact.phase is not None else artifact.role.value
        name = layout.output_name(stem, artifact.target_language, artifact.format.value)
        if name in originals:
            name = f"{artifact.artifact_id}.{artifact.format.value}"
        path = None
        if keep and body is not None:
            originals[name] = body
            path = bundle_layout.original(name)
        return {
            "name": name,
            "type": "file",
            "ref": artifact.location.path or artifact.location.uri,
            "sha256": artifact.checksum_sha256 if body is None else sha256_hex(body),
            "size": artifact.size_bytes if body is None else len(body),
            "path": path,
            "media_type": media_type(name),
        }

    def _opened(self, run_id: str, kind: str, links: list[dict[str, Any]], labels: dict[str, str]) -> dict[str, Any]:
        told: dict[str, Any] = {
            "run_id": run_id,
            "kind": kind,
            "contract": {"name": NAME, "version": VERSION},
            "generator": {"name": NAME, "version": VERSION} if self.imported else GENERATOR,
            "ruleset": self.redactor.ruleset,
            "labels": labels,
            "links": links,
        }
        if self.imported:
            told["imported"] = {"format": IMPORTED, "sha256": sha256_hex(bytes_of(value_of(self.records.state)))}
        return told


def _record(record: Any) -> dict[str, Any]:
    return {"record": Foreign(value_of(record), PROFILE)}


def _line(entry: LogEntry) -> dict[str, Any]:
    return {
        "level": LEVELS[entry.level],
        "text": entry.message,
        "entry": Foreign({**value_of(entry, nulls=True), "message": None}, PROFILE),  # which is the text
    }


def _child(run: ForeignRun, digest: Digest) -> dict[str, Any]:
    return {"run_id": run.opened["run_id"], "digest": digest, "status": run.closed["status"]}


def _failure(failure: RunError) -> dict[str, Any]:
    """Why a run failed; its details are free, and may be what no event can hold but as text."""
    told = value_of(failure)
    return {name: Foreign(value, PROFILE) if name == "details" else value for name, value in told.items()}


def _closed(status: str, failure: RunError | None, result: Any) -> dict[str, Any]:
    return {"status": status, "error": None if failure is None else _failure(failure), "result": result}


def _time(text: str) -> str:
    """A timestamp in the form of the format. Raises `invalid_archive` for what names no moment."""
    found = time_of(text)
    if found is None:
        raise error("invalid_archive", f"{excerpt(text)!r} names no moment from 1970 on", found=excerpt(text))
    return found
