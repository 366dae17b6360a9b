"""A run that is being recorded: what a program tells of itself, each fact in the journal before the call returns.

Here is what the words mean (`check`, `output`, `finish`, …); how a line is written is `engine.writer`.
"""

from __future__ import annotations

import os

from runstone.core import canonical
from runstone.core.events import data_problem
from runstone.core.values import COERCED
from runstone.core.words import (
    CANCELLED,
    CHECK_STATUSES,
    FAILED,
    INTERRUPTED,
    LOG_LEVELS,
    check_status,
    status_from_checks,
)
from runstone.engine import facts as told
from runstone.engine.artifacts import artifact_event, artifact_name, file_facts
from runstone.engine.facts import known_types
from runstone.engine.live import forget, watch
from runstone.engine.sealer import seal
from runstone.engine.writer import JournalWriter
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, Self

    from runstone.core.contract import Contract
    from runstone.core.digests import Digest
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark
    from runstone.ports.clock import Clock
    from runstone.ports.journals import OpenRun


class Run:
    """A run that is being recorded. Made by `Store.run`; a context manager; safe to share between threads.

    Leaving the `with` block finishes the run: by an exception as `failed` (`cancelled` for KeyboardInterrupt),
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
        here: Callable[[], str | None],
        strict: bool,
    ) -> None:
        self.writer = JournalWriter(run_id, journal, redactor, clock, strict=strict)  # for the kernel's own parts
        self._record = self.writer.record
        self._run_id = run_id
        self._contract = contract
        self._monotonic_ns = clock.monotonic_ns
        self._started_ns = clock.monotonic_ns()
        self._here = here  # the working directory of the moment: a program may change it
        self._cwd = here()
        self._strict = strict
        self._check_results: list[str] = []
        self.git: dict[str, Any] | None = None  # `sha` and `ref` as `run.opened` has them
        self.status: str = "running"
        self.digest: Digest | None = None
        if journal is not None:
            watch(self)

    def open(self, opened: Mapping[str, Any], failure: RunstoneError | None) -> None:
        """Write the first line, `run.opened`; or say why nothing will be recorded. Called once, by the store."""
        self.git = opened["git"]
        try:
            self.writer.open(opened, failure)
        finally:
            if self.writer.journal is None:
                forget(self)

    @property
    def redactor(self) -> Redactor:
        """What takes secrets out of everything that this run records."""
        return self.writer.redactor

    def git_state(self, sha: str | None, ref: str | None, *, dirty: bool | None) -> None:
        """Record what is known of the repository, once its dirty flag is."""
        self._record("git", {"sha": sha, "ref": ref, "dirty": dirty})

    @property
    def run_id(self) -> str:
        """The run's id; the name of its folder once it is sealed."""
        return self._run_id

    @property
    def recording(self) -> bool:
        """Whether facts are being recorded: false once finished, in a fork, and where no journal could be opened."""
        return self.writer.recording

    def input(self, type: str, ref: Any = None, **facts: Any) -> None:
        """Record something that the run consumed. See `output` for the arguments."""
        self._artifact("input", type, ref, **facts)

    def output(self, type: str, ref: Any = None, **facts: Any) -> None:
        """Record something that the run produced.

        With `type="file"`, `ref` is a path: the file is hashed now, by reference; `keep=True` also copies it into
        the bundle. For anything else `ref` is text, and `sha256` and `size` are what the caller knows. Also:
        `name` (default: the path below the working directory, or `ref`), `media_type`, `extra` (a mapping that
        is recorded as it is).
        """
        self._artifact("output", type, ref, **facts)

    def check(
        self, name: str, status: str, evidence: str | Iterable[str] | None = None, *, id: str | None = None
    ) -> None:
        """Record a check: `pass`, `fail` or `skip`, with references to its evidence (`run.log:line:3`, …)."""
        marks = [] if isinstance(status, str) and status in CHECK_STATUSES else [["/status", COERCED]]
        if marks and self._strict:
            raise error(
                "invalid_status", f"{told.text_of(status)!r} is not pass, fail or skip", found=told.text_of(status)[:40]
            )
        known = "fail" if marks else status
        self._check_results.append(known)
        facts = {
            "name": told.text_of(name),
            "status": known,
            "evidence": self._evidence(told.texts_of(evidence)),
        }
        self._record("check", {"id": told.snake_case(name) if id is None else told.text_of(id), **facts}, marks)

    def _evidence(self, texts: list[str]) -> list[str]:
        """References without those to messages that were lost with the rest: they are no evidence."""
        return [text for text in texts if text != told.LOST] if self.writer.has_losses else texts

    def log(self, message: str, level: str = "info") -> str:
        """Record a message, one line of `run.log`; answers the reference to it (`run.log:line:N`, 0 if it was lost)."""
        text = message if isinstance(message, str) else told.text_of(message)
        number = self._record(
            "log", {"level": level if isinstance(level, str) and level in LOG_LEVELS else "info", "text": text}
        )
        return f"run.log:line:{number}"

    def stream(self, stream: str, chunk: bytes) -> None:
        """Record bytes that a command wrote to one of its streams (`stdout`, `stderr`), as they are."""
        try:
            data = {"stream": stream, "text": chunk.decode()}
        except UnicodeDecodeError:
            data = {"stream": stream, "latin1": chunk.decode("latin-1")}
        self._record("log", data)

    def metrics(self, values: Mapping[str, Any], step: int | None = None) -> None:
        """Record numbers by name, at a step where there is one. `nan` and infinities are kept as text."""
        marks: list[Mark] = []
        numbers: dict[str, Any] = {}
        for key, value in told.mapping_of(values).items():
            kind, name = type(value), told.text_of(key)
            if (kind is float and value - value == 0.0) or (kind is int and -(2**53) < value < 2**53):
                numbers[name] = value
            else:
                numbers[name] = told.metric_number(value)
                marks.append(["/values" + canonical.pointer([name]), COERCED])
        self._record(
            "metric", {"values": numbers, "step": step if step.__class__ is int else told.metric_step(step)}, marks
        )

    def config(self, value: Any, sources: Mapping[str, Any] | None = None, volatile: Iterable[str] = ()) -> None:
        """Record the configuration. `volatile` are JSON Pointers to what the outcome must not depend on."""
        known = told.mapping_of(sources if sources is not None else {})
        self._record("config", {"value": value, "sources": known, "volatile": told.texts_of(volatile)})

    def note(self, text: str) -> None:
        """Record a remark."""
        self._record("note", {"text": told.text_of(text)})

    def event(self, type: str, data: Mapping[str, Any]) -> None:
        """Record a fact of the caller's own; its type begins with `x.`, or is a kernel type that has no method."""
        if type.__class__ is not str or type not in known_types or data.__class__ is not dict:
            data, problem = told.checked_event(type, data)
            if problem:
                self.writer.refuse("invalid_event", problem)
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
        When it answers, the bundle survives power loss. A second call changes nothing.
        """
        if status is not None:
            check_status("" if status == INTERRUPTED else status)  # only recovery gives that one
        if not self.writer.end():
            return self._again()
        forget(self)
        self.status = status or status_from_checks(self._check_results)
        journal = self.writer.journal
        if journal is None:
            return None
        try:
            return self._close(exit, error, result, resources)
        except RunstoneError as exc:
            self.writer.say(
                "seal", f"run {self._run_id} is not sealed: {exc.message} (runstone recover seals what was recorded)"
            )
            if self._strict or exc.code == "recovered_elsewhere":
                raise
            return None
        finally:
            journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.writer.ended:
            return
        if exc is None or (isinstance(exc, SystemExit) and exc.code in (None, 0)):
            self.finish()
            return
        status = CANCELLED if isinstance(exc, KeyboardInterrupt) else FAILED
        self.finish(status, error=told.describe(exc), exit=told.exit_code(exc))

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
        keep: bool = False,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        text = None if ref is None else told.reference_text(ref)
        kind, name = told.text_of(type), None if name is None else told.text_of(name)
        facts: dict[str, Any] = {"sha256": sha256, "size": size, "path": None}
        keep = told.truth_of(keep)
        if text is not None and self.recording and sha256 is None and (kind == "file" or keep):
            full = os.path.join(self._here() or "", text)
            name = name or artifact_name(full, self._cwd)
            facts = file_facts(full, name, self._keep if keep else None, self.redactor)
            self._report(facts, text)
        data = artifact_event(kind, text, name, facts, media_type)
        if extra is not None and (known := told.mapping_of(extra)):
            data["extra"] = known
        if problem := data_problem(event, data):
            self.writer.refuse("invalid_event", f"{event}: {problem}")
        else:
            self._record(event, data)

    def _keep(self, path: str, pieces: Any) -> Any:
        journal = self.writer.journal
        assert journal is not None
        return journal.keep(path, pieces)

    def _report(self, facts: Mapping[str, Any], ref: str) -> None:
        if not (problem := facts.get("problem")):
            return
        if self._strict:
            code = "changed_while_read" if problem == "changed_while_read" else "file_not_found"
            raise error(code, f"{ref}: {problem}", path=ref, problem=problem)
        self.writer.say(
            f"artifact {ref}",
            f"{ref} has no digest in the record: {problem}" if facts["sha256"] is None else f"{ref}: {problem}",
        )

    def _close(self, exit: int | None, failure: Any, result: Any, resources: Mapping[str, Any] | None) -> Digest:
        writer = self.writer
        journal = writer.journal
        assert journal is not None
        closed = {
            "status": self.status,
            "exit": exit,
            "error": failure,
            "result": result,
            "duration_ns": max(0, self._monotonic_ns() - self._started_ns),
            "resources": None if resources is None else told.mapping_of(resources),
            "torn_bytes": 0,
            "lost": [],
        }
        try:
            writer.close(closed)
            self.digest, _ = seal(journal.stage(), self._contract, journal.read, writer.index, writer.size)
        except RunstoneError as exc:
            if exc.code == "run_exists" or journal.sealed_elsewhere():
                raise error(
                    "recovered_elsewhere",
                    f"recovery sealed run {self._run_id} while its writer was away",
                    run_id=self._run_id,
                ) from exc
            raise
        return self.digest

    def _again(self) -> Digest | None:
        if self.writer.inherited and self._strict:
            raise error("not_the_writer", f"run {self._run_id} belongs to the parent process", run_id=self._run_id)
        return self.digest
