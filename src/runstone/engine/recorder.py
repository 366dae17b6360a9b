"""Record: one canonical, redacted line a fact, on its way to the journal before the call returns.

- Recording never breaks the work: inside a run no call raises for a value or for I/O, except with `strict`.
  What could not be written is counted, said once on standard error, and told by a `dropped` event as soon as the
  journal takes lines again.
- `seq` and `ts` are taken under the run's lock, so file order and numbers agree; time never goes back in it.
- A forked child holds an inert copy: it writes nothing, seals nothing and keeps no lock.
"""

from __future__ import annotations

import _thread
import os

from runstone.core import canonical
from runstone.core.digests import sha256_hex
from runstone.core.events import CLOSED, data_problem, event_line
from runstone.core.journal import JournalIndex
from runstone.core.limits import MAX_KEY_BYTES, MAX_LINE_BYTES
from runstone.core.parsing import load
from runstone.core.runlog import line_ends
from runstone.core.times import SECOND_NS, second_text
from runstone.core.values import COERCED, coerce
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
from runstone.engine.live import LIVE, watch
from runstone.engine.sealer import seal
from runstone.errors import RunstoneError, error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, Final, Self

    from runstone.core.contract import Contract
    from runstone.core.digests import Digest
    from runstone.core.redaction.redactor import Redactor
    from runstone.core.values import Mark
    from runstone.ports.clock import Clock
    from runstone.ports.journals import OpenRun

_LOG_LINE: Final = b'"type":"log"}\n'


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
        cwd: str | None,
        strict: bool,
    ) -> None:
        self._run_id = run_id
        self._journal = journal
        self._append = journal.append if journal is not None else told.nowhere
        self._encode = canonical.encoder()
        self._gate = redactor.gate
        self._off_path = journal is None
        self._contract = contract
        self._redactor = redactor
        self._time_ns = clock.time_ns
        self._monotonic_ns = clock.monotonic_ns
        self._cwd = cwd
        self._strict = strict
        self._lock = _thread.allocate_lock()
        self._started_ns = clock.monotonic_ns()
        self._seq = 0
        self._size = 0
        self._second_ns = 0
        self._second = second_text(0).encode()
        self._last_us = 0
        self._redactions = 0
        self._dropped = 0
        self._lost_events = 0
        self._lost_bytes = 0
        self._check_results: list[str] = []
        self._log_lines = 0
        self._finished = False
        self._inherited = False
        self._said: set[str] = set()
        self.index = JournalIndex()
        self.tap: Callable[[bytes], None] | None = None  # called with each written line, under the lock, in order
        self.git: dict[str, Any] | None = None  # `sha` and `ref` as `run.opened` has them
        self.status: str = "running"
        self.digest: Digest | None = None
        if journal is not None:
            watch(self)

    def open(self, opened: Mapping[str, Any], failure: RunstoneError | None) -> None:
        """Write the first line, `run.opened`; or told.say why nothing will be recorded. Called once, by the store."""
        self.git = opened["git"]
        if failure is not None:
            self._say("open", f"run {self._run_id} is not recorded: {failure.message}; the work goes on")
            return
        journal = self._journal
        assert journal is not None
        try:
            with self._lock:
                body, marks = self._admit("run.opened", opened, [])
                line = event_line("run.opened", body, 0, self._timestamp(), marks)
                journal.append(line)
                self._redactions = sum(mark[1].startswith("redacted:") for mark in marks)
                self._seq, self._size = 1, len(line)
        except RunstoneError as exc:
            self._forget(journal)
            if self._strict or exc.code != "store_unavailable":
                raise
            self._say("open", f"run {self._run_id} is not recorded: {exc.message}; the work goes on")

    def _forget(self, journal: OpenRun) -> None:
        """Nothing was recorded: the id is given back by recovery, which finds no first line."""
        LIVE.pop(id(self), None)
        self._journal = None
        self._off_path = True
        journal.close()

    @property
    def redactor(self) -> Redactor:
        """What takes secrets out of everything that this run records."""
        return self._redactor

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
        return self._journal is not None and not self._finished and not self._inherited

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
            "evidence": [
                text for text in told.texts_of(evidence) if text != told.LOST or not self._dropped + self._lost_events
            ],
        }
        self._record("check", {"id": told.snake_case(name) if id is None else told.text_of(id), **facts}, marks)

    def _evidence(self, texts: list[str]) -> list[str]:
        """References without those to messages that were lost with the rest: they are no evidence."""
        return [text for text in texts if text != told.LOST] if self._dropped + self._lost_events else texts

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
        if type.__class__ is not str or type not in told.known_types or data.__class__ is not dict:
            data, problem = told.checked_event(type, data)
            if problem:
                self._refuse("invalid_event", problem)
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
        with self._lock:
            if self._finished or self._inherited:
                return self._again()
            self._finished = self._off_path = True
        LIVE.pop(id(self), None)
        self.status = status or status_from_checks(self._check_results)
        if self._journal is None:
            return None
        try:
            return self._close(exit, error, result, resources)
        except RunstoneError as exc:
            self._say(
                "seal", f"run {self._run_id} is not sealed: {exc.message} (runstone recover seals what was recorded)"
            )
            if self._strict or exc.code == "recovered_elsewhere":
                raise
            return None
        finally:
            self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._finished:
            return
        if exc is None or (isinstance(exc, SystemExit) and exc.code in (None, 0)):
            self.finish()
            return
        status = CANCELLED if isinstance(exc, KeyboardInterrupt) else FAILED
        self.finish(status, error=told.describe(exc), exit=told.exit_code(exc))

    def __repr__(self) -> str:
        return f"<Run {self._run_id} {self.status}>"

    def _record(self, kind: str, data: Any, marks: list[Mark] | None = None) -> int:
        """Append one event. The common case is one encode, one gate, one write; it is written out for speed.

        Answers how many lines `run.log` has with it, if it is a `log` event and was written; else 0.
        """
        try:
            body = self._encode(data)
        except RunstoneError:
            body = b""
        with self._lock:
            if (
                self._off_path
                or marks
                or not body
                or self._gate.hit(body)
                or (len(body) > MAX_KEY_BYTES and told.is_too_much(data, body))
            ):
                before = self._log_lines
                self._off_the_path(kind, data, list(marks or ()))
                return self._log_lines if self._log_lines != before else 0
            now = self._time_ns() - self._second_ns
            if now >= SECOND_NS or now // 1000 < self._last_us:
                now = self._turn_second(now)
            self._last_us = us = now // 1000
            line = b'{"data":%b,"seq":%d,"ts":"%b.%06dZ","type":"%b"}\n' % (
                body,
                self._seq,
                self._second,
                us,
                kind.encode(),
            )
            try:
                self._append(line)
            except RunstoneError as exc:
                self._lose(line, exc)
                return 0
            self._seq += 1
            self._size += len(line)
            if self.tap is not None:
                self.tap(line)
            if kind != "log":
                return 0
            self._log_lines += line_ends(data)
            return self._log_lines

    def _off_the_path(self, kind: str, data: Any, marks: list[Mark]) -> None:
        """Nothing is recorded any more, the journal must be repaired first, or the data need care."""
        if self._finished or self._inherited or self._journal is None:
            self._not_recorded()
        else:
            self._record_with_care(kind, data, marks)

    def _turn_second(self, now: int) -> int:
        """Another second has begun, or the clock went back: then the last time is repeated."""
        if now // 1000 < self._last_us:
            return self._last_us * 1000
        seconds = now // SECOND_NS
        second = second_text(self._second_ns // SECOND_NS + seconds).encode()
        if second == self._second:  # past the last second that can be written
            return self._last_us * 1000
        self._second_ns += seconds * SECOND_NS
        self._second = second
        self._last_us = 0
        self._encode = canonical.encoder()
        return now - seconds * SECOND_NS

    def _timestamp(self) -> str:
        now = self._time_ns() - self._second_ns
        if now >= SECOND_NS or now // 1000 < self._last_us:
            now = self._turn_second(now)
        self._last_us = now // 1000
        return f"{self._second.decode()}.{self._last_us:06d}Z"

    def _write(self, line: bytes) -> None:
        """Append a line under the lock; after a failed write repair the journal first and tell of the loss."""
        journal = self._journal
        assert journal is not None
        try:
            if self._lost_events:
                self._resume(journal, line.rpartition(b'"ts":"')[2][:27].decode())
                line = told.renumbered(line, self._seq)
            journal.append(line)
        except RunstoneError as exc:
            self._lose(line, exc)
            return
        self._written(line)

    def _written(self, line: bytes) -> None:
        self._seq += 1
        self._size += len(line)
        if line.endswith(_LOG_LINE):  # as recorded: redaction can take line ends out
            self._log_lines += line_ends(load(line)["data"])
        if self.tap is not None:
            self.tap(line)

    def _lose(self, line: bytes, exc: RunstoneError) -> None:
        """A line could not be written: it is counted, and the next one repairs the journal."""
        self._off_path = True
        self._lost_events += 1
        self._lost_bytes += len(line)
        self._say("write", f"run {self._run_id} loses events: {exc.message}; the work goes on")
        if self._strict:
            raise exc

    def _resume(self, journal: OpenRun, ts: str) -> None:
        """The journal opened anew and cut to its last LF, with a `dropped` event for what did not get in.

        `ts` is the time of the line that comes next, which is made already.
        """
        self._size = journal.repair()
        data = {"events": self._lost_events, "bytes": self._lost_bytes, "reason": "store_unavailable", "sha256": None}
        line = event_line("dropped", canonical.canonical_bytes(data), self._seq, ts, [])
        journal.append(line)
        self._written(line)
        self._dropped += self._lost_events
        self._lost_events = self._lost_bytes = 0
        self._off_path = False

    def _record_with_care(self, kind: str, data: Any, marks: list[Mark]) -> None:
        """The slow path: coerce, redact, check the limits. Called under the lock."""
        try:
            body, marks = self._admit(kind, data, marks)
        except RunstoneError as exc:
            if self._strict:
                raise
            self._drop(1, 0, exc.code, None)
            return
        if len(body) + told.ENVELOPE_BYTES + sum(len(mark[0]) + 64 for mark in marks) > MAX_LINE_BYTES:
            if self._strict:
                raise error(
                    "too_large", f"an event of {len(body)} bytes; keep larger data as a file", limit=MAX_LINE_BYTES
                )
            self._drop(1, len(body), "too_large", sha256_hex(body))
            return
        self._redactions += sum(mark[1].startswith("redacted:") for mark in marks)
        self._write(event_line(kind, body, self._seq, self._timestamp(), marks))

    def _admit(self, kind: str, data: Any, marks: list[Mark]) -> tuple[bytes, list[Mark]]:
        tree, found = coerce(data)
        marks = marks + found
        tree = self._redactor.tree(tree, marks)
        problem = data_problem(kind, tree)
        if problem:
            raise error("invalid_event", f"event {kind}: {problem}", type=kind)
        told.check_keys(tree)
        return canonical.canonical_bytes(tree), marks

    def _drop(self, events: int, size: int, reason: str, sha256: str | None) -> None:
        """Record under the lock that something was left out."""
        self._say("drop", f"run {self._run_id} leaves out an event: {reason}")
        self._dropped += events
        data = {"events": events, "bytes": size, "reason": reason, "sha256": sha256}
        self._write(event_line("dropped", canonical.canonical_bytes(data), self._seq, self._timestamp(), []))

    def written(self) -> bytes:
        """The journal as it stands; for an index that joins late. Called under no lock, before threads write."""
        journal = self._journal
        return b"" if journal is None else b"".join(journal.read(0, self._size))

    def left_out(self, events: int, size: int, reason: str, sha256: str | None) -> None:
        """Record that the caller itself left something out (output over a limit)."""
        with self._lock:
            if self.recording:
                self._drop(events, size, reason, sha256)

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
        if text is not None and self.recording and sha256 is None and (kind == "file" or keep):
            name = name or artifact_name(text, self._cwd)
            full = os.path.join(self._cwd or "", text)
            facts = file_facts(full, name, self._keep if keep else None, self._redactor)
            self._report(facts, text)
        data = artifact_event(kind, text, name, facts, media_type)
        if extra is not None and (known := told.mapping_of(extra)):
            data["extra"] = known
        if problem := data_problem(event, data):
            self._refuse("invalid_event", f"{event}: {problem}")
        else:
            self._record(event, data)

    def _keep(self, path: str, pieces: Any) -> Any:
        journal = self._journal
        assert journal is not None
        return journal.keep(path, pieces)

    def _report(self, facts: Mapping[str, Any], ref: str) -> None:
        if not (problem := facts.get("problem")):
            return
        if self._strict:
            code = "changed_while_read" if problem == "changed_while_read" else "file_not_found"
            raise error(code, f"{ref}: {problem}", path=ref, problem=problem)
        self._say(
            f"artifact {ref}",
            f"{ref} has no digest in the record: {problem}" if facts["sha256"] is None else f"{ref}: {problem}",
        )

    def _close(self, exit: int | None, failure: Any, result: Any, resources: Mapping[str, Any] | None) -> Digest:
        journal = self._journal
        assert journal is not None
        with self._lock:
            if self._lost_events:
                self._resume(journal, self._timestamp())
            duration_ns = self._monotonic_ns() - self._started_ns
            data = {
                "status": self.status,
                "exit": exit,
                "error": failure,
                "result": result,
                "duration_ns": max(0, duration_ns),
                "redactions": 0,
                "dropped": self._dropped,
                "resources": None if resources is None else told.mapping_of(resources),
                "torn_bytes": 0,
                "lost": [],
            }
            body, marks = self._closing(data)
            line = event_line(CLOSED, body, self._seq, self._timestamp(), marks)
            journal.append(line)
            self._seq += 1
            self._size += len(line)
        self.tap = None
        try:
            self.digest, _ = seal(journal.stage(), self._contract, journal.read, self.index, self._size)
        except RunstoneError as exc:
            if exc.code == "run_exists":
                raise error(
                    "recovered_elsewhere",
                    f"recovery sealed run {self._run_id} while its writer was away",
                    run_id=self._run_id,
                ) from exc
            raise
        return self.digest

    def _closing(self, data: dict[str, Any]) -> tuple[bytes, list[Mark]]:
        """`run.closed`, with the count of redactions that includes its own."""
        try:
            tree, marks = self._closing_tree(data)
        except RunstoneError:  # a value that cannot be told must not keep the run open
            tree, marks = self._closing_tree({**data, "error": None, "result": None, "resources": None, "exit": None})
        tree["redactions"] = self._redactions + sum(mark[1].startswith("redacted:") for mark in marks)
        return canonical.canonical_bytes(tree), marks

    def _closing_tree(self, data: dict[str, Any]) -> tuple[dict[str, Any], list[Mark]]:
        tree, marks = coerce(data)
        tree = self._redactor.tree(tree, marks)
        if problem := data_problem(CLOSED, tree):
            raise error("invalid_event", problem, type=CLOSED)
        told.check_keys(tree)
        return tree, marks

    def _again(self) -> Digest | None:
        if self._inherited and self._strict:
            raise error("not_the_writer", f"run {self._run_id} belongs to the parent process", run_id=self._run_id)
        return self.digest

    def _not_recorded(self) -> None:
        if self._inherited:
            self._say("fork", f"run {self._run_id} belongs to the parent process; open a run of its own in the child")
            if self._strict:
                raise error("not_the_writer", f"run {self._run_id} belongs to the parent process", run_id=self._run_id)
        elif self._finished:
            self._say("finished", f"run {self._run_id} is finished; what comes after is not recorded")
            if self._strict:
                raise error("already_finished", f"run {self._run_id} is finished", run_id=self._run_id)
        else:
            self._lost_events += 1

    def _refuse(self, code: str, message: str) -> None:
        if self._strict:
            raise error(code, message)
        with self._lock:
            if self.recording:
                self._say("refuse", message)
                self._drop(1, 0, code, None)

    def _say(self, topic: str, message: str) -> None:
        """Say a thing on standard error, once a topic, without what control characters could do to a terminal."""
        if topic in self._said:
            return
        self._said.add(topic)
        told.say(message, self._redactor)

    def become_inert(self) -> None:
        """In a forked child: this copy records nothing from now on."""
        self._inherited = self._off_path = True
        self._lock = _thread.allocate_lock()
        if self._journal is not None:
            self._journal.inherit()
