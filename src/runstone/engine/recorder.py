"""A run that is being recorded: what a program tells of itself, each fact in the journal before the call returns, but
for the unfinished line of a stream.

Here is what the words mean (`check`, `output`, `finish`, …); how a line is written is `engine.writer`.
"""

from __future__ import annotations

import _thread
import os

from runstone.core.events import data_problem
from runstone.core.evidence import RESOLVES, parse_reference
from runstone.core.values import COERCED
from runstone.core.words import CANCELLED, CHILD_OF, FAILED, LOG_LEVELS, SUCCESS, check_status, status_from_checks
from runstone.engine import facts as told
from runstone.engine.acting import Acting
from runstone.engine.artifacts import (
    NOT_KEPT,
    NOT_WRITTEN,
    FileSource,
    MemorySource,
    artifact_event,
    artifact_name,
    asked_way,
    extension_of,
    facts_of,
    is_object,
    report,
)
from runstone.engine.children import announce, found_at_seal, parents_of, tell_parents, tell_secrets, without_secrets
from runstone.engine.current import PARENT, PARENT_STORE, RUNS, place_of
from runstone.engine.live import forget, watch
from runstone.engine.sealer import Sealing, is_amid, seal, waited
from runstone.engine.streams import RunStreams
from runstone.engine.writer import JournalWriter
from runstone.errors import RunstoneError, error, excerpt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
    from types import TracebackType
    from typing import Any, Self, Unpack

    from runstone.core.contract import Contract
    from runstone.core.digests import Digest
    from runstone.core.journal import Journal
    from runstone.core.policy.decision import Decision
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark
    from runstone.engine.artifacts import ArtifactFacts, Source
    from runstone.engine.capture import Capture
    from runstone.engine.opening import RunOptions
    from runstone.engine.publishing import Copy
    from runstone.engine.resuming import Axis
    from runstone.engine.store import Store
    from runstone.ports.clock import Clock
    from runstone.ports.host import Meters
    from runstone.ports.journals import OpenRun
    from runstone.ports.pending import Pending


class Run(Acting):
    """A run that is being recorded. Made by `Store.run`; a context manager; safe to share between threads.

    Leaving the `with` block finishes the run: by an exception as `failed` (`cancelled` where it cancels),
    else by its checks. A run that is never finished is sealed as `failed` at the end of the process.
    """

    def __init__(
        self,
        run_id: str,
        journal: OpenRun | None,
        contract: Contract,
        redactor: Redactor,
        clock: Clock,
        *,
        store: Store,
        here: Callable[[], str | None],
        strict: bool,
        meters: Callable[[], Meters] | None = None,
        secrets: Iterable[str] = (),
        rank: int | None = None,
        axis: Axis | None = None,
    ) -> None:
        self.writer = JournalWriter(run_id, journal, redactor, clock, strict=strict)  # for the kernel's own parts
        self._record = self.writer.record
        self._run_id = run_id
        self._contract = contract
        self._monotonic_ns = clock.monotonic_ns
        self._started_ns = clock.monotonic_ns()
        self._here = here  # the working directory of the moment: a program may change it
        self._cwd = here()
        self._meters = meters
        self._strict = strict
        self._secrets = tuple(secrets)
        self._rank = rank
        self._axis = axis
        self._check_results: list[str] = []
        self._clean_types = told.clean_types(redactor)  # need not be looked at again
        self._looks_for_evidence = False  # at the end: some check named evidence, and none says that it leads nowhere
        self._streams = RunStreams(self.writer)
        self._completing = _thread.RLock()
        self._sealing = Sealing()
        self.store = store
        self.parents: list[str] = []
        self.git: dict[str, Any] | None = None  # `sha` and `ref` as `run.opened` has them
        self.status: str = "running"
        self.digest: Digest | None = None
        self.copies: Sequence[Copy] = ()  # of published documents, once it is sealed
        self.debug_key: str | None = store.host.setting("RUNSTONE_DEBUG_KEY")
        self.decision: Decision | None = None  # of the gate whose work this run records
        if journal is not None:
            watch(self)

    def open(self, opened: Mapping[str, Any], failure: RunstoneError | None) -> None:
        """Write the first line, `run.opened`; or say why nothing will be recorded. Called once, by the store."""
        self.git = opened["git"]
        self.parents = parents_of(opened["links"])
        try:
            self.writer.open(opened, failure)
        finally:
            if self.opened_at is None:
                forget(self)
        if self.parents and self.recording:
            announce(self._run_id, self.parents, self.store)

    @property
    def redactor(self) -> Redactor:
        """What takes secrets out of everything that this run records."""
        return self.writer.redactor

    def git_state(self, sha: str | None, ref: str | None, *, dirty: bool | None) -> None:
        """Record what is known of the repository, once its dirty flag is."""
        known = dirty if dirty is None or isinstance(dirty, bool) else bool(told.text_of(dirty))
        marks: list[Mark] = [] if known is dirty else [["/dirty", COERCED]]
        self._record("git", {"sha": told.maybe_text(sha), "ref": told.maybe_text(ref), "dirty": known}, marks)

    @property
    def run_id(self) -> str:
        """The run's id; the name of its folder once it is sealed."""
        return self._run_id

    @property
    def opened_at(self) -> str | None:
        """When the run was opened (UTC), as its first line has it; `None` where none was written."""
        return self.writer.opened_at

    @property
    def recording(self) -> bool:
        """Whether facts are being recorded: false once finished, in a fork, and where no journal could be opened."""
        return self.writer.recording

    @property
    def resumed_step(self) -> int | None:
        """The last step of the run that this one resumes, of the whole chain; `None` where there is none."""
        return None if self._axis is None else self._axis.begin

    @property
    def environ(self) -> dict[str, str]:
        """Variables of the environment that make a run in another process a child of this one.

        None where this run could not be recorded. The wrapper gives them to its command, a fork to the child.
        """
        if self.writer.journal is None:
            return {}
        return {PARENT: self._run_id, PARENT_STORE: place_of(self.store)}

    def child(self, kind: str, **options: Unpack[RunOptions]) -> Run:
        """Start recording a run that is a part of this one, in the same store; `options` and errors as `Store.run`.

        It links to this run as `child-of`, and knows its declared secrets.
        """
        from runstone.engine.opening import links_of, secrets_of

        if self.writer.journal is not None:
            parent = {"rel": CHILD_OF, "run_id": self._run_id, "digest": self.digest}
            options["links"] = links_of(options.get("links", ()), [], [parent])
        options["secrets"] = [*self._secrets, *secrets_of(options.get("secrets", ()))]
        child = self.store.run(kind, **options)
        self._started(child)
        return child

    def input(self, type: str, ref: Any = None, **facts: Unpack[ArtifactFacts]) -> None:
        """Record something that the run consumed. See `output` for the arguments."""
        self._artifact("input", type, ref, **facts)

    def output(self, type: str, ref: Any = None, **facts: Unpack[ArtifactFacts]) -> None:
        """Record something that the run produced.

        With `type="file"`, `ref` is a path: the file is hashed now, by reference; `keep` also copies it into the
        bundle: `True` unless a secret is found in it, `"redacted"` without what is found, `"anyway"` whatever is
        found, by the name in `asked_by`. For anything else `ref` is text, and `sha256` and `size` are what the
        caller knows. Also: `name` (default: the path below the working directory, or `ref`), `media_type`, `extra`
        (a mapping that is recorded as it is).

        A file's name and an object (`output("plot.png", figure)`) write the object as that file, into the bundle
        alone: a figure, an image, a table, an array, bytes, or what JSON can hold. It is kept unless `keep` says else.
        """
        self._artifact("output", type, ref, **facts)

    def check(
        self, name: str, status: str | bool, evidence: str | Iterable[str] | None = None, *, id: str | None = None
    ) -> None:
        """Record a check: `pass` (or true), `fail` (or false) or `skip`, with references to its evidence
        (`run.log:line:3`, …)."""
        found = told.check_status_of(status)
        if found is None and self._strict:
            raise error(
                "invalid_status",
                f"{told.text_of(status)!r} is not pass, fail or skip",
                found=excerpt(told.text_of(status), 40),
            )
        known = found or "fail"
        self._check_results.append(known)
        references = self._evidence(told.texts_of(evidence))
        identity = told.id_of(name, self.redactor) if id is None else told.text_of(id)
        looked_for = self._looks_for_evidence or any(map(parse_reference, references))
        self._looks_for_evidence = looked_for and (identity, known) != (RESOLVES, "fail")
        facts = {"name": told.text_of(name), "status": known, "evidence": references}
        self._record("check", {"id": identity, **facts}, [] if found else [["/status", COERCED]])

    def _count_check(self, status: str, *, looks: bool) -> None:
        """A check was repeated from another run's record."""
        self._check_results.append(status)
        self._looks_for_evidence = self._looks_for_evidence or looks

    def _evidence(self, texts: list[str]) -> list[str]:
        """References without those to messages that have no number: they are no evidence."""
        return [text for text in texts if text != told.LOST] if self.writer.has_unnumbered else texts

    def log(self, message: str, level: str = "info") -> str:
        """Record a message, one line of `run.log`; answers the reference to it (`run.log:line:N`, 0 if it was lost)."""
        text = message if isinstance(message, str) else told.text_of(message)
        if isinstance(level, str) and level in LOG_LEVELS:
            number = self._record("log", {"level": level, "text": text})
        else:
            number = self._record("log", {"level": "info", "text": text}, [["/level", COERCED]])
        return f"run.log:line:{number}"

    def stream(self, stream: str, chunk: bytes) -> None:
        """Record bytes that a command wrote to one of its streams (`stdout`, `stderr`), as they are.

        What may be the middle of a secret (the end of an unfinished line, of a private key) is recorded once it is
        whole, at the latest with 64 KiB or when the run is finished.
        """
        name = told.text_of(stream)
        data = chunk if isinstance(chunk, bytes) else told.text_of(chunk).encode("utf-8", "replace")
        if self.recording:
            self._streams.record(name, data)
        else:
            self.writer.stream(name, data)  # which says so

    def capture(self, *, descriptors: bool = False) -> Capture:
        """Record what this process prints, logs and warns of from now on, while it goes where it went before.

        The answer is a context manager; its `end`, the end of its block and the end of the run put everything back.
        With `descriptors` what C code and child processes write to descriptors 1 and 2 is recorded as well. Never
        raises, and nothing that is recorded by it does.
        """
        from runstone.engine.capture import Capture

        return Capture(self, descriptors=descriptors).begin()

    def metrics(self, values: Mapping[str, Any], step: int | None = None, rank: int | None = None) -> None:
        """Record numbers by name, at a step where there is one. `nan` and infinities are kept as text; two names that
        become the same text are told apart.

        `rank` says which of many processes measured them; without it the rank that the environment told when the run
        was opened. In a run that resumes another one, a call without a step is the next step after the last.
        """
        numbers, marks = told.metric_values(values)
        if step is not None and step.__class__ is not int:
            step = told.metric_step(step)
            marks.append(["/step", COERCED])
        data: dict[str, Any] = {"values": numbers, "step": step if self._axis is None else self._axis.step(step)}
        if (known := self._rank if rank is None else rank) is not None:
            data["rank"] = told.metric_rank(known)
            if data["rank"] is not known:
                marks.append(["/rank", COERCED])
        self._record("metric", data, marks)

    def watch_system(self, every: float = 10.0) -> None:
        """Record what the machine and this process use as metrics `system.…`, every so many seconds (at least 0.1).

        A thread of its own does it until the run is finished, and once more then. A second call changes nothing.
        """
        if self._meters is not None and self.recording:
            from runstone.engine.watching import watch_system

            watch_system(self, self._meters, every)

    def config(self, value: Any, sources: Mapping[str, Any] | None = None, volatile: Iterable[str] = ()) -> None:
        """Record the configuration. `volatile` are JSON Pointers to what the outcome must not depend on."""
        known = told.mapping_of(sources if sources is not None else {})
        self._record("config", {"value": value, "sources": known, "volatile": told.texts_of(volatile)})

    def note(self, text: str) -> None:
        """Record a remark."""
        self._record("note", {"text": told.text_of(text)})

    def event(self, type: str, data: Mapping[str, Any]) -> None:
        """Record a fact of the caller's own; its type begins with `x.`, or is a kernel type that a caller may tell."""
        if type.__class__ is not str or type not in self._clean_types or data.__class__ is not dict:
            data, problem = told.checked_event(type, data)
            if problem:
                self.writer.refuse("invalid_event", problem)
                return
            self._record(told.clean_type(type, self.redactor), data)
            return
        self._record(type, data)

    def finish(
        self,
        status: str | None = None,
        *,
        exit: int | None = None,
        error: Any = None,
        result: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Digest | None:
        """Close the run and seal it; answers the run digest, or `None` where it could not be sealed.

        Without `status` the checks decide: a failed one → `failed`, a skipped one → `partial`, else `success`.
        When it answers, the bundle survives power loss. A second call changes nothing; while another thread seals, it
        waits, and answers or raises the same.
        """
        return waited(self.finishing(status, exit=exit, error=error, result=result, resources=resources))

    def finishing(
        self,
        status: str | None = None,
        *,
        exit: int | None = None,
        error: Any = None,
        result: Any = None,
        resources: Mapping[str, Any] | None = None,
    ) -> Generator[Pending, None, Digest | None]:
        """As `finish`, in parts: yields what is to be waited for. For the kernel's own parts."""
        if status is not None:
            check_status(status, by_recovery=False)
        closed = {
            "status": status or self._earned_status(),
            "exit": exit,
            "error": self._described(error),
            "result": result,
            "duration_ns": max(0, self._monotonic_ns() - self._started_ns),
            "resources": None if resources is None else told.mapping_of(resources),
            "torn_bytes": 0,
            "lost": [],
        }
        turn = (_thread.get_ident(),)
        try:
            self._complete(closed)
            if not self.writer.end(turn):
                return (yield from self._again())
            self.writer.lose(*self._streams.left())
            self.status = closed["status"] = status or self._earned_status()
            return (yield from self._sealed(closed, error))
        finally:
            if self.writer.ended_by is turn:
                self._let_go()

    def _let_go(self) -> None:
        """The run is sealed, or whoever recovers it may seal it."""
        try:
            if self.writer.journal is not None:
                self.writer.journal.close()
        finally:
            self._sealing.settle()  # before it is forgotten: a fork in between would wait for it
            forget(self)

    def _complete(self, closed: Mapping[str, Any]) -> None:
        """Record what is known at the end alone; of two threads one does, and the other waits for that."""
        if self.writer.inherited or is_amid():
            self._record_end(closed)
            return
        with self._completing:
            self._record_end(closed)

    def _record_end(self, closed: Mapping[str, Any]) -> None:
        try:
            self.writer.wind_up()
            if not self.writer.inherited:  # else the lock may be another thread's
                self._streams.end()
            if self.recording and self.opened_at is not None:
                for child in found_at_seal(self, self.store):
                    self._record("child", child)
                if self._looks_for_evidence:  # what leads nowhere would make the bundle faulty for ever
                    from runstone.engine.evidence_check import check_evidence

                    self._looks_for_evidence = False
                    check_evidence(self, self._contract, {**closed, "redactions": 0, "dropped": 0})
        except RunstoneError as exc:
            if exc.code != "already_finished":  # by another thread, since
                raise

    def _sealed(self, closed: dict[str, Any], error: Any) -> Generator[Pending, None, Digest | None]:
        if self.writer.journal is None:
            return None
        try:
            if self.opened_at is None:  # the process ends while another thread opens it: recovery gives the id back
                return None
            marks: list[Mark] = []
            if self.writer.heard and error is not None:
                closed["error"], marks = without_secrets(closed["error"], self.writer.heard)
            digest, sealed = yield from self._close(closed, marks)
            tell_parents(self._run_id, self.parents, self.store, digest=digest, status=self.status)
        except Exception as exc:  # whatever it is, the work is done, and what was recorded is in the journal
            if not self._may_stay_open(exc):
                self._sealing.failure = exc
                raise
            return None
        else:
            self._publish(sealed)
            return digest

    def _may_stay_open(self, exc: Exception) -> bool:
        """Whether it is enough to say why the run is not sealed. That it was sealed without its end must be known."""
        if isinstance(exc, RunstoneError) and exc.code == "recovered_elsewhere":
            return False
        hint = "runstone recover seals what was recorded"
        self.writer.say("seal", f"run {self._run_id} is not sealed: {told.reason_of(exc)} ({hint})")
        return not self._strict

    def _publish(self, journal: Journal) -> None:
        """Make the copies of what the contract publishes. Without one the run is sealed all the same."""
        if not self._publishes:
            return
        try:
            from runstone.engine.publishing import publisher_of  # most contracts publish nothing

            self.copies = publisher_of(self.store).publish_sealed(self._run_id, self._contract, journal)
        except Exception as exc:  # the run is sealed, and the work is done
            what = f"run {self._run_id} is sealed, its published copy is not: {told.reason_of(exc)}"
            self.writer.say("publish", f"{what} (runstone recover makes it)")
            if self._strict:
                raise

    @property
    def _publishes(self) -> bool:
        return getattr(self._contract, "places", None) is not None

    def _earned_status(self) -> str:
        """By the checks; and where they find nothing, by the decision of the gate around the work."""
        found = status_from_checks(self._check_results)
        return self.decision.status if found == SUCCESS and self.decision is not None else found

    def __enter__(self) -> Self:
        RUNS.enter(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        RUNS.leave(self)
        if self.writer.ended:
            self._sealing.wait(self.writer)
            return
        if exc is None or (isinstance(exc, SystemExit) and exc.code in (None, 0)):
            self.finish()
            return
        if self._secrets or self.writer.heard:
            tell_secrets(self, self.store, exc)
        cancelled = isinstance(exc, KeyboardInterrupt) or type(exc).__name__ == "CancelledError"  # of asyncio
        status = CANCELLED if cancelled else FAILED
        self.finish(status, error=exc, exit=told.exit_code(exc))

    def _described(self, error: Any) -> Any:
        return told.describe(error, self.redactor, self.writer.heard) if isinstance(error, BaseException) else error

    def _repr_html_(self) -> str:
        from runstone.engine.notebook import run_html

        return run_html(self)

    def __repr__(self) -> str:
        return f"<Run {self._run_id} {self.status}>"

    def _artifact(
        self,
        event: str,
        type: str,
        ref: Any,
        *,
        name: str | None = None,
        sha256: str | None = None,
        size: int | None = None,
        media_type: str | None = None,
        keep: bool | str | None = None,
        asked_by: str | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        extension = extension_of(type) if is_object(ref) else None
        if extension is not None:
            kind, text, name = "file", None, told.text_of(type if name is None else name).lstrip("/")
        else:
            kind, text = told.text_of(type), None if ref is None else told.reference_text(ref)
            name = None if name is None else told.text_of(name)
        facts: dict[str, Any] = {"sha256": sha256, "size": size, "path": None}
        way = None if keep is False or (keep is None and extension is None) else asked_way(self.writer, keep, asked_by)
        if extension is not None:
            facts = self._written(ref, extension, name or kind, way, asked_by) if self.recording else facts
        elif text is not None and self.recording and sha256 is None and (kind == "file" or way):
            full = os.path.join(self._here() or "", text)
            name = name or artifact_name(full, self._cwd)
            facts = self._file(FileSource(full), name, way, asked_by)
        copy = facts.pop("copy", None)
        data = artifact_event(kind, text, name, facts, media_type)
        if extra is not None and (known := told.mapping_of(extra)):
            data["extra"] = known
        if problem := data_problem(event, data):
            self.writer.refuse("invalid_event", f"{event}: {problem}")
            return
        self._record(event, data)
        if copy is not None:
            self._record(event, artifact_event(kind, None, copy["name"], copy, media_type))
        else:
            report(self.writer, facts, text or data["name"])

    def _written(self, value: Any, extension: str, name: str, way: str | None, asked_by: str | None) -> dict[str, Any]:
        """What is told of an object that becomes a file of the bundle."""
        from runstone.engine.formats import NotWritten, file_bytes

        try:
            source = MemorySource(file_bytes(value, extension))
        except NotWritten as exc:
            return {"sha256": None, "size": None, "path": None, "problem": f"{NOT_WRITTEN}{exc}"}
        return self._file(source, name, way, asked_by)

    def _file(self, source: Source, name: str, way: str | None, asked_by: str | None) -> dict[str, Any]:
        """What is told of a file; it is kept first, if it is to be."""
        if way is None:
            return facts_of(source)
        if way == NOT_KEPT:
            return {"problem": NOT_KEPT, **facts_of(source)}

        def kept() -> dict[str, Any]:
            from runstone.engine.keeping import Keeper

            return Keeper(source, name, self.writer.keep, self.redactor).facts(way, asked_by)

        facts = facts_of(source, kept)
        anyway = facts.get("kept_anyway")
        if anyway and anyway["rules"]:
            found = f"secrets were found in it: {', '.join(anyway['rules'])}"
            self.log(f"{name} is kept anyway, asked by {asked_by}; {found}", "warning")
        return facts

    def _close(self, closed: Mapping[str, Any], marks: list[Mark]) -> Generator[Pending, None, tuple[Digest, Journal]]:
        writer = self.writer
        journal = writer.journal
        assert journal is not None
        try:
            if self._publishes:
                self.store.journals.published.begin()
            writer.close(closed, marks)
            stage = journal.stage()
            self.digest, sealed = yield from seal(stage, self._contract, journal.read, writer.index, writer.size)
        except RunstoneError as exc:
            if exc.code == "run_exists" or journal.sealed_elsewhere():
                raise error(
                    "recovered_elsewhere",
                    f"recovery sealed run {self._run_id} while its writer was away, with what was recorded until then",
                    run_id=self._run_id,
                ) from exc
            raise
        return self.digest, sealed

    def _again(self) -> Generator[Pending, None, Digest | None]:
        """What the call that seals the run answers or raises; without waiting where that is below in this thread."""
        if self.writer.inherited and self._strict:
            raise error("not_the_writer", f"run {self._run_id} belongs to the parent process", run_id=self._run_id)
        if self._sealing.is_awaited(self.writer):
            yield self._sealing
            if self._sealing.failure is not None:
                raise self._sealing.failure
        return self.digest
