"""`PhaseRunner`: works a pipeline off, phase by phase, and goes on where it was ended, by whatever that was.

- It knows protocols, no files: each store may be left out. Without a state store nothing can go on; without artifacts
  what phases make is handed on in memory.
- What a phase makes is kept before the state says that it is done; the state is stored after each phase, old or new. So
  a process that dies at any moment has lost at most the phase that it was in.
- Every state is stored over the one that was read. Of two that work on one run, the one that began last goes on; the
  other is told at its next phase (`conflict`), and changes nothing from then on.
- A finished run is handed to `seal`, again and again until that has answered once: it must take the same run twice.
"""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from copy import deepcopy
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar
from uuid import UUID

from pydantic import JsonValue, RootModel, ValidationError

from runstone.contracts.rentl import planning
from runstone.contracts.rentl.errors import storage_error
from runstone.contracts.rentl.models import (
    ArtifactFormat,
    ArtifactMetadata,
    ArtifactReference,
    ArtifactRole,
    FileFormat,
    LogEntry,
    LogLevel,
    PhaseArtifacts,
    PhaseName,
    PhaseProgress,
    PhaseResultSummary,
    PhaseRunRecord,
    PhaseStatus,
    ProgressPercentMode,
    ProgressSummary,
    RunError,
    RunIndexRecord,
    RunMetadata,
    RunProgress,
    RunState,
    RunStateRecord,
    RunStatus,
    StorageReference,
    VersionInfo,
)
from runstone.contracts.rentl.phases import PhaseContext, PhaseOutput
from runstone.contracts.rentl.planning import Plan, Step
from runstone.contracts.rentl.printing import refused
from runstone.contracts.rentl.stores import NONE_EXPECTED
from runstone.core.times import time_text
from runstone.core.values import coerce
from runstone.engine.facts import MESSAGE_CHARACTERS, text_of
from runstone.locate import hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Sequence

    from runstone.contracts.rentl.models import RunId
    from runstone.contracts.rentl.phases import Phase
    from runstone.contracts.rentl.protocols import ArtifactStore, RunStateStore
    from runstone.contracts.rentl.sinks import LogSink, Progress, ProgressStream

SCHEMA: Final = VersionInfo(major=0, minor=1, patch=0)
Answer = TypeVar("Answer")
_FINISHED: Final = (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED)


class Item(RootModel[JsonValue]):
    """One item that a phase made: whatever JSON can hold."""


class Sealer(Protocol):
    """What makes a sealed run of a finished one."""

    async def seal(self, run_id: RunId) -> None:
        """Seal a run; one that is sealed already is the same."""
        ...


def _listed(project_name: str, source_language: str, target_languages: list[str]) -> RunIndexRecord:
    """Raises `validation_error`."""
    start = time_text(0)
    metadata = RunMetadata(run_id=UUID(int=0), schema_version=SCHEMA, status=RunStatus.PENDING, created_at=start)
    try:
        return RunIndexRecord(
            metadata=metadata,
            project_name=project_name,
            source_language=source_language,
            target_languages=target_languages,
            updated_at=start,
        )
    except ValidationError as exc:
        raise refused(RunIndexRecord, exc) from exc


def new_id(now_ns: int, random: bytes) -> UUID:
    """A UUID of version 7: 48 bits of time, then random ones."""
    value = ((now_ns // 1_000_000) & (2**48 - 1)) << 80 | int.from_bytes(random[:10], "big")
    return UUID(int=value & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


class PhaseRunner:
    """Works phases off for a project.

    `states`, `artifacts`, `logs`, `progress` and `seal` may each be left out. `clock` is in nanoseconds (UTC), `random`
    gives so many bytes. One runner may work on many runs, also at once. Raises `ValueError` as `Plan` does, and for a
    name that is no phase's; `TypeError` for languages in one text; `validation_error` for a project or a language that
    no list of runs can show.
    """

    def __init__(
        self,
        phases: Sequence[Phase],
        *,
        project_name: str,
        source_language: str,
        target_languages: Sequence[str],
        states: RunStateStore | None = None,
        artifacts: ArtifactStore | None = None,
        logs: LogSink | None = None,
        progress: ProgressStream | None = None,
        seal: Sealer | None = None,
        clock: Callable[[], int] = time.time_ns,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        if isinstance(target_languages, str):
            raise TypeError("the target languages are a list of texts; found one text")
        names = [PhaseName(phase.name) for phase in phases]
        self.phases = dict(zip(names, phases, strict=True))
        self.listed = _listed(project_name, source_language, list(target_languages))
        """What lists show of each run, but what belongs to the run."""
        self.states = states
        self.artifacts = artifacts
        self.logs = logs
        self.progress = progress
        self.sealer = seal
        self.clock = clock
        self.random = random
        before = {name: names[max(0, number - 1) : number] for number, name in enumerate(names)}
        needs = {name: before[name] if one.needs is None else one.needs for name, one in self.phases.items()}
        by_language = [name for name, one in self.phases.items() if one.by_language]
        self.plan = Plan(names, self.listed.target_languages, needs=needs, by_language=by_language)

    async def run(
        self, run_id: RunId | None = None, *, again: Iterable[PhaseName] = (), until: PhaseName | None = None
    ) -> RunState:
        """Work off what is not fresh, up to the phase `until`; answers the state.

        Without a `run_id` a new run is made; with one that a state is stored of, that goes on. The phases `again` are
        made anew, and all that is made from them is stale until it is, too. Raises what a phase raises, when the state
        says `failed` (`cancelled` for a task that is cancelled); `TimeoutError`; `StorageError`: `conflict` where
        another one works on this run; `ValueError` for a phase that is none of the runner's.
        """
        anew = list(again)
        for phase in [*anew, *([] if until is None else [until])]:
            if phase not in self.phases:
                raise ValueError(f"there is no phase {phase} here, but {', '.join(self.phases)}")
        work = Work(self, run_id or new_id(self.clock(), self.random(10)))
        return await work.go(anew, until)


class Work:
    """A runner at work on one run."""

    def __init__(self, runner: PhaseRunner, run_id: RunId) -> None:
        self.runner = runner
        self.run_id = run_id
        self.plan = runner.plan
        self._stored_at = NONE_EXPECTED
        self._last_ns = 0
        self._telling = Lock()
        """Of the last time that was told: a phase asks for one from any thread."""
        self._made: dict[Step, list[JsonValue]] = {}
        """What steps have made, where no store keeps it."""
        self._state: RunState | None = None
        self._overtaken = False
        """Whether another one works on this run: from then on nothing is changed."""

    async def go(self, again: list[PhaseName], until: PhaseName | None) -> RunState:
        """See `PhaseRunner.run`."""
        last = len(self.plan.steps)
        if until is not None:
            last = 1 + max(number for number, step in enumerate(self.plan.steps) if step.phase == until)
        within = set(self.plan.steps[:last])
        try:
            state = await self._begin(again)
            while left := [step for step in planning.to_do(self.plan, state.phase_history or []) if step in within]:
                await self._one(state, left[0])
            if planning.to_do(self.plan, state.phase_history or []):
                await self._save(state)
                return state
        except asyncio.CancelledError:
            if self._state is not None and not self._overtaken:
                with suppress(Exception):  # who is cancelled is told of that, whatever the store says
                    await to_the_end(self._end(self._state, RunStatus.CANCELLED, None))
            raise
        except Exception as exc:
            if self._state is not None and not self._overtaken:
                try:
                    await to_the_end(self._end(self._state, RunStatus.FAILED, exc))
                except Exception as second:  # what kept the phase from its end is what the caller is told
                    exc.add_note(f"the end of the run is not stored either: {type(second).__name__}: {second}")
            raise
        await to_the_end(self._end(state, RunStatus.COMPLETED, None))
        return state

    async def _begin(self, again: list[PhaseName]) -> RunState:
        states = self.runner.states
        stored = None if states is None else await states.load_run_state(self.run_id)
        if stored is None:
            state = self._new()
        else:
            self._stored_at, self._last_ns = stored.stored_at, _ns_of(stored.stored_at)
            state = stored.state.model_copy(deep=True)
        steps = [step for step in self.plan.steps if step.phase in again]
        if steps:
            state.phase_history = planning.stale(self.plan, state.phase_history or [], steps)
        if state.metadata.status in _FINISHED and not planning.to_do(self.plan, state.phase_history or []):
            await self._list_again(state)
            return state  # there is nothing to do
        self._state = state
        state.metadata.status = RunStatus.RUNNING
        state.metadata.started_at = state.metadata.started_at or self._now()
        state.metadata.completed_at = state.last_error = None
        await self._log(
            "run_started" if stored is None else "run_resumed",
            "the run begins" if stored is None else "the run goes on",
        )
        await self._save(state)
        return state

    async def _list_again(self, state: RunState) -> None:
        """Store what lists show of a finished run, where a crash has left it behind the state."""
        states = self.runner.states
        if states is None:
            return
        loads = getattr(states, "load_run_index", None)  # which is no part of the protocol
        if loads is not None:
            listed = await loads(self.run_id)
        else:
            every = await states.list_run_index()
            listed = next((one for one in every if one.metadata.run_id == self.run_id), None)
        if listed is None or listed.metadata != state.metadata:
            await states.save_run_index(self._index(state, self._stored_at))

    def _new(self) -> RunState:
        summary = ProgressSummary(percent_mode=ProgressPercentMode.UNAVAILABLE)
        phases = [PhaseProgress(phase=name, status=PhaseStatus.PENDING, summary=summary) for name in self.runner.phases]
        return RunState(
            metadata=RunMetadata(
                run_id=self.run_id, schema_version=SCHEMA, status=RunStatus.PENDING, created_at=self._now()
            ),
            progress=RunProgress(phases=phases, summary=summary),
            artifacts=[],
            phase_history=[],
            phase_revisions=[],
        )

    # one phase

    async def _one(self, state: RunState, step: Step) -> None:
        """Work one step off; the state says so, before and after. Raises what the phase raises."""
        phase = self.runner.phases[step.phase]
        started = self._now()
        history = state.phase_history or []
        state.metadata.current_phase = step.phase
        self._set_progress(state, step, PhaseStatus.RUNNING)
        await self._save(state)
        await self._log("phase_started", f"{step} begins", step)
        record = PhaseRunRecord(
            phase_run_id=self._id(),
            phase=step.phase,
            revision=planning.revision(history, step) + 1,
            status=PhaseStatus.COMPLETED,
            target_language=step.language,
            started_at=started,
            dependencies=planning.dependencies(self.plan, history, step),
        )
        try:
            inputs = await self._inputs(state, step)
            async with asyncio.timeout(phase.timeout_s):
                output = await phase.work(self._context(step, inputs))
            if not isinstance(output, PhaseOutput):
                raise TypeError(f"phase {step} answers a PhaseOutput; found {type(output).__name__}")
        except Exception as exc:
            failed = {"status": PhaseStatus.FAILED, "error": described(exc), "completed_at": self._now()}
            state.phase_history = [*history, record.model_copy(update=failed)]
            self._set_progress(state, step, PhaseStatus.FAILED)
            await self._log("phase_failed", f"{step} failed: {type(exc).__name__}", step, LogLevel.ERROR)
            raise
        kept = await self._keep(step, record, output)
        record.completed_at = self._now()
        record.artifact_ids = [one.artifact_id for one in kept]
        record.summary = _summary(step, output)
        record.message = None if output.message is None else _short(_unicode(output.message))
        state.phase_history = planning.completed(self.plan, history, record)
        state.phase_revisions = planning.revisions(self.plan, state.phase_history)
        state.qa_summary = output.qa or state.qa_summary
        _put_references(state, step, kept)
        self._set_progress(state, step, PhaseStatus.COMPLETED)
        if self.runner.artifacts is None:
            self._made[step] = deepcopy(list(output.items))
        await self._save(state)
        await self._log("phase_completed", f"{step} is done", step)

    def _context(self, step: Step, inputs: dict[PhaseName, list[JsonValue]]) -> PhaseContext:
        def report(progress: Progress) -> None:
            if self.runner.progress is not None:
                self.runner.progress.report(progress)

        def log(entry: LogEntry) -> None:
            if self.runner.logs is not None:
                self.runner.logs.offer(entry)

        return PhaseContext(self.run_id, step, inputs, report, log, self._now)

    async def _inputs(self, state: RunState, step: Step) -> dict[PhaseName, list[JsonValue]]:
        """The items of what a step needs: those of all languages behind one another where it has none."""
        found: dict[PhaseName, list[JsonValue]] = {}
        for need in self.plan.needs(step):
            found.setdefault(need.phase, []).extend(await self._items(state, need))
        return found

    async def _items(self, state: RunState, step: Step) -> list[JsonValue]:
        """What a step has made, for one who may change it: as it is kept, and as it is in a run that goes on."""
        if step in self._made:
            return deepcopy(self._made[step])
        record = planning.last(state.phase_history or [], step)
        if record is None or self.runner.artifacts is None or not record.artifact_ids:
            raise storage_error("not_found", f"what {step} has made is not kept: give an artifact store")
        return [item.root for item in await self.runner.artifacts.load_artifact_jsonl(record.artifact_ids[0], Item)]

    async def _keep(self, step: Step, record: PhaseRunRecord, output: PhaseOutput) -> list[ArtifactMetadata]:
        """Store what a phase has made: its items first."""
        store = self.runner.artifacts
        if store is None:
            return []
        about: dict[str, JsonValue] = {"revision": record.revision}
        described = self._artifact(step, ArtifactRole.PHASE_OUTPUT, ArtifactFormat.JSONL, about)
        kept = [await store.write_artifact_jsonl(described, list(output.items))]
        for form, text in output.texts.items():
            writes = getattr(store, "write_artifact_text", None)
            if writes is None:
                raise storage_error("unsupported_format", f"the artifact store writes no text: {step} makes {form}")
            kept.append(await writes(self._artifact(step, ArtifactRole.EXPORT, form, about), text))
        return kept

    def _artifact(
        self, step: Step, role: ArtifactRole, form: ArtifactFormat, about: dict[str, JsonValue]
    ) -> ArtifactMetadata:
        return ArtifactMetadata(
            artifact_id=self._id(),
            run_id=self.run_id,
            role=role,
            phase=step.phase,
            target_language=step.language,
            format=form,
            created_at=self._now(),
            location=StorageReference(),
            metadata=about,
        )

    # the state

    def _set_progress(self, state: RunState, step: Step, status: PhaseStatus) -> None:
        """How far the phase of a step has come, by its steps; and the run, by its phases."""
        history = state.phase_history or []
        mine = [one for one in self.plan.steps if one.phase == step.phase]
        done = sum(planning.is_fresh(self.plan, history, one) for one in mine)
        shown = PhaseStatus.RUNNING if status is PhaseStatus.COMPLETED and done < len(mine) else status
        for number, one in enumerate(state.progress.phases):
            if one.phase == step.phase:
                known = {"status": shown, "summary": _percent(done, len(mine))}
                known |= {"started_at": one.started_at or self._now()}
                known |= {"completed_at": self._now() if shown is PhaseStatus.COMPLETED else None}
                state.progress.phases[number] = one.model_copy(update=known)
        every = sum(planning.is_fresh(self.plan, history, one) for one in self.plan.steps)
        state.progress.summary = _percent(every, len(self.plan.steps))

    async def _save(self, state: RunState) -> None:
        """Store the state over the one that was read or stored last; to the end: else nobody knows which one stands."""
        if self.runner.states is not None:
            await to_the_end(self._store(self.runner.states, state))

    async def _store(self, states: RunStateStore, state: RunState) -> None:
        stored_at = self._now()
        record = RunStateRecord(run_id=self.run_id, stored_at=stored_at, state=state)
        try:
            await states.save_run_state(record, expected_updated_at=self._stored_at)
        except Exception as exc:
            self._overtaken = getattr(exc, "code", None) == "conflict"
            raise
        self._stored_at = stored_at
        await states.save_run_index(self._index(state, stored_at))

    def _index(self, state: RunState, at: str) -> RunIndexRecord:
        mine = {"metadata": state.metadata, "updated_at": at}
        mine |= {"progress": state.progress.summary, "last_error": state.last_error}
        return self.runner.listed.model_copy(update=mine)

    async def _end(self, state: RunState, status: RunStatus, exc: BaseException | None) -> None:
        """Say that the run is finished, and have it sealed."""
        metadata = state.metadata
        if metadata.status is not status or metadata.completed_at is None:
            metadata.status, metadata.current_phase, metadata.completed_at = status, None, self._now()
            state.progress.phases = [_not_running(one) for one in state.progress.phases]
            state.last_error = None if exc is None else described(exc)
            await self._log(f"run_{status.value}", f"the run is {status.value}")
            if self.runner.logs is not None:
                await self.runner.logs.flush()
            await self._save(state)
        if self.runner.sealer is not None:
            await self.runner.sealer.seal(self.run_id)

    async def _log(self, event: str, message: str, step: Step | None = None, level: LogLevel = LogLevel.INFO) -> None:
        if self.runner.logs is None:
            return
        entry = {
            "timestamp": self._now(),
            "level": level,
            "event": event,
            "run_id": self.run_id,
            "message": message,
            **({} if step is None else {"phase": step.phase, "data": {"target_language": step.language}}),
        }
        await self.runner.logs.emit(LogEntry.model_validate(entry))

    def _now(self) -> str:
        """The time, later than any that this one has told, and than the state that it goes on from."""
        with self._telling:
            self._last_ns = max(self.runner.clock(), self._last_ns + 1000)
            return time_text(self._last_ns)

    def _id(self) -> UUID:
        return new_id(self.runner.clock(), self.runner.random(10))


async def to_the_end(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Wait for work that is not to be left half done: a task that is cancelled meanwhile waits for its end, unless it
    is cancelled once more."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        with suppress(Exception):  # whoever is cancelled has no use for it
            await asyncio.shield(task)
        raise


def _ns_of(timestamp: str) -> int:
    """A timestamp in nanoseconds; 0 for what names no moment."""
    from datetime import UTC, datetime, timedelta

    try:
        since = datetime.fromisoformat(timestamp).astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    except (ValueError, OverflowError):
        return 0
    return since // timedelta(microseconds=1) * 1000


def described(exc: BaseException) -> RunError:
    """Why a run failed, without secrets, in at most 64,000 characters."""
    code, kind = getattr(exc, "code", None), type(exc).__name__
    said = hidden(_unicode(text_of(exc)))[:MESSAGE_CHARACTERS] or kind
    return RunError(code=_unicode(code) if isinstance(code, str) and code else kind, message=said)


def _short(text: str) -> str:
    """Text that a state can hold as often as it has phases. What is cut has no secrets: half of one nobody finds."""
    return text if len(text) <= MESSAGE_CHARACTERS else hidden(text)[:MESSAGE_CHARACTERS]


def _unicode(text: str) -> str:
    """Text as a record can hold it: where there is half a surrogate pair in it, as in the name of a file that is no
    text, each byte is a character."""
    return str(coerce(text)[0])


def _not_running(phase: PhaseProgress) -> PhaseProgress:
    """A phase that nobody works on any more is to be done."""
    return phase.model_copy(update={"status": PhaseStatus.PENDING}) if phase.status is PhaseStatus.RUNNING else phase


def _summary(step: Step, output: PhaseOutput) -> PhaseResultSummary | None:
    if not output.metrics:
        return None
    return PhaseResultSummary(
        phase=step.phase, target_language=step.language, metrics=list(output.metrics), qa_summary=output.qa
    )


def _percent(done: int, of: int) -> ProgressSummary:
    mode = ProgressPercentMode.FINAL if done == of else ProgressPercentMode.LOWER_BOUND
    return ProgressSummary(percent_complete=round(100 * done / of, 1), percent_mode=mode)


def _put_references(state: RunState, step: Step, kept: list[ArtifactMetadata]) -> None:
    """The references of a phase: those of this step's last run, and of its other languages'."""
    lines = [_reference(one) for one in kept if one.format != ArtifactFormat.JSON]
    mine = step.language or ""
    for entry in state.artifacts:
        if entry.phase == step.phase:
            entry.artifacts = [one for one in entry.artifacts if (one.description or "") != mine] + lines
            return
    if lines:
        state.artifacts.append(PhaseArtifacts(phase=step.phase, artifacts=lines))


def _reference(artifact: ArtifactMetadata) -> ArtifactReference:
    place = artifact.location.path or artifact.location.uri or str(artifact.artifact_id)
    return ArtifactReference(
        artifact_id=artifact.artifact_id,
        path=place,
        uri=artifact.location.uri,
        format=FileFormat(artifact.format.value),
        created_at=artifact.created_at,
        description=artifact.target_language,
    )
